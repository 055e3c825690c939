/**
 * How long things took: how often, in all, and how many took no longer than each of some bounds. To note one costs a few
 * comparisons.
 */
export class Durations {
  /** Ascending, in milliseconds. */
  readonly boundsMs: readonly number[];
  /** How many took no longer than the bound at the same place, but longer than the one before; at the end, all longer ones. */
  readonly counts: number[];
  totalMs = 0;

  constructor(boundsMs: readonly number[]) {
    this.boundsMs = boundsMs;
    this.counts = Array(boundsMs.length + 1).fill(0);
  }

  /** Counts one duration of `ms` milliseconds. */
  note(ms: number): void {
    const { boundsMs } = this;
    let at = 0;
    while (at < boundsMs.length && ms > boundsMs[at]!) at += 1;
    this.counts[at]! += 1;
    this.totalMs += ms;
  }
}

/** Bounds of which each is twice the one before. */
export function doubledBounds(firstMs: number, count: number): number[] {
  return Array.from({ length: count }, (_, at) => firstMs * 2 ** at);
}
