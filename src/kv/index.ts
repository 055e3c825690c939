/** The key-value state machine by itself, for those who host it on a replica of their own making. */

export type { Auth, AuthInfo } from "./auth/auth.ts";
export type { AuthChange } from "./auth/auth-change.ts";
export type { Unchanged } from "./auth/auth-rules.ts";
export type { Access, AuthRevision, Permission, Role, User } from "./auth/auth-state.ts";
export type { Rights } from "./auth/rights.ts";
export type { BoundBy, BoundFields, BoundName, Bounds, Range, RangeOrder } from "./bounds.ts";
export { ClientSession } from "./client-session.ts";
export type { FieldCompares, KeyCompares, MakeCompare } from "./compares.ts";
export type { DecodeOr, DecodeOrRaw, DecodeOrSkip, Undecodable } from "./decoding.ts";
export type { KvEntry, ReadOptions } from "./keyspace.ts";
export type { HostOptions, NamespaceOptions, TouchOptions } from "./kv.ts";
export {
  type DeleteOptions,
  type DeleteOutcome,
  Kv,
  type LeaseInfo,
  type LeaseOptions,
  type PutOutcome,
  type SessionOptions,
} from "./kv.ts";
export type { BackendOperationResult, BackendTxnResult, Counted, Deleted, StateHash } from "./kv-backend.ts";
export type { KvContext, KvLimits, KvReplica, MemoryWatch, SetKvLimits } from "./kv-context.ts";
export type { KvMetrics } from "./kv-metrics.ts";
export type { LeaseEvents } from "./lease.ts";
export type { LeaseChoice } from "./lease-choice.ts";
export type { Alarm, AlarmKind, Alarms } from "./machine/alarms.ts";
export type { Authority } from "./machine/authority.ts";
export type {
  AlarmCommand,
  AsCommand,
  AuthCommand,
  AuthTokenCommand,
  Command,
  CompactCommand,
  Compare,
  CompareRelation,
  CompareTarget,
  CountOperation,
  DeleteCommand,
  LeaseCheckpoint,
  LeaseCheckpointCommand,
  LeaseGrantCommand,
  LeaseKeepAliveCommand,
  LeaseRevokeCommand,
  Operation,
  PutCommand,
  RangeOperation,
  SessionEndCommand,
  SessionId,
  SessionOpenCommand,
  SessionWriteCommand,
  TxnCommand,
} from "./machine/command.ts";
export { decodeCommand, encodeCommand } from "./machine/command-codec.ts";
export type { Counts } from "./machine/counts.ts";
export type { GrantedToken } from "./machine/granted-token.ts";
export { type KvAnswer, KvMachine, type KvQuery } from "./machine/kv-machine.ts";
export type { KvState } from "./machine/kv-state.ts";
export type { LeaseObserver, LeaseState, LeaseTable } from "./machine/lease-table.ts";
export type {
  AuthTokenResult,
  CountResult,
  DeleteResult,
  DoneResult,
  KvResult,
  LeaseGrantResult,
  LeaseKeepAliveResult,
  LeaseRevokeResult,
  OperationResult,
  PutResult,
  RangeResult,
  Refused,
  SessionOpenResult,
  TxnResult,
} from "./machine/result.ts";
export type { Answer } from "./machine/result-codec.ts";
export type { KeptAnswer, PackedClientSession, Recollection, SessionTable } from "./machine/session-table.ts";
export type { ChangeLog } from "./mvcc/change-log.ts";
export type { CompactedKeys, Compaction } from "./mvcc/compaction.ts";
export type { KeyHistory, KeyVersion, LeaseId, Revision } from "./mvcc/key-history.ts";
export type { Key, KeyRange } from "./mvcc/key-range.ts";
export type { KeysFound, MvccStore, RangeOptions } from "./mvcc/mvcc-store.ts";
export type { Selection, SelectionOptions, SortTarget } from "./mvcc/selection.ts";
export type { WatchBatch, WatchedChange, Watcher, WatchHub, WatchRequest } from "./mvcc/watch-hub.ts";
export type { Page, PageOptions, Scan, ScanOptions } from "./scan.ts";
export type { TransactOptions } from "./transact.ts";
export type { OpFactory, OpResults, TxnOutcome } from "./txn-builder.ts";
export type { BasicOps, Op, PutOpOptions, RangeOpOptions, ReadOpOptions } from "./txn-operations.ts";
export type { LeaseKeeper } from "./upkeep/lease-keeper.ts";
export type { Upkeep } from "./upkeep/upkeep.ts";
export type { UpkeepMember } from "./upkeep/upkeep-member.ts";
export type { CodecName, CodecValue, ValuesOption } from "./value-codec.ts";
export type { WatchEvents, WatchSettings } from "./watch.ts";
