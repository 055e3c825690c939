import { onAbort } from "../base/aborts.ts";
import type { Clock } from "../base/clock.ts";
import { QuorateError } from "../base/errors.ts";

/** How long to wait after a failure before the next try. */
const RETRY_MS = 200;

/** Runs `attempt` until it succeeds, `signal` aborts, or it fails in a way that does not pass. */
export async function retry<Result>(
  clock: Clock,
  signal: AbortSignal | undefined,
  attempt: () => Promise<Result>,
): Promise<Result> {
  for (;;) {
    signal?.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      signal?.throwIfAborted();
      if (!QuorateError.is(error) || !error.retryable) throw error;
    }
    await pause(clock, signal);
  }
}

/** Ends early when `signal` aborts. */
function pause(clock: Clock, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      timer.cancel();
      forget?.();
      resolve();
    };
    const timer = clock.after(RETRY_MS, end);
    const forget = signal === undefined ? undefined : onAbort(signal, end);
  });
}
