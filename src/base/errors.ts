/**
 * What callers must be able to handle, by code. Each code has its own fields, found in `details`.
 * Codes are stable from release to release, texts are not.
 */
export interface ErrorFields {
  /** An option, key or argument is not what the call takes. */
  ERR_INVALID_ARGUMENT: { readonly argument: string; readonly received?: unknown };
  /** A key, value, request or message is over its limit. */
  ERR_TOO_LARGE: { readonly what: string; readonly size: number; readonly limit: number };
  /** No leader with a quorum was found in time. */
  ERR_NO_QUORUM: {
    readonly waitedMs: number;
    /** From `ready`: the peers to which no connection stands, each with the reason where it is known. */
    readonly unreachable?: readonly string[];
  };
  /** The call's own time limit passed. */
  ERR_TIMEOUT: { readonly timeoutMs: number };
  /** Too much is waiting: a queue or budget is full. */
  ERR_BUSY: { readonly what: string; readonly limit: number };
  /** The member is closing or closed. */
  ERR_CLOSED: Record<never, never>;
  /** The data directory is open in another process, or elsewhere in this one; or it was taken over by another process. */
  ERR_LOCKED: {
    readonly directory: string;
    readonly pid: number | undefined;
    readonly host: string | undefined;
  };
  /** The data directory holds no store of this kind, but something else. `found` names it, `kind` says what it seems to be. */
  ERR_FOREIGN_DIRECTORY: {
    readonly directory: string;
    readonly found: readonly string[];
    readonly kind: "store" | "lmdb" | "server" | "etcd" | "files";
  };
  /** The data directory belongs to another cluster or member. */
  ERR_IDENTITY_MISMATCH: { readonly field: string; readonly expected: string; readonly found: string };
  /** A peer was opened with another value of an option that must be the same on all members. Neither takes the other's frames. */
  ERR_OPTION_MISMATCH: {
    readonly peer: string;
    readonly option: string;
    readonly ours: string;
    readonly theirs: string;
  };
  /** The data directory was written by a newer release, in a format that this one does not know. */
  ERR_INCOMPATIBLE: { readonly what: string; readonly found: number; readonly supported: number };
  /** Bytes on the disk are not what was written. */
  ERR_CORRUPT: {
    readonly file: string;
    readonly offset: number;
    readonly reason: string;
    readonly index?: number;
    readonly term?: number;
  };
  /** The disk refused a read, write or sync. After a failed write or sync the member stops. */
  ERR_DISK: { readonly operation: string; readonly path: string; readonly errno?: string };
  /**
   * The disk of this member has no room, since so many milliseconds. Reads work, writes are refused until there is room;
   * other members may have some. Nothing has to be started again.
   */
  ERR_DISK_FULL: { readonly member: string; readonly fullForMs: number };
  /** The address is in use, or cannot be listened on. */
  ERR_LISTEN: { readonly address: string; readonly errno: string };
  /** The address can be reached from other machines, but neither TLS nor `insecure` was asked for. */
  ERR_INSECURE: { readonly address: string };
  /** What was asked for needs an optional package that is not installed. */
  ERR_PACKAGE_MISSING: { readonly package: string };
  /** Whoever is at the other end of a connection sent bytes that are not of this protocol, or fell silent in the handshake. */
  ERR_PROTOCOL: { readonly peer: string; readonly reason: string };
  /** A snapshot could not be carried to this member. A leader that still needs to will try again. */
  ERR_SNAPSHOT_TRANSFER: { readonly to: string; readonly reason: string };
  /** The revision was compacted away. `compactRevision` is the oldest that can still be read. */
  ERR_COMPACTED: { readonly revision: number; readonly compactRevision: number };
  /** The revision has not been reached yet. */
  ERR_FUTURE_REVISION: { readonly revision: number; readonly currentRevision: number };
  /** The lease does not exist: it was never granted, was revoked, or has expired. */
  ERR_LEASE_NOT_FOUND: { readonly lease: string };
  /** A lock, a leadership or another hold is over: its lease was lost, or its key was deleted. */
  ERR_LOCK_LOST: { readonly key: string; readonly reason: string };
  /** A lease with this id exists already. */
  ERR_LEASE_EXISTS: { readonly lease: string };
  /** The condition of a write did not hold; the key is now at this version and revision, both 0 when it is missing. */
  ERR_CONDITION_FAILED: { readonly key: string; readonly version: number; readonly modRevision: number };
  /** The key does not exist, and the write wanted to keep something of it. */
  ERR_KEY_NOT_FOUND: { readonly key: string };
  /**
   * A stored value is not one that the store's codec can decode: written by another program, or under an older schema.
   * `revision` is the one that wrote it; `get(key, { revision, onDecodeError: "raw" })` gives its bytes. The codec's own
   * error is the `cause`.
   */
  ERR_DECODE: { readonly key: string; readonly revision: number };
  /** The store holds as much as its quota allows. Reading, deleting and compacting help or go on. */
  ERR_NO_SPACE: Record<never, never>;
  /** Members were found to differ. Clients of a front door are refused until an operator lowers the alarm. */
  ERR_CLUSTER_CORRUPT: Record<never, never>;
  /** The client session is not known: it was ended, or not used for so long that it was given up. */
  ERR_SESSION_EXPIRED: { readonly session: string };
  /** The session has forgotten what became of this number: too many came after it, or the answer was too large to keep. */
  ERR_ANSWER_FORGOTTEN: { readonly session: string; readonly number: number };
  /** The same key is written twice in one transaction. */
  ERR_DUPLICATE_KEY: { readonly key: string };
  /** Users and roles count, and the call names no user. */
  ERR_AUTH_REQUIRED: Record<never, never>;
  /** The user's roles do not allow the call. */
  ERR_AUTH_DENIED: Record<never, never>;
  /** The name or the password is wrong; it is not said which. */
  ERR_AUTH_FAILED: Record<never, never>;
  /** The token is not known: it was never given, or not used for too long, or its user has changed since. */
  ERR_AUTH_TOKEN: Record<never, never>;
  /** The user has changed since the caller proved to be it. Authenticate again. */
  ERR_AUTH_STALE: { readonly authRevision: number; readonly requiredRevision: number };
  /** There is nothing to authenticate for: users and roles do not count. */
  ERR_AUTH_DISABLED: Record<never, never>;
  /** The change of users and roles cannot be made. */
  ERR_AUTH_CHANGE: { readonly reason: AuthChangeReason };
  /** The membership change cannot be made now, or at all. */
  ERR_MEMBERSHIP: { readonly reason: string };
  /** A line of a history that is to be judged is not an operation. */
  ERR_INVALID_HISTORY: { readonly line: number; readonly reason: string };
  /** The server failed a call in words for which there is no code here. `status` is gRPC's number. */
  ERR_REMOTE: { readonly status: number; readonly text: string };
  /** The other end does not offer this. */
  ERR_UNSUPPORTED: { readonly what: string };
  /** This member's log or state is not that of a majority of the members (null: they do not agree at all). It has stopped. */
  ERR_DIVERGED: {
    readonly index: number;
    readonly what: "log" | "state";
    readonly own: number;
    readonly majority: number | undefined;
  };
  /**
   * This member's log ends before entries that it has acknowledged: its directory is an old copy, or the disk lost what it
   * kept. It has stopped. Remove the member, and add it again with an empty directory.
   */
  ERR_LOG_LOST: { readonly acknowledged: number; readonly last: number };
  /** The state machine threw while applying a command. */
  ERR_APPLY: { readonly index: number };
  /**
   * The state machine threw in `query`, `snapshot`, `restore` or `beginHash`, or returned what such a method must not return.
   * Except after `query`, the member has stopped.
   */
  ERR_MACHINE: { readonly method: string };
  /** A storage threw or failed with an error that has no code, or returned what `method` must not return. The member has stopped. */
  ERR_STORAGE: { readonly method: string };
  /** A transport threw, failed with an error that has no code, or did not call back from `method` in time. */
  ERR_TRANSPORT: { readonly method: string };
  /** The member found itself in a state that cannot be, and has stopped: a bug of ours, or a disk that lost what it kept. */
  ERR_INTERNAL: Record<never, never>;
}

/** Why users and roles could not be changed. */
export type AuthChangeReason =
  | "no root user"
  | "root user without root role"
  | "no user name"
  | "user exists"
  | "no such user"
  | "no role name"
  | "role exists"
  | "no such role"
  | "role not granted"
  | "permission not granted"
  | "root is needed"
  | "range is empty"
  | "name too long"
  | "too many users"
  | "too many roles"
  | "too many permissions";

/** The stable code of a `QuorateError`, such as `ERR_NO_QUORUM`. The fields of each are in `ErrorFields`. */
export type ErrorCode = keyof ErrorFields;

/**
 * What is known of a write that failed: `none`, it certainly did not and will not happen; `unknown`, it may have happened
 * or may still happen; `done`, it took effect, and what failed came after it. Reads that fail are always `none`.
 */
export type Outcome = "none" | "unknown" | "done";

/** What a `QuorateError` carries beside its code, message and fields. */
export interface ErrorOptions {
  readonly outcome?: Outcome;
  readonly retryable?: boolean;
  readonly cause?: unknown;
}

const BRAND = Symbol.for("quorate.error");

/**
 * The one error class of this package. Tell errors apart by `code`, and recognise them with `QuorateError.is`,
 * which also works when the ESM and the CJS build are both loaded.
 */
export class QuorateError<Code extends ErrorCode = ErrorCode> extends Error {
  override readonly name = "QuorateError";
  readonly code: Code;
  readonly details: Readonly<ErrorFields[Code]>;
  /** What is known of the write that failed. */
  readonly outcome: Outcome;
  /** Whether the same call can succeed later without a change by the caller. Check `outcome` before repeating a write. */
  readonly retryable: boolean;

  /** Creates an error with the fields of its code. `options.outcome` says what is known of a failed write. */
  constructor(code: Code, message: string, details: ErrorFields[Code], options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = details;
    this.outcome = options.outcome ?? "none";
    this.retryable = options.retryable ?? false;
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** Whether `error` is ours, and of that code if one is given. */
  static is<Code extends ErrorCode = ErrorCode>(error: unknown, code?: Code): error is QuorateError<Code> {
    if (typeof error !== "object" || error === null || !(BRAND in error)) return false;
    return code === undefined || (error as unknown as QuorateError).code === code;
  }
}

/** The refusal of an argument that cannot be right, whatever the state of things. */
export function invalidArgument(
  argument: string,
  received: unknown,
  message: string,
): QuorateError<"ERR_INVALID_ARGUMENT"> {
  return new QuorateError("ERR_INVALID_ARGUMENT", message, { argument, received });
}

/** What calls are told of a member that has stopped: by the code of its failure, which is the cause. */
export function stoppedError(failure: QuorateError, outcome: Outcome): QuorateError {
  const message = `the member has stopped: ${failure.message}`;
  return new QuorateError(failure.code, message, failure.details, { outcome, cause: failure });
}
