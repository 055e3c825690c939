/**
 * Notices a disk that stands still. Heartbeats do not wait for the disk, so a leader whose own disk hangs would lead on
 * and be the slowest of all: it acknowledges what the others hold, but can save nothing itself.
 */
export class DiskWatch {
  /** When each save under way was begun, in ticks, oldest first. */
  readonly #begun: number[] = [];
  #tick = 0;

  began(): void {
    this.#begun.push(this.#tick);
  }

  ended(): void {
    this.#begun.shift();
  }

  tick(): void {
    this.#tick += 1;
  }

  /** How long the oldest save has been under way, in ticks. */
  get waitedTicks(): number {
    const [oldest] = this.#begun;
    return oldest === undefined ? 0 : this.#tick - oldest;
  }
}
