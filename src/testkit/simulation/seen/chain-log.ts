import { assert } from "../../../base/assert.ts";
import type { Entry, EntryId, Index, Term } from "../../../log/entry.ts";

/** A number that stands for an entry and all before it. */
export type Chain = number;

/** What a snapshot says of the log that it replaced. */
export interface ChainBase extends EntryId {
  readonly chain: Chain;
}

/**
 * A log as an observer keeps it: with each entry goes a number that depends on it and on all entries before it, so that
 * two logs are compared up to an index by comparing two numbers.
 */
export class ChainLog {
  #base: ChainBase;
  readonly #entries: Entry[] = [];
  readonly #chains: Chain[] = [];

  constructor(base: ChainBase = BEGINNING) {
    this.#base = base;
  }

  static copyOf(other: ChainLog): ChainLog {
    const copy = new ChainLog(other.#base);
    copy.#entries.push(...other.#entries);
    copy.#chains.push(...other.#chains);
    return copy;
  }

  /** The entry before the first. */
  get base(): ChainBase {
    return this.#base;
  }

  /** The index of the newest entry, or of `base` if there is none. */
  get lastIndex(): Index {
    return this.#base.index + this.#entries.length;
  }

  /** The term of the newest entry, or of `base` if there is none. */
  get lastTerm(): Term {
    return this.#entries.at(-1)?.term ?? this.#base.term;
  }

  /** The checksum of the whole log up to its newest entry. */
  get lastChain(): Chain {
    return this.#chains.at(-1) ?? this.#base.chain;
  }

  /** Undefined for what lies before the base or behind the end. */
  termAt(index: Index): Term | undefined {
    if (index === this.#base.index) return this.#base.term;
    return this.#entries[index - this.#base.index - 1]?.term;
  }

  chainAt(index: Index): Chain | undefined {
    if (index === this.#base.index) return this.#base.chain;
    return this.#chains[index - this.#base.index - 1];
  }

  entryAt(index: Index): Entry | undefined {
    return this.#entries[index - this.#base.index - 1];
  }

  /** Puts entries in the place of all that lies from the first of them on. */
  splice(entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    const kept = first.index - this.#base.index - 1;
    // What lies before the base is known to be equal: an observer does not check what nobody can see any more.
    const skipped = Math.max(0, -kept);
    assert(kept <= this.#entries.length, () => `entry ${first.index} leaves a gap after ${this.lastIndex}`);
    this.cutTo(this.#base.index + Math.max(0, kept));
    for (let at = skipped; at < entries.length; at++) this.push(entries[at]!);
  }

  push(entry: Entry): void {
    this.#chains.push(chainOf(this.lastChain, entry));
    this.#entries.push(entry);
  }

  /** Forgets what lies behind `index`. */
  cutTo(index: Index): void {
    const kept = Math.max(0, index - this.#base.index);
    if (kept >= this.#entries.length) return;
    this.#entries.length = kept;
    this.#chains.length = kept;
  }

  /** Begins anew behind a snapshot. */
  restore(base: ChainBase): void {
    this.#base = base;
    this.#entries.length = 0;
    this.#chains.length = 0;
  }
}

const BEGINNING: ChainBase = { index: 0, term: 0, chain: 0 };

export function chainOf(before: Chain, { index, term, kind, data }: Entry): Chain {
  let chain =
    before ^
    Math.imul(index, 0x9e3779b1) ^
    Math.imul(term, 0x85ebca6b) ^
    (kind === "command" ? 0 : 0x5bd1e995);
  for (let at = 0; at < data.length; at++) chain = Math.imul(chain ^ data[at]!, 0x01000193);
  chain = Math.imul(chain ^ (chain >>> 15), 0xc2b2ae35);
  return (chain ^ (chain >>> 13)) | 0;
}
