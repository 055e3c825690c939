import type { Clock } from "../../base/clock.ts";

/** How fast time passes, by the monotonic clock, while what was agreed is ahead of the wall clock. */
const RATE_AHEAD = 15 / 16;

/**
 * The time that a leader gives to commands. It is the wall clock's, but it never goes back: where it is ahead, since another
 * leader's clock was, or since this one was set back, it goes on by the monotonic clock, a sixteenth slower than that, until
 * the wall clock has caught up. So spans of time come out right whatever the wall clocks of leaders say.
 */
export class CommandTime {
  readonly #clock: Pick<Clock, "monotonic" | "wall">;
  /** The last time that was given or agreed on, and when that was by the monotonic clock. */
  #time = 0;
  #at: number;

  constructor(clock: Pick<Clock, "monotonic" | "wall">) {
    this.#clock = clock;
    this.#at = clock.monotonic();
  }

  /** The time of a command that is appended now. */
  now(): number {
    const at = this.#clock.monotonic();
    this.#time = Math.max(this.#clock.wall(), this.#time + (at - this.#at) * RATE_AHEAD);
    this.#at = at;
    return Math.floor(this.#time);
  }

  /** A command of this time was applied: another leader may have given it. */
  agreed(time: number): void {
    // Its fraction is still under way.
    if (time <= this.#time) return;
    this.#time = time;
    this.#at = this.#clock.monotonic();
  }
}
