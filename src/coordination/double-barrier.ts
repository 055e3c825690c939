import { assert } from "../base/assert.ts";
import { invalidArgument } from "../base/errors.ts";
import { NO_OPTIONS } from "../base/options.ts";
import { takes } from "../base/surplus.ts";
import { type CallOptions, callOptions } from "../replica/calls/call.ts";
import { CallLimit } from "./call-limit.ts";
import { HOLD, type HoldOptions, HoldTable, LeasedKey } from "./leased-key.ts";
import { type PrefixSnapshot, prefixSnapshot } from "./prefix-snapshot.ts";
import type { WaitQueue } from "./wait-queue.ts";

const ENTER_OPTIONS = new HoldTable("doubleBarrier.enter", HOLD);
const LEAVE_OPTIONS = callOptions("doubleBarrier.leave");

/** Taking part in what lies between the two sides of a double barrier. */
export interface Participation {
  readonly key: string;
  /** The revision at which we came, greater than that of everybody who came before. */
  readonly fence: number;
  /** Aborts before others can take us for gone. */
  readonly signal: AbortSignal;
  /** Resolves once everybody has left. Whoever crashed counts as having left when its lease ends. */
  leave(options?: CallOptions): Promise<void>;
}

/**
 * Lets a number of participants begin together and end together: nobody is let in before `count` have come, and nobody
 * is let go before all have left. It can be used again then.
 */
export class DoubleBarrier {
  readonly #line: WaitQueue;
  readonly #count: number;

  /** @internal Use `Coordination.doubleBarrier`. */
  constructor(line: WaitQueue, count: number) {
    if (!Number.isSafeInteger(count) || count < 1) {
      throw invalidArgument("count", count, "count must be a whole number above 0");
    }
    this.#line = line;
    this.#count = count;
  }

  /**
   * Resolves once `count` participants are there, all at the same revision: also for one who learns of it late, when
   * others have left again. A call that fails is not counted any more.
   */
  async enter(options: HoldOptions = NO_OPTIONS): Promise<Participation> {
    ENTER_OPTIONS.check(options);
    const limit = new CallLimit(this.#line.kv.clock, options);
    try {
      const stake = await LeasedKey.under(this.#line.prefix, this.#line.kv, options, limit);
      try {
        const joined = await this.#line.join(stake, "", limit.step);
        await this.#line.until(joined, (there) => there >= this.#count, limit.signal);
        return this.#participation(stake, joined.revision);
      } catch (error) {
        void stake.withdraw();
        throw error;
      }
    } finally {
      limit.end();
    }
  }

  #participation(stake: LeasedKey, fence: number): Participation {
    const { key, session } = stake;
    return { key, fence, signal: session.signal, leave: (options) => this.#leave(stake, options) };
  }

  async #leave(stake: LeasedKey, options: CallOptions = NO_OPTIONS): Promise<void> {
    LEAVE_OPTIONS.check(options);
    const limit = new CallLimit(this.#line.kv.clock, options);
    try {
      const others = await this.#depart(stake, limit);
      await this.#line.until(others, (there) => there === 0, limit.signal);
    } finally {
      limit.end();
    }
  }

  /** Whoever leaves has left, also when it cannot wait for the others. Gives who is still there. */
  async #depart(stake: LeasedKey, limit: CallLimit): Promise<PrefixSnapshot<string>> {
    const { kv, prefix } = this.#line;
    try {
      const left = await kv
        .txn()
        .do((op) => [op.delete(stake.key), op.range({ prefix })])
        .commit(limit.step);
      assert(left.ok, "a transaction without compares always runs");
      return prefixSnapshot(left.revision, left.results[1]);
    } finally {
      void stake.withdraw();
    }
  }
}

takes(DoubleBarrier, { enter: 1 });
