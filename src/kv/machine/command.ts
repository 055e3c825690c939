import type { Index, MemberId } from "../../log/entry.ts";
import type { AuthInfo } from "../auth/auth.ts";
import type { AuthChange } from "../auth/auth-change.ts";
import type { AuthRevision } from "../auth/auth-state.ts";
import type { LeaseId, Revision } from "../mvcc/key-history.ts";
import type { Key, KeyRange } from "../mvcc/key-range.ts";
import type { Selection } from "../mvcc/selection.ts";
import type { AlarmKind } from "./alarms.ts";

/** What can be agreed on. Keys and values are byte strings. */
export type Command =
  | PutCommand
  | DeleteCommand
  | TxnCommand
  | LeaseGrantCommand
  | LeaseRevokeCommand
  | LeaseKeepAliveCommand
  | LeaseCheckpointCommand
  | CompactCommand
  | AlarmCommand
  | SessionOpenCommand
  | SessionWriteCommand
  | SessionEndCommand
  | AuthCommand
  | AuthTokenCommand
  | AsCommand;

/** What a transaction may do. */
export type Operation = PutCommand | DeleteCommand | RangeOperation | CountOperation | TxnCommand;

/** Writes one key (etcd: Put). */
export interface PutCommand {
  readonly kind: "put";
  readonly key: Key;
  /** Null keeps the value that the key has (etcd's ignore_value). */
  readonly value: string | null;
  /** The empty id detaches the key from its lease; null keeps the lease that the key has (etcd's ignore_lease). */
  readonly lease: LeaseId | null;
}

/** Deletes every key of a range (etcd: DeleteRange). */
export interface DeleteCommand {
  readonly kind: "delete";
  readonly range: KeyRange;
}

/** Reads inside a transaction, what came before in it included unless a revision is named. */
export interface RangeOperation {
  readonly kind: "range";
  readonly range: KeyRange;
  readonly revision: Revision | null;
  /** 0 is no limit. */
  readonly limit: number;
  readonly reverse: boolean;
  /** Null gives everything, in key order. */
  readonly selection: Selection | null;
}

/**
 * Counts the keys of a range inside a transaction. Null counts the newest state, the transaction's own writes
 * included.
 */
export interface CountOperation {
  readonly kind: "count";
  readonly range: KeyRange;
  readonly revision: Revision | null;
}

/** If all compares hold then `success`, else `failure`, in one step. */
export interface TxnCommand {
  readonly kind: "txn";
  readonly compares: readonly Compare[];
  readonly success: readonly Operation[];
  readonly failure: readonly Operation[];
}

/** The field of a key that a compare looks at (etcd: Compare.CompareTarget). */
export type CompareTarget = "value" | "version" | "createRevision" | "modRevision" | "lease";
/** How a compare relates the field to its operand (etcd: Compare.CompareResult). */
export type CompareRelation = "equal" | "notEqual" | "less" | "greater";

/**
 * A claim about every key of a range. A range without keys, and a missing key, are compared as a key whose numbers
 * are 0 and whose lease is empty; a claim about the value of a missing key is always false (as in etcd).
 */
export interface Compare {
  readonly range: KeyRange;
  readonly target: CompareTarget;
  readonly relation: CompareRelation;
  /** Text for `value` and `lease`, a number for the others. */
  readonly operand: string | number;
}

/** Creates a lease of `ttlMs` milliseconds (etcd: LeaseGrant). */
export interface LeaseGrantCommand {
  readonly kind: "lease-grant";
  /** The empty id lets the machine choose one. */
  readonly lease: LeaseId;
  readonly ttlMs: number;
}

/** Ends a lease and deletes the keys attached to it (etcd: LeaseRevoke). */
export interface LeaseRevokeCommand {
  readonly kind: "lease-revoke";
  readonly lease: LeaseId;
  /**
   * Set when a leader found the lease expired: it is revoked only if it has not been renewed since. So a revoke that
   * waited long somewhere can do no harm (etcd-io/etcd#15247).
   */
  readonly renewedAt: Index | null;
}

/**
 * Keep-alives go through the log: so they cannot overtake a revoke, are refused by nobody who only believes that it
 * leads, and work on every member. They cost a small entry for each third of a lease's time.
 */
export interface LeaseKeepAliveCommand {
  readonly kind: "lease-keep-alive";
  readonly leases: readonly LeaseId[];
}

/** Records the remaining time of leases (etcd: LeaseCheckpoint). */
export interface LeaseCheckpointCommand {
  readonly kind: "lease-checkpoint";
  readonly checkpoints: readonly LeaseCheckpoint[];
}

/** The remaining time of one lease, so that a new leader does not grant it its whole time again. */
export interface LeaseCheckpoint {
  readonly lease: LeaseId;
  readonly renewedAt: Index;
  readonly remainingMs: number;
}

/** Discards the history before `revision`. The current value of every key stays (etcd: Compact). */
export interface CompactCommand {
  readonly kind: "compact";
  readonly revision: Revision;
}

/**
 * Raises an alarm about a member, or lowers it. While `no-space` stands, what makes the store grow is refused; the leader
 * raises it about itself when the store is over its quota. While `corrupt` stands, callers that are clients of a front door
 * neither write nor read keys.
 */
export interface AlarmCommand {
  readonly kind: "alarm";
  readonly alarm: AlarmKind;
  /** Null lowers it for all members. */
  readonly member: MemberId | null;
  readonly isRaised: boolean;
}

/** Names a client session: the index of the entry that opened it, so no two ever share a name. */
export type SessionId = string;

/** Begins a client session; the machine names it. */
export interface SessionOpenCommand {
  readonly kind: "session-open";
}

/** A write that takes effect once, however often it is proposed. */
export interface SessionWriteCommand {
  readonly kind: "session-write";
  readonly session: SessionId;
  /** The client's number for the write, from 1. */
  readonly number: number;
  /** The encoded command: one of those on keys and leases. */
  readonly write: Uint8Array;
}

/** Ends a client session and forgets the answers kept for it (Raft dissertation §6.3). */
export interface SessionEndCommand {
  readonly kind: "session-end";
  readonly session: SessionId;
}

/** Changes users and roles. */
export interface AuthCommand {
  readonly kind: "auth";
  readonly change: AuthChange;
}

/** Tells every member of a token, so that each lets its user in. */
export interface AuthTokenCommand {
  readonly kind: "auth-token";
  readonly user: string;
  /** What tells the token, but does not give it away: the log is no place for it. */
  readonly digest: string;
  /** The auth revision under which the password was checked. */
  readonly authRevision: AuthRevision;
}

/** A command of somebody who is not trusted with everything: it is carried out only if the user's roles allow it then. */
export interface AsCommand {
  readonly kind: "as";
  readonly caller: AuthInfo;
  /** What the caller will be shown beside what the command itself reads: keys as they were before it. */
  readonly shown: readonly KeyRange[];
  readonly command: Exclude<Command, AsCommand | SessionWriteCommand>;
}

/** What etcd refuses without space: puts, transactions that might put, and leases. New client sessions are as good as leases. */
export function grows(command: Command): boolean {
  switch (command.kind) {
    case "put":
    case "lease-grant":
    case "session-open":
      return true;
    case "txn":
      return mayPut(command);
    case "as":
      return grows(command.command);
    default:
      return false;
  }
}

function mayPut({ success, failure }: TxnCommand): boolean {
  return [...success, ...failure].some(
    (operation) => operation.kind === "put" || (operation.kind === "txn" && mayPut(operation)),
  );
}
