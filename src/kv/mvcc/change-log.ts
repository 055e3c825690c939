import type { KeyVersion, Revision } from "./key-history.ts";

/**
 * Every change from the compacted revision on, in order of revision and place within it. Watches that begin in the
 * past read it. A position is counted from the first change ever kept, so it stays good while the front is dropped.
 */
export class ChangeLog {
  #changes: KeyVersion[] = [];
  /** How many changes at the front of the array are dropped already. */
  #dropped = 0;
  /** The position of the array's first element. */
  #base = 0;

  /** The position of the first change that is kept. */
  get start(): number {
    return this.#base + this.#dropped;
  }

  /** The position behind the last change. */
  get end(): number {
    return this.#base + this.#changes.length;
  }

  push(change: KeyVersion): void {
    this.#changes.push(change);
  }

  /** The change at a position, or undefined outside of [start, end). */
  at(position: number): KeyVersion | undefined {
    return position < this.start ? undefined : this.#changes[position - this.#base];
  }

  /** The position of the first kept change at or above `revision`. */
  seek(revision: Revision): number {
    let low = this.#dropped;
    let high = this.#changes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#changes[middle]!.modRevision < revision) low = middle + 1;
      else high = middle;
    }
    return this.#base + low;
  }

  /** Drops what lies before `position`. The array is cut when half of it is dropped: each change is moved once. */
  dropTo(position: number): void {
    this.#dropped = Math.max(this.#dropped, Math.min(position, this.end) - this.#base);
    if (this.#dropped * 2 < this.#changes.length || this.#dropped === 0) return;
    this.#changes.splice(0, this.#dropped);
    this.#base += this.#dropped;
    this.#dropped = 0;
  }
}
