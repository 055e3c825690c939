import { invalidArgument } from "../base/errors.ts";
import { anyText, NO_OPTIONS, OptionTable, signal } from "../base/options.ts";
import { takes } from "../base/surplus.ts";
import type { KvEntry } from "../kv/keyspace.ts";
import { type CallOptions, callOptions } from "../replica/calls/call.ts";
import { claim, type Hold, type Leadership } from "./hold.ts";
import { HOLD, type HoldOptions, HoldTable } from "./leased-key.ts";
import { checkWork, everybody, type WaitQueue } from "./wait-queue.ts";
import { type Term, whileLeading } from "./while-leading.ts";

/** Who leads, as everybody sees it. */
export interface Leader {
  readonly key: string;
  /** What the leader campaigned with or proclaimed: its name or address, for example. */
  readonly value: string;
  /** The leader's fence: greater with each leader. */
  readonly fence: number;
}

export interface WhileLeadingOptions extends HoldOptions {
  /** What others see as the leader's value; empty by default. */
  readonly value?: string | undefined;
}

/** What ends a subscription. */
export interface ObserveOptions {
  readonly signal?: AbortSignal | undefined;
}

const CAMPAIGN_OPTIONS = new HoldTable("election.campaign", HOLD);
const WHILE_LEADING_OPTIONS = new HoldTable<WhileLeadingOptions>("whileLeading", { ...HOLD, value: anyText });
const LEADER_OPTIONS = callOptions("election.leader");
const OBSERVE_OPTIONS = new OptionTable<ObserveOptions>("election.observe", { signal });

/**
 * An election among those who campaign: one of them leads, and the next in line follows when it resigns, or when
 * nothing was heard of it for the time of its lease. It has nothing to do with the leader of the cluster, and takes
 * any number of candidates.
 */
export class Election {
  readonly #line: WaitQueue;

  /** @internal Use `Store.election` or `Coordination.election`. */
  constructor(line: WaitQueue) {
    this.#line = line;
  }

  /**
   * Joins the election, and resolves once this candidate leads; `release` of the result resigns. `value` is what
   * `leader` and `observe` show to others. Limits and errors are those of `Lock.acquire`.
   *
   * @example
   * ```ts
   * import { open } from "quorate";
   *
   * const store = await open({});
   * const leadership = await store.election("scheduler").campaign("n1");
   * console.log((await store.election("scheduler").leader())?.value); // → n1
   * await leadership.release();
   * await store.close();
   * ```
   */
  async campaign(value: string, options: HoldOptions = NO_OPTIONS): Promise<Leadership> {
    CAMPAIGN_OPTIONS.check(options);
    if (!anyText.isMet(value)) throw invalidArgument("value", value, "election.campaign: value must be text");
    return this.#campaign(value, options);
  }

  /** Who leads, or undefined when nobody campaigns. */
  async leader(options: CallOptions = NO_OPTIONS): Promise<Leader | undefined> {
    LEADER_OPTIONS.check(options);
    return leaderOf(await this.#line.waiters(options));
  }

  /** Who leads, now and whenever that changes or the leader proclaims another value. Ends when the store is closed. */
  async *observe(options: ObserveOptions = NO_OPTIONS): AsyncGenerator<Leader | undefined, void, undefined> {
    OBSERVE_OPTIONS.check(options);
    let told: Leader | undefined | null = null;
    for await (const standing of this.#line.follow(options.signal)) {
      const leader = leaderOf(standing);
      if (told !== null && told?.fence === leader?.fence && told?.value === leader?.value) continue;
      told = leader;
      yield leader;
    }
  }

  /**
   * Runs `work` only while we lead: stands for election, runs it when that is won, and stands again when the lead is
   * lost, once `work` has ended. Its `signal` aborts before another can lead; then it must stop. Goes on until `work`
   * ends while leading, whose result or error it gives, or until the `signal` in the options aborts.
   */
  async whileLeading<Result>(
    work: (term: Term) => Promise<Result> | Result,
    options: WhileLeadingOptions = NO_OPTIONS,
  ): Promise<Result> {
    WHILE_LEADING_OPTIONS.check(options);
    checkWork(work);
    const { value = "", ...hold } = options;
    const { clock } = this.#line.kv;
    return whileLeading(clock, hold.signal, () => this.#campaign(value, hold), work);
  }

  async #campaign(value: string, options: HoldOptions): Promise<Hold> {
    return (await claim(this.#line, value, everybody, options, true))!;
  }
}

takes(Election, { campaign: 2, leader: 1, observe: 1, whileLeading: 2 });

function leaderOf(standing: readonly KvEntry<string>[]): Leader | undefined {
  const [first] = standing;
  return first && { key: first.key, value: first.value, fence: first.createRevision };
}
