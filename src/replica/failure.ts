import { AssertionError } from "../base/assert.ts";
import { QuorateError } from "../base/errors.ts";
import { reasonOf } from "../base/foreign.ts";
import type { RaftFailure } from "../raft/raft.ts";

/** The reason for which a member stops, of whatever was thrown in it. */
export function failureBy(cause: unknown): QuorateError {
  if (QuorateError.is(cause)) return cause;
  return new QuorateError("ERR_INTERNAL", reasonOf(cause), {}, { outcome: "unknown", cause });
}

/** The core has found itself in a state that cannot be. */
export function coreFailure({ cause, reason, dump }: RaftFailure): Error {
  return QuorateError.is(cause) ? cause : new AssertionError(reason, { cause: dump });
}

/** The state machine threw where it had nothing to refuse, or returned what it must not. */
export function machineError(method: string, cause: unknown): QuorateError {
  if (QuorateError.is(cause)) return cause;
  const message = `the state machine failed in ${method}: ${reasonOf(cause)}`;
  const outcome = method === "query" ? "none" : "unknown";
  return new QuorateError("ERR_MACHINE", message, { method }, { outcome, cause });
}

/** The same of a storage. */
export function storageError(method: string, cause: unknown): QuorateError {
  if (QuorateError.is(cause)) return cause;
  const message = `the storage failed in ${method}: ${reasonOf(cause)}`;
  return new QuorateError("ERR_STORAGE", message, { method }, { outcome: "unknown", cause });
}

/** The same of a transport. */
export function transportError(method: string, cause: unknown): QuorateError {
  if (QuorateError.is(cause)) return cause;
  const message = `the transport failed in ${method}: ${reasonOf(cause)}`;
  return new QuorateError("ERR_TRANSPORT", message, { method }, { outcome: "unknown", cause });
}
