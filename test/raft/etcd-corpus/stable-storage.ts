import type { Entry, EntryId } from "../../../src/log/entry.ts";

/** What the scenarios call the storage of a node: the part of its log that it has written, kept here in memory. */
export class StableStorage {
  #base: EntryId = { index: 0, term: 0 };
  #entries: Entry[] = [];

  get firstIndex(): number {
    return this.#base.index + 1;
  }

  get lastIndex(): number {
    return this.#base.index + this.#entries.length;
  }

  get entries(): readonly Entry[] {
    return this.#entries;
  }

  applySnapshot(snapshot: EntryId): void {
    this.#base = { index: snapshot.index, term: snapshot.term };
    this.#entries = [];
  }

  append(entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    if (first.index > this.lastIndex + 1) throw new Error(`missing log entry [last: ${this.lastIndex}]`);
    this.#entries = [...this.#entries.filter(({ index }) => index < first.index), ...entries];
    this.#entries = this.#entries.filter(({ index }) => index > this.#base.index);
  }

  /** Makes `index` the entry before the first. */
  compact(index: number): void {
    if (index <= this.#base.index) throw new Error("requested index is unavailable due to compaction");
    const entry = this.#entries.find((candidate) => candidate.index === index);
    if (entry === undefined) throw new Error(`compact ${index} is out of bound lastindex(${this.lastIndex})`);
    this.#base = { index: entry.index, term: entry.term };
    this.#entries = this.#entries.filter((candidate) => candidate.index > index);
  }
}
