import type { Operation } from "./operation.ts";

/**
 * The calls and returns of the operations that are not placed yet, in the order of time, as a list from which an
 * operation can be taken and put back at once (Wing and Gong 1993). Calls come before returns of the same moment:
 * intervals are closed. Operations of unknown outcome return never and are not in it.
 */
export class Timeline {
  /** How many operations return. They are counted from 0 in the order of their calls, and come first. */
  readonly completed: number;
  /** For each operation its place in the history: first those that return, then the others, each by their calls. */
  readonly places: readonly number[];

  /** Operation i calls at node 2i and returns at node 2i + 1; the last node is the list's end and its beginning. */
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  readonly #end: number;
  readonly #returns: Float64Array;
  /** For each return how many of the unknown operations were called by then. */
  readonly #unknownBefore: Int32Array;

  constructor(operations: readonly Operation[], places: readonly number[]) {
    const byCall = [...places].sort((a, b) => operations[a]!.call - operations[b]!.call);
    const returning = byCall.filter((place) => operations[place]!.unknown !== true);
    const unknown = byCall.filter((place) => operations[place]!.unknown === true);
    this.completed = returning.length;
    this.places = [...returning, ...unknown];

    const times = new Float64Array(2 * this.completed);
    for (const [at, place] of returning.entries()) {
      const operation = operations[place]!;
      times[2 * at] = operation.call;
      times[2 * at + 1] = operation.unknown === true ? operation.call : operation.return;
    }
    this.#returns = times.filter((_, at) => (at & 1) === 1);
    const nodes = Array.from(times.keys()).sort(
      (a, b) => times[a]! - times[b]! || (a & 1) - (b & 1) || a - b,
    );

    this.#end = 2 * this.completed;
    this.#next = new Int32Array(this.#end + 1);
    this.#previous = new Int32Array(this.#end + 1);
    this.#unknownBefore = new Int32Array(this.#end + 1).fill(unknown.length);
    let before = this.#end;
    let called = 0;
    for (const node of nodes) {
      while (called < unknown.length && operations[unknown[called]!]!.call <= times[node]!) called++;
      this.#unknownBefore[node] = called;
      this.#next[before] = node;
      this.#previous[node] = before;
      before = node;
    }
    this.#next[before] = this.#end;
    this.#previous[this.#end] = before;
  }

  get isEmpty(): boolean {
    return this.#next[this.#end] === this.#end;
  }

  /** The operation that was called first; there must be one. */
  get first(): number {
    return this.#next[this.#end]! >> 1;
  }

  /**
   * The operations that could be placed next: those that were called before any of those left has returned. The one
   * that returns first leads, since it can wait the least; unknown ones come last.
   */
  candidates(): number[] {
    const candidates: number[] = [];
    let node = this.#next[this.#end]!;
    for (; node !== this.#end && (node & 1) === 0; node = this.#next[node]!) candidates.push(node >> 1);
    candidates.sort((a, b) => this.#returns[a]! - this.#returns[b]!);
    const unknown = this.#unknownBefore[node]!;
    for (let at = 0; at < unknown; at++) candidates.push(this.completed + at);
    return candidates;
  }

  take(operation: number): void {
    this.#unlink(2 * operation);
    this.#unlink(2 * operation + 1);
  }

  /** Undoes the last `take` that is not undone yet. */
  putBack(operation: number): void {
    this.#link(2 * operation + 1);
    this.#link(2 * operation);
  }

  #unlink(node: number): void {
    this.#next[this.#previous[node]!] = this.#next[node]!;
    this.#previous[this.#next[node]!] = this.#previous[node]!;
  }

  #link(node: number): void {
    this.#next[this.#previous[node]!] = node;
    this.#previous[this.#next[node]!] = node;
  }
}
