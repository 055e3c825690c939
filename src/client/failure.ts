import type { ServiceError } from "@grpc/grpc-js";
import { type ErrorCode, type ErrorFields, type Outcome, QuorateError } from "../base/errors.ts";
import { Grpc, STATUS, type StatusName } from "../wire/status.ts";

/** What a failed call means, and what may be done about it. */
export interface Failure {
  readonly error: QuorateError;
  /** Whether another attempt, elsewhere, can succeed and can do no harm. */
  readonly mayRetry: boolean;
  /** Whether the caller has to prove anew who it is first. */
  readonly needsToken: boolean;
}

/** What the caller was about, for the fields of its error. */
export interface Subject {
  readonly isWrite: boolean;
  readonly lease?: string | undefined;
  readonly revision?: number | undefined;
  /** The newest revision that was heard of. */
  readonly seenRevision: number;
}

const NAME_BY_TEXT: ReadonlyMap<string, StatusName> = new Map(
  Object.entries(STATUS).map(([name, [, text]]) => [text, name as StatusName]),
);

/** The server did not take the call, as it is: nothing happened, and another one may take it. */
const NOT_TAKEN: ReadonlySet<string> = new Set([STATUS.noLeader[1], STATUS.notSupportedForLearner[1]]);
const TOKEN_TEXTS: ReadonlySet<string> = new Set([STATUS.invalidAuthToken[1], STATUS.authOldRevision[1]]);

/** Makes one of our errors of what gRPC says. */
export function failureOf({ code, details }: ServiceError, subject: Subject): Failure {
  const name = NAME_BY_TEXT.get(details);
  const refused = name === undefined ? null : refusalOf(name, subject);
  if (refused !== null) return { error: refused, mayRetry: false, needsToken: TOKEN_TEXTS.has(details) };
  if (NOT_TAKEN.has(details)) return passing("ERR_NO_QUORUM", { waitedMs: 0 }, details, "none", true);

  // What was sent and not answered may have happened; only a read can be asked again.
  const outcome = subject.isWrite ? "unknown" : "none";
  switch (code) {
    case Grpc.unavailable: {
      const isUnsent =
        details.startsWith("No connection established") || details.startsWith("Name resolution failed");
      return passing(
        "ERR_NO_QUORUM",
        { waitedMs: 0 },
        details,
        isUnsent ? "none" : outcome,
        isUnsent || !subject.isWrite,
      );
    }
    case Grpc.deadlineExceeded:
      return passing("ERR_TIMEOUT", { timeoutMs: 0 }, details, outcome, false);
    case Grpc.resourceExhausted:
      // A server that did not take the request says so; otherwise it is the answer that was too large.
      return final(
        "ERR_TOO_LARGE",
        { what: "a message", size: 0, limit: 0 },
        details,
        details.startsWith("grpc: received message larger than max") ? "none" : outcome,
      );
    case Grpc.unimplemented:
      return final("ERR_UNSUPPORTED", { what: details }, details, "none");
    case Grpc.cancelled:
    case Grpc.internal:
      // A connection that broke in the middle.
      return passing("ERR_REMOTE", { status: code, text: details }, details, outcome, !subject.isWrite);
    default:
      return final("ERR_REMOTE", { status: code, text: details }, details, outcome);
  }
}

/** The server has understood and refused: nothing happened. Null for what is no refusal of the call itself. */
function refusalOf(
  name: StatusName,
  { lease = "", revision = 0, seenRevision }: Subject,
): QuorateError | null {
  const [status, text] = STATUS[name];
  const say = <Code extends ErrorCode>(code: Code, details: ErrorFields[Code]): QuorateError =>
    new QuorateError(code, text, details);
  switch (name) {
    case "compacted":
      // How much more is gone is not told.
      return say("ERR_COMPACTED", { revision, compactRevision: revision + 1 });
    case "futureRevision":
      return say("ERR_FUTURE_REVISION", { revision, currentRevision: Math.min(seenRevision, revision - 1) });
    case "leaseNotFound":
      return say("ERR_LEASE_NOT_FOUND", { lease });
    case "leaseExists":
      return say("ERR_LEASE_EXISTS", { lease });
    case "duplicateKey":
      return say("ERR_DUPLICATE_KEY", { key: "" });
    case "keyNotFound":
      return say("ERR_KEY_NOT_FOUND", { key: "" });
    case "noSpace":
      return say("ERR_NO_SPACE", {});
    case "diskFull":
      return new QuorateError("ERR_DISK_FULL", text, { member: "", fullForMs: 0 }, { retryable: true });
    case "corrupt":
      return say("ERR_CLUSTER_CORRUPT", {});
    case "tooManyRequests":
      return new QuorateError(
        "ERR_BUSY",
        text,
        { what: "requests at the server", limit: 0 },
        { retryable: true },
      );
    case "requestTooLarge":
    case "tooManyOps":
      return say("ERR_TOO_LARGE", { what: "a request", size: 0, limit: 0 });
    case "userEmpty":
      return say("ERR_AUTH_REQUIRED", {});
    case "permissionDenied":
      return say("ERR_AUTH_DENIED", {});
    case "authFailed":
      return say("ERR_AUTH_FAILED", {});
    case "invalidAuthToken":
      return say("ERR_AUTH_TOKEN", {});
    case "authOldRevision":
      return say("ERR_AUTH_STALE", { authRevision: 0, requiredRevision: 0 });
    case "authNotEnabled":
      return say("ERR_AUTH_DISABLED", {});
    case "emptyKey":
    case "leaseTtlTooLarge":
    case "invalidSortOption":
    case "unknownCompare":
      return say("ERR_INVALID_ARGUMENT", { argument: name });
    case "peerUrlExists":
    case "memberBadUrls":
    case "memberNotFound":
    case "memberNotLearner":
    case "learnerNotReady":
    case "tooManyLearners":
    case "notEnoughStarted":
    case "unhealthy":
    case "badLeaderTransferee":
    case "notLeader":
      return say("ERR_MEMBERSHIP", { reason: text });
    default: {
      const isFinal = status === Grpc.invalidArgument || status === Grpc.failedPrecondition;
      return isFinal && !NOT_TAKEN.has(text) ? say("ERR_REMOTE", { status, text }) : null;
    }
  }
}

function passing<Code extends ErrorCode>(
  code: Code,
  details: ErrorFields[Code],
  text: string,
  outcome: Outcome,
  mayRetry: boolean,
): Failure {
  return {
    error: new QuorateError(code, text, details, { outcome, retryable: true }),
    mayRetry,
    needsToken: false,
  };
}

function final<Code extends ErrorCode>(
  code: Code,
  details: ErrorFields[Code],
  text: string,
  outcome: Outcome,
): Failure {
  return { error: new QuorateError(code, text, details, { outcome }), mayRetry: false, needsToken: false };
}
