import type { Clock, Timer } from "../base/clock.ts";
import { QuorateError } from "../base/errors.ts";
import type { CallOptions } from "../replica/call.ts";

/**
 * The limits of a call that has several steps and may wait in between. `signal` aborts when the caller gives up, when
 * the call's time is over, or when something that it rests on is lost. Call `end` when the call has ended.
 */
export class CallLimit {
  readonly #ending = new AbortController();
  readonly #timer: Timer | null = null;
  readonly #hasTimeout: boolean;
  readonly #undo: (() => void)[] = [];

  constructor(clock: Clock, { signal, timeout }: CallOptions) {
    this.#hasTimeout = timeout !== undefined;
    if (timeout !== undefined && timeout !== Number.POSITIVE_INFINITY) {
      this.#timer = clock.after(timeout, () => this.#ending.abort(tooLate(timeout)));
    }
    if (signal !== undefined) this.endWith(signal);
  }

  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  /** For the single steps: a caller who set a limit for the whole has set none for them. */
  get step(): CallOptions {
    return { signal: this.signal, timeout: this.#hasTimeout ? Number.POSITIVE_INFINITY : undefined };
  }

  /** Ends the call also when `source` aborts. */
  endWith(source: AbortSignal, reason: () => unknown = () => source.reason): void {
    const onAbort = (): void => this.#ending.abort(reason());
    if (source.aborted) {
      onAbort();
      return;
    }
    source.addEventListener("abort", onAbort, { once: true });
    this.#undo.push(() => source.removeEventListener("abort", onAbort));
  }

  end(): void {
    this.#timer?.cancel();
    for (const undo of this.#undo.splice(0)) undo();
  }
}

function tooLate(timeoutMs: number): QuorateError {
  return new QuorateError(
    "ERR_TIMEOUT",
    `the call was not done in ${timeoutMs} ms`,
    { timeoutMs },
    { retryable: true },
  );
}
