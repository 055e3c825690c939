/** So many of something at once, and so many a second in the long run. */
export class TokenBucket {
  readonly #burst: number;
  readonly #perSecond: number;
  #left: number;
  #since: number;

  constructor(burst: number, perSecond: number, nowMs: number) {
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#left = burst;
    this.#since = nowMs;
  }

  /** Takes one; false, and takes none, where there were too many. */
  spend(nowMs: number): boolean {
    const earned = ((nowMs - this.#since) / 1000) * this.#perSecond;
    this.#left = Math.min(this.#burst, this.#left + earned);
    this.#since = nowMs;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
