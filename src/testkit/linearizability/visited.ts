import { Random } from "../../base/random.ts";

/**
 * Which operations are placed, in any order, with the state that they led to: what follows depends on nothing else
 * (Lowe 2017). Of two ways to the same point the one that used fewer of the unknown operations can do whatever the
 * other can, so the other need not be followed.
 */
export class Visited {
  readonly #completed: Uint32Array;
  readonly #unknown: Uint32Array;
  readonly #codes: Uint32Array;
  readonly #stateIds = new Map<string, number>();
  readonly #buckets = new Map<number, Visit[]>();
  #low = 0;
  #high = 0;
  #count = 0;

  constructor(completed: number, unknown: number) {
    this.#completed = new Uint32Array((completed + 31) >> 5);
    this.#unknown = new Uint32Array((unknown + 31) >> 5);
    const random = new Random(completed);
    this.#codes = Uint32Array.from({ length: 2 * completed }, () => random.next());
  }

  /** How many points are remembered. */
  get count(): number {
    return this.#count;
  }

  /** Places a completed operation, or unplaces it. */
  flip(operation: number): void {
    this.#completed[operation >> 5]! ^= 1 << (operation & 31);
    // A hash of the set that is kept up with each change (Zobrist 1970).
    this.#low ^= this.#codes[2 * operation]!;
    this.#high ^= this.#codes[2 * operation + 1]!;
  }

  flipUnknown(operation: number): void {
    this.#unknown[operation >> 5]! ^= 1 << (operation & 31);
  }

  hasUnknown(operation: number): boolean {
    return (this.#unknown[operation >> 5]! & (1 << (operation & 31))) !== 0;
  }

  /**
   * Remembers the present point, in a state, and tells whether it is new. All operations before `first` and none
   * after `last` are placed.
   */
  visit(stateKey: string, first: number, last: number): boolean {
    const state = this.#stateId(stateKey);
    const key = ((this.#low ^ Math.imul(state, 0x9e3779b1)) >>> 0) * 0x20_0000 + (this.#high >>> 11);
    const [from, to] = [first >> 5, (last >> 5) + 1];
    const bucket = this.#buckets.get(key);
    if (bucket?.some((visit) => this.#isCovered(visit, state, from, to)) === true) return false;

    const visit = { state, from, completed: this.#completed.slice(from, to), unknown: this.#unknown.slice() };
    if (bucket === undefined) this.#buckets.set(key, [visit]);
    else bucket.push(visit);
    this.#count++;
    return true;
  }

  #stateId(stateKey: string): number {
    let id = this.#stateIds.get(stateKey);
    if (id === undefined) {
      id = this.#stateIds.size + 1;
      this.#stateIds.set(stateKey, id);
    }
    return id;
  }

  #isCovered(visit: Visit, state: number, from: number, to: number): boolean {
    if (visit.state !== state || visit.from !== from) return false;
    if (visit.completed.length !== Math.max(0, Math.min(to, this.#completed.length) - from)) return false;
    for (const [at, word] of visit.completed.entries()) if (word !== this.#completed[from + at]) return false;
    for (const [at, word] of visit.unknown.entries()) if ((word & ~this.#unknown[at]!) !== 0) return false;
    return true;
  }
}

interface Visit {
  readonly state: number;
  /** The word at which `completed` begins; all before it are placed. */
  readonly from: number;
  readonly completed: Uint32Array;
  readonly unknown: Uint32Array;
}
