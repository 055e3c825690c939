import type { Clock } from "../../base/clock.ts";
import { type Outcome, QuorateError } from "../../base/errors.ts";
import type { MemberId } from "../../log/entry.ts";
import { Call, type CallOptions, type Settle } from "../calls/call.ts";
import type { ReplicaLimits } from "../options.ts";
import { tooManyChanges } from "./membership-changes.ts";

/** Those who wait for another member to lead. */
export class Handovers {
  readonly #clock: Clock;
  readonly #limits: ReplicaLimits;
  #waiting: { readonly to: MemberId; readonly call: Call<void> }[] = [];

  constructor(clock: Clock, limits: ReplicaLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Settles when the member leads. */
  add(to: MemberId, options: CallOptions, settle: Settle<void>): void {
    const { changesMax, callTimeoutMs } = this.#limits;
    this.#waiting = this.#waiting.filter(({ call }) => !call.settled);
    if (this.#waiting.length >= changesMax) {
      settle(tooManyChanges(changesMax));
      return;
    }
    const { timeoutMs: timeout = callTimeoutMs, signal } = options;
    this.#waiting.push({
      to,
      call: new Call<void>(this.#clock, { timeoutMs: timeout, signal }, callTimeoutMs, tooLate, settle),
    });
  }

  leads(leader: MemberId | undefined): void {
    this.#waiting = this.#waiting.filter(({ to, call }) => {
      if (to === leader) call.succeed();
      return !call.settled;
    });
  }

  failAll(makeError: (outcome: Outcome) => QuorateError): void {
    for (const { call } of this.#waiting) call.fail(makeError("none"));
    this.#waiting = [];
  }
}

function tooLate(timeoutMs: number): QuorateError {
  const message = `the member did not take over in ${timeoutMs} ms`;
  return new QuorateError("ERR_TIMEOUT", message, { timeoutMs }, { retryable: true });
}
