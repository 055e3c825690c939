import type { Clock, Timer } from "../../src/base/clock.ts";

/** A clock that stands still until it is told to go on: one event at a time, always in the same order. */
export class ManualClock implements Clock {
  #now = 0;
  #soon: (() => void)[] = [];
  #timers: { at: number; run: () => void }[] = [];

  monotonic(): number {
    return this.#now;
  }

  wall(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): Timer {
    const timer = { at: this.#now + ms, run };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }

  soon(run: () => void): void {
    this.#soon.push(run);
  }

  /** Runs what waits, until nothing does but timers. */
  settle(beforeEach: () => void = () => {}): void {
    for (let run = this.#soon.shift(); run !== undefined; run = this.#soon.shift()) {
      beforeEach();
      run();
    }
  }

  /** Lets time pass, and runs what falls due. */
  pass(ms: number, beforeEach: () => void = () => {}): void {
    const end = this.#now + ms;
    for (;;) {
      this.settle(beforeEach);
      const next = this.#timers.filter(({ at }) => at <= end).sort((left, right) => left.at - right.at)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#now = next.at;
      next.run();
    }
    this.#now = end;
  }
}
