import type { ErrorCode, ErrorFields } from "../../base/errors.ts";
import type { Index } from "../../log/entry.ts";
import type { KeyVersion, LeaseId, Revision } from "../mvcc/key-history.ts";
import type { SessionId } from "./command.ts";

/** What became of a command. `revision` is the store's after it, and the new one if it changed a key. */
export type KvResult =
  | PutResult
  | DeleteResult
  | TxnResult
  | LeaseGrantResult
  | LeaseRevokeResult
  | LeaseKeepAliveResult
  | SessionOpenResult
  | AuthTokenResult
  | DoneResult
  | Refused;

/** What became of an operation in a transaction; `revision` is then the one of the operation's own moment. */
export type OperationResult = PutResult | DeleteResult | RangeResult | CountResult | TxnResult;

export interface PutResult {
  readonly kind: "put";
  readonly revision: Revision;
  readonly previous: KeyVersion | null;
}

export interface DeleteResult {
  readonly kind: "delete";
  readonly revision: Revision;
  /** What was deleted, in key order. */
  readonly deleted: readonly KeyVersion[];
}

export interface RangeResult {
  readonly kind: "range";
  readonly revision: Revision;
  readonly versions: readonly KeyVersion[];
  readonly more: boolean;
}

export interface CountResult {
  readonly kind: "count";
  readonly revision: Revision;
  readonly count: number;
}

export interface TxnResult {
  readonly kind: "txn";
  readonly revision: Revision;
  readonly succeeded: boolean;
  /** One for each operation of the branch that was taken. */
  readonly results: readonly OperationResult[];
}

export interface LeaseGrantResult {
  readonly kind: "lease-grant";
  readonly revision: Revision;
  readonly lease: LeaseId;
  readonly ttlMs: number;
}

export interface LeaseRevokeResult {
  readonly kind: "lease-revoke";
  readonly revision: Revision;
  readonly deleted: readonly KeyVersion[];
}

export interface LeaseKeepAliveResult {
  readonly kind: "lease-keep-alive";
  readonly revision: Revision;
  /** The time that each lease has now, 0 for those that do not exist. */
  readonly ttlsMs: readonly number[];
}

export interface SessionOpenResult {
  readonly kind: "session-open";
  readonly revision: Revision;
  readonly session: SessionId;
}

export interface AuthTokenResult {
  readonly kind: "auth-token";
  readonly revision: Revision;
  /** The entry that told of the token: members that have applied it know the token. */
  readonly index: Index;
}

/** For commands that answer nothing else: changes of users and roles, compact, lease checkpoints, alarms, and the end of a session. */
export interface DoneResult {
  readonly kind: "done";
  readonly revision: Revision;
}

/** The command changed nothing; the fields are those of the error that its caller gets. */
export interface Refused<Code extends ErrorCode = ErrorCode> {
  readonly kind: "refused";
  readonly revision: Revision;
  readonly code: Code;
  readonly message: string;
  readonly details: ErrorFields[Code];
}

export function refused<Code extends ErrorCode>(
  revision: Revision,
  code: Code,
  message: string,
  details: ErrorFields[Code],
): Refused<Code> {
  return { kind: "refused", revision, code, message, details };
}
