import type { KvEntry } from "../kv/keyspace.ts";
import type { CallOptions } from "../replica/call.ts";
import { claim, type Hold, type Leadership } from "./hold.ts";
import { everybody, type Line } from "./line.ts";
import type { HoldOptions } from "./stake.ts";
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

/**
 * An election among those who campaign: one of them leads, and the next in line follows when it resigns, or when
 * nothing was heard of it for the time of its lease. It has nothing to do with the leader of the cluster, and takes
 * any number of candidates.
 */
export class Election {
  readonly #line: Line;

  /** @internal Use `Store.election` or `Coordination.election`. */
  constructor(line: Line) {
    this.#line = line;
  }

  /** Waits until we lead; `release` of what it gives resigns. Otherwise as `Lock.acquire`. */
  async campaign(value: string, options: HoldOptions = {}): Promise<Leadership> {
    return this.#campaign(value, options);
  }

  /** Who leads, or undefined when nobody campaigns. */
  async leader(options: CallOptions = {}): Promise<Leader | undefined> {
    return leaderOf(await this.#line.standing(options));
  }

  /** Who leads, now and whenever that changes or the leader proclaims another value. Ends when the store is closed. */
  async *observe(
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): AsyncGenerator<Leader | undefined, void, undefined> {
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
    options: WhileLeadingOptions = {},
  ): Promise<Result> {
    const { value = "", ...hold } = options;
    const { clock } = this.#line.kv;
    return whileLeading(clock, hold.signal, () => this.#campaign(value, hold), work);
  }

  async #campaign(value: string, options: HoldOptions): Promise<Hold> {
    return (await claim(this.#line, value, everybody, options, true))!;
  }
}

function leaderOf(standing: readonly KvEntry<string>[]): Leader | undefined {
  const [first] = standing;
  return first && { key: first.key, value: first.value, fence: first.createRevision };
}
