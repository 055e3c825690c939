import { onAbort } from "../base/aborts.ts";
import type { Clock, Timer } from "../base/clock.ts";
import { QuorateError } from "../base/errors.ts";
import type { CallOptions } from "../replica/calls/call.ts";

/**
 * The limits of a call that has several steps and may wait in between. `signal` aborts when the caller gives up, when
 * the call's time is over, or when something that it rests on is lost. Call `end` when the call has ended.
 */
export class CallLimit {
  readonly #clock: Clock;
  readonly #timeoutMs: number | undefined;
  readonly #deadline: number;
  readonly #ending = new AbortController();
  /** Aborts for the same reasons but time: a step whose time is over says itself what is known of it. */
  readonly #givingUp = new AbortController();
  readonly #timer: Timer | null = null;
  readonly #undo: (() => void)[] = [];

  constructor(clock: Clock, { signal, timeoutMs: timeout }: CallOptions) {
    this.#clock = clock;
    this.#timeoutMs = timeout;
    this.#deadline = clock.monotonic() + (timeout ?? Number.POSITIVE_INFINITY);
    if (timeout !== undefined && timeout !== Number.POSITIVE_INFINITY) {
      this.#timer = clock.after(timeout, () => this.#ending.abort(tooLate(timeout)));
    }
    if (signal !== undefined) this.endWith(signal);
  }

  /** For waiting. */
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  /** For the next step. Throws once the call is over. */
  get step(): CallOptions {
    this.signal.throwIfAborted();
    return { signal: this.#givingUp.signal, timeoutMs: this.#leftMs };
  }

  /** For a step whose answer must not be lost: it ends by time only. Throws once the call is over. */
  get wholeStep(): CallOptions {
    this.signal.throwIfAborted();
    return { timeoutMs: this.#leftMs };
  }

  /** Ends the call also when `source` aborts. */
  endWith(source: AbortSignal, reason: () => unknown = () => source.reason): void {
    const giveUp = (): void => {
      const why = reason();
      this.#givingUp.abort(why);
      this.#ending.abort(why);
    };
    if (source.aborted) {
      giveUp();
      return;
    }
    this.#undo.push(onAbort(source, giveUp));
  }

  end(): void {
    this.#timer?.cancel();
    for (const undo of this.#undo.splice(0)) undo();
  }

  /** What is left of the whole; where the caller has set no limit each step has its own. */
  get #leftMs(): number | undefined {
    if (this.#timeoutMs === undefined) return undefined;
    return Math.max(0, this.#deadline - this.#clock.monotonic());
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
