import type { Clock } from "../base/clock.ts";
import { QuorateError } from "../base/errors.ts";
import type { CallOptions } from "../replica/calls/call.ts";

/** The limits of a call that has several steps: what the caller sets is for all of them together. */
export class CallTime {
  readonly #clock: Clock;
  readonly #options: CallOptions;
  readonly #deadline: number;

  constructor(clock: Clock, options: CallOptions) {
    this.#clock = clock;
    this.#options = options;
    this.#deadline = clock.monotonic() + (options.timeoutMs ?? Number.POSITIVE_INFINITY);
  }

  /** Throws the reason of the caller's signal, or ERR_TIMEOUT, once the call is over. */
  check(): void {
    this.#options.signal?.throwIfAborted();
    if (this.#left > 0 || this.#options.timeoutMs === undefined) return;
    const details = { timeoutMs: this.#options.timeoutMs };
    throw new QuorateError("ERR_TIMEOUT", "the call took too long", details, { retryable: true });
  }

  /** The limits of the next step, with the time that is left. Throws as `check` does. */
  step(): CallOptions {
    this.check();
    const { signal, timeoutMs: timeout } = this.#options;
    return { signal, timeoutMs: timeout === undefined ? undefined : this.#left };
  }

  /** Lets others have their turn, and checks. */
  async turn(): Promise<void> {
    await new Promise<void>((resolve) => this.#clock.soon(resolve));
    this.check();
  }

  get #left(): number {
    return this.#deadline - this.#clock.monotonic();
  }
}
