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

/** The result of a `PutCommand`. `previous` is null if the key did not exist. */
export interface PutResult {
  readonly kind: "put";
  readonly revision: Revision;
  readonly previous: KeyVersion | null;
}

/** The result of a `DeleteCommand`. If no key matched, `deleted` is empty and the revision is unchanged. */
export interface DeleteResult {
  readonly kind: "delete";
  readonly revision: Revision;
  /** What was deleted, in key order. */
  readonly deleted: readonly KeyVersion[];
}

/** The keys that a read inside a transaction found. `more` says that its limit kept some out. */
export interface RangeResult {
  readonly kind: "range";
  readonly revision: Revision;
  readonly versions: readonly KeyVersion[];
  readonly more: boolean;
}

/** How many keys a range holds, whatever the limit. */
export interface CountResult {
  readonly kind: "count";
  readonly revision: Revision;
  readonly count: number;
}

/** The result of a transaction: which branch ran, and the results of its operations. */
export interface TxnResult {
  readonly kind: "txn";
  readonly revision: Revision;
  readonly succeeded: boolean;
  /** One for each operation of the branch that was taken. */
  readonly results: readonly OperationResult[];
}

/** The result of a `LeaseGrantCommand`, with the id that was chosen if the command named none. */
export interface LeaseGrantResult {
  readonly kind: "lease-grant";
  readonly revision: Revision;
  readonly lease: LeaseId;
  readonly ttlMs: number;
}

/** The result of a `LeaseRevokeCommand`: the keys that were deleted with the lease. */
export interface LeaseRevokeResult {
  readonly kind: "lease-revoke";
  readonly revision: Revision;
  readonly deleted: readonly KeyVersion[];
}

/** The result of renewing leases, in the order of the command. */
export interface LeaseKeepAliveResult {
  readonly kind: "lease-keep-alive";
  readonly revision: Revision;
  /** The time that each lease has now, 0 for those that do not exist. */
  readonly ttlsMs: readonly number[];
}

/** The result of opening a client session, with its new id. */
export interface SessionOpenResult {
  readonly kind: "session-open";
  readonly revision: Revision;
  readonly session: SessionId;
}

/** The result of registering an authentication token. */
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
