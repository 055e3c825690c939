import { Random } from "../../../base/random.ts";

/**
 * All chance of a run, as streams that know nothing of each other: each is named by its purpose and by whom it is
 * for, and its n-th word depends on the seed, the name and n alone. So when an action is taken out of a scenario the
 * decisions of the others stay as they were, and a failure can be made smaller step by step.
 */
export class RandomStreams {
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed >>> 0;
  }

  stream(purpose: string, first = 0, second = 0): RandomStream {
    let key = mix(this.#seed ^ 0x9e3779b9);
    for (let at = 0; at < purpose.length; at++) key = mix(key ^ purpose.charCodeAt(at));
    return new RandomStream(mix(mix(key ^ first) + second));
  }

  /** A source of chance for code that takes a `Random`. */
  random(purpose: string, first = 0, second = 0): Random {
    return new Random(this.stream(purpose, first, second).word());
  }
}

/** One purpose's chance. */
export class RandomStream {
  readonly #key: number;
  #count = 0;

  constructor(key: number) {
    this.#key = key;
  }

  /** A whole number in [0, 2^32). */
  word(): number {
    return mix(this.#key + Math.imul(++this.#count, 0x9e3779b1)) >>> 0;
  }

  /** A number in [0, 1). */
  fraction(): number {
    return this.word() / 0x1_0000_0000;
  }

  /** A whole number in [low, high], both ends included. */
  between(low: number, high: number): number {
    return low + Math.floor(this.fraction() * (high - low + 1));
  }

  /** True in this share of all cases. */
  happens(share: number): boolean {
    return share > 0 && this.fraction() < share;
  }

  pick<Value>(values: readonly Value[]): Value {
    return values[this.between(0, values.length - 1)]!;
  }

  /** Some of the values, each with this chance, in their order. */
  some<Value>(values: readonly Value[], share: number): Value[] {
    return values.filter(() => this.happens(share));
  }
}

/** MurmurHash3's finish: every bit of the result depends on every bit of the word. */
function mix(word: number): number {
  let mixed = word | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
