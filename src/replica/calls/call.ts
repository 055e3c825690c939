import { onAbort } from "../../base/aborts.ts";
import type { Clock, Timer } from "../../base/clock.ts";
import type { Outcome, QuorateError } from "../../base/errors.ts";
import { type Demands, milliseconds, OptionTable, signal } from "../../base/options.ts";

/** What every call takes: a way to be cancelled, and a limit in milliseconds. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
}

export const CALL: Demands<CallOptions> = { signal, timeoutMs: milliseconds };

/** The table of a call that takes nothing else. */
export function callOptions(call: string): OptionTable<CallOptions> {
  return new OptionTable(call, CALL);
}

/** Makes the error of a call whose time is over. */
export type Late = (waitedMs: number, outcome: Outcome) => QuorateError;

/**
 * Told once how a call ended: with `null` and its value, or with the reason why it failed, which is a QuorateError or
 * what the caller's signal was aborted with.
 */
export type Settle<Value> = (error: unknown, value?: Value) => void;

/**
 * A call that someone waits for, with its time limit and its signal. It is settled once; what comes later is ignored.
 * `outcome` says what a failure would mean right now, and is asked when one comes.
 *
 * A limit that the caller sets has a timer. The default limit has none, since most calls never see it: whoever keeps
 * the calls ends the late ones with `expire` at each tick.
 */
export class Call<Value> {
  /** Whether the wait is over. */
  settled = false;
  /** What is known of the write, should the call fail now. Reads stay at `none`. */
  outcome: Outcome = "none";
  readonly #settle: Settle<Value>;
  readonly #startedAt: number;
  readonly #deadline: number;
  readonly #timer: Timer | null = null;
  readonly #late: Late;
  #forgetSignal: (() => void) | null = null;

  constructor(
    clock: Clock,
    options: CallOptions,
    defaultTimeoutMs: number,
    late: Late,
    settle: Settle<Value>,
  ) {
    this.#settle = settle;
    this.#late = late;
    this.#startedAt = clock.monotonic();
    const { timeoutMs: timeout, signal } = options;
    this.#deadline = timeout === undefined ? this.#startedAt + defaultTimeoutMs : Number.POSITIVE_INFINITY;
    if (timeout !== undefined && timeout !== Number.POSITIVE_INFINITY) {
      this.#timer = clock.after(timeout, () => this.fail(late(timeout, this.outcome)));
    }
    if (signal === undefined) return;
    if (signal.aborted) {
      this.fail(signal.reason);
      return;
    }
    this.#forgetSignal = onAbort(signal, () => this.fail(signal.reason));
  }

  /** Ends the call if its default limit has passed. */
  expire(now: number): void {
    if (now >= this.#deadline) this.fail(this.#late(Math.round(now - this.#startedAt), this.outcome));
  }

  succeed(value: Value): void {
    if (this.#end()) this.#settle(null, value);
  }

  fail(reason: unknown): void {
    if (this.#end()) this.#settle(reason);
  }

  #end(): boolean {
    if (this.settled) return false;
    this.settled = true;
    this.#timer?.cancel();
    this.#forgetSignal?.();
    return true;
  }
}
