/**
 * Quorate: replicated, crash-safe storage and coordination inside your Node.js processes. No server to run.
 *
 * `open` gives a key-value store with etcd's data model; `createReplica` replicates a state machine of your own.
 * Both are members of a cluster that agrees by Raft, or alone. The parts are under `quorate/raft`, `quorate/storage`,
 * `quorate/kv`, `quorate/transport/tcp` and `quorate/transport/memory`.
 */

export type { Callback, Done } from "./base/callback.ts";
export type { Clock, Timer } from "./base/clock.ts";
export type { Overrides } from "./base/defaults.ts";
export type { Durations } from "./base/durations.ts";
export type { Emitter, Observer } from "./base/emitter.ts";
export type { AuthChangeReason, ErrorOptions as QuorateErrorOptions } from "./base/errors.ts";
export { type ErrorCode, type ErrorFields, type Outcome, QuorateError } from "./base/errors.ts";
export { Coordination } from "./coordination/coordination.ts";
export type { Bounds, Range, RangeOrder } from "./kv/bounds.ts";
export type { ClientSession } from "./kv/client-session.ts";
export type { DecodeOr, DecodeOrRaw, DecodeOrSkip, Undecodable } from "./kv/decoding.ts";
export type { KvEntry, ReadOptions } from "./kv/keyspace.ts";
export type {
  DeleteOptions,
  DeleteOutcome,
  LeaseInfo,
  LeaseOptions,
  PutOptions,
  PutOutcome,
  SessionOptions,
  WriteResult,
} from "./kv/kv.ts";
export { Kv } from "./kv/kv.ts";
export type { StateHash } from "./kv/kv-backend.ts";
export type { Lease } from "./kv/lease.ts";
export type { Page, PageOptions, Scan, ScanOptions } from "./kv/scan.ts";
export type { TransactOptions, Tx } from "./kv/transact.ts";
export type { TxnBuilder } from "./kv/txn-builder.ts";
export type { CodecName } from "./kv/value-codec.ts";
export type { Watch, WatchEvent, WatchOptions } from "./kv/watch.ts";
export {
  type CreateReplicaOptions,
  createReplica,
  type MemberOptions,
  type OpenOptions,
  open,
} from "./open.ts";
export type { OnApplyError } from "./replica/apply/execution.ts";
export type { CallOptions } from "./replica/calls/call.ts";
export type { CommandCodecName } from "./replica/calls/command-codec.ts";
export type { ReadOptions as BarrierOptions } from "./replica/calls/reads.ts";
export type { Cluster } from "./replica/cluster.ts";
export type { ReplicaEvents } from "./replica/events.ts";
export type { MemberRecord } from "./replica/members/directory.ts";
export type { MemberNews, NewMember } from "./replica/membership/cluster-changes.ts";
export type { ReplicaLimits, ReplicaOptions } from "./replica/options.ts";
export { Replica } from "./replica/replica.ts";
export type { SnapshotTaken } from "./replica/snapshots/snapshotter.ts";
export type { Applied, Codec, Restoration, StateMachine } from "./replica/state-machine.ts";
export type { CapturedState, ReplicaMetrics, ReplicaStatus } from "./replica/status.ts";
export type { StoreParts } from "./store.ts";
export { Store, type StoreMetrics, type StoreStatus } from "./store.ts";
export type {
  Newcomer,
  Peer,
  PeerTraffic,
  Self,
  StrangerCounts,
  Transport,
  TransportHost,
} from "./transport/transport.ts";
