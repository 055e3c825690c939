import { AssertionError } from "../base/assert.ts";
import { QuorateError } from "../base/errors.ts";
import type { RaftFailure } from "../raft/raft.ts";

/** The reason for which a member stops, of whatever was thrown in it. */
export function failureBy(cause: unknown): QuorateError {
  if (QuorateError.is(cause)) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new QuorateError("ERR_INTERNAL", reason, {}, { outcome: "unknown", cause });
}

/** The core has found itself in a state that cannot be. */
export function coreFailure({ cause, reason, dump }: RaftFailure): Error {
  return QuorateError.is(cause) ? cause : new AssertionError(reason, { cause: dump });
}

/** The state machine threw where it had nothing to refuse. */
export function machineError(method: string, cause: unknown): QuorateError {
  if (QuorateError.is(cause)) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  const message = `the state machine threw in ${method}: ${reason}`;
  return new QuorateError("ERR_MACHINE", message, { method }, { outcome: "unknown", cause });
}
