import { setTimeout as pause } from "node:timers/promises";
import { QuorateError } from "quorate";

const PAUSE_MS = 25;

/** Repeats a call that does no harm when it is made twice, until it succeeds or fails for good. */
export async function retry<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    const result = await call().catch(passingFailure);
    if (!QuorateError.is(result)) return result;
  }
}

/** Answers an error that may pass, such as the loss of the leader, after a moment; throws any other. */
export async function passingFailure(error: unknown): Promise<QuorateError> {
  if (!QuorateError.is(error) || !error.retryable) throw error;
  await pause(PAUSE_MS);
  return error;
}
