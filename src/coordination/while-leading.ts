import type { Clock } from "../base/clock.ts";
import { CallLimit } from "./call-limit.ts";
import type { Hold, Leadership } from "./hold.ts";
import { retry } from "./retry.ts";

/** What a handler knows of its term: when to stop, and what proves that it led. */
export type Term = Pick<Leadership, "key" | "fence" | "signal">;

/**
 * Stands for election until it is won, runs `work` with a signal that aborts before another can lead, and waits for
 * `work` to end; if the lead was lost meanwhile it stands again. So `work` runs at most once at a time here.
 *
 * Resolves with what `work` gives when it ends while still leading. Rejects with what it throws then, and with the
 * signal's reason when `signal` aborts.
 */
export async function whileLeading<Result>(
  clock: Clock,
  signal: AbortSignal | undefined,
  campaign: () => Promise<Hold>,
  work: (term: Term) => Promise<Result> | Result,
): Promise<Result> {
  for (;;) {
    const hold = await retry(clock, signal, campaign);
    const limit = new CallLimit(clock, { signal });
    limit.endWith(hold.signal);
    try {
      const result = await work({ key: hold.key, fence: hold.fence, signal: limit.signal });
      signal?.throwIfAborted();
      if (!hold.isLost) return result;
    } catch (error) {
      signal?.throwIfAborted();
      // Work that is told to stop may well end by an error.
      if (!hold.isLost) throw error;
    } finally {
      limit.end();
      await hold.release();
    }
  }
}
