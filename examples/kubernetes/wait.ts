import { setTimeout as pause } from "node:timers/promises";

const POLL_MS = 20;

/** Something did not happen in time. */
export class TimedOut extends Error {
  override readonly name = "TimedOut";

  constructor(what: string, limitMs: number) {
    super(`waited ${limitMs / 1000} s in vain for ${what}`);
  }
}

/** Waits until `check` answers something, and answers it; `what` says in the error what was waited for. */
export async function until<T>(
  what: () => string,
  limitMs: number,
  check: () => T | null | Promise<T | null>,
): Promise<T> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const answer = await check();
    if (answer !== null) return answer;
    if (Date.now() > deadline) throw new TimedOut(what(), limitMs);
    await pause(POLL_MS);
  }
}

/** Settles as `promise` does, but not later than the limit. */
export async function within<T>(what: string, limitMs: number, promise: Promise<T>): Promise<T> {
  const cancel = new AbortController();
  const limit = pause(limitMs, undefined, { signal: cancel.signal }).then(() => {
    throw new TimedOut(what, limitMs);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    limit.catch(() => {});
    cancel.abort();
  }
}
