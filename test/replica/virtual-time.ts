import type { Clock, Timer } from "../../src/base/clock.ts";

interface Planned {
  readonly at: number;
  readonly run: () => void;
  isCancelled: boolean;
}

/** Time that passes only when a test says so; everybody's clock may show it differently. */
export class VirtualTime {
  #now = 0;
  #planned: Planned[] = [];

  get now(): number {
    return this.#now;
  }

  plan(ms: number, run: () => void): Timer {
    const planned = { at: this.#now + Math.max(0, ms), run, isCancelled: false };
    const behind = this.#planned.findIndex(({ at }) => at > planned.at);
    this.#planned.splice(behind === -1 ? this.#planned.length : behind, 0, planned);
    return {
      cancel: () => {
        planned.isCancelled = true;
      },
    };
  }

  /** Lets time pass, and everything happen that falls into it. */
  pass(ms: number): void {
    const end = this.#now + ms;
    while (this.#planned.length > 0 && this.#planned[0]!.at <= end) {
      const { at, run, isCancelled } = this.#planned.shift()!;
      this.#now = at;
      if (!isCancelled) run();
    }
    this.#now = end;
  }

  /** Lets time pass until the claim holds, which must be within `limitMs`. */
  until(claim: () => boolean, what: string, limitMs = 60_000): void {
    for (const end = this.#now + limitMs; !claim(); this.pass(1))
      if (this.#now >= end) throw new Error(`waited ${limitMs} ms for ${what}`);
  }
}

/** The clock of one process: it runs at a rate of its own, and the process may stand still while time goes on. */
export class VirtualClock implements Clock {
  readonly #time: VirtualTime;
  #rate = 1;
  #shown = 0;
  #setAt = 0;
  #held: (() => void)[] | null = null;

  constructor(time: VirtualTime) {
    this.#time = time;
    this.#setAt = time.now;
  }

  monotonic(): number {
    return this.#shown + (this.#time.now - this.#setAt) * this.#rate;
  }

  wall(): number {
    return this.monotonic();
  }

  after(ms: number, run: () => void): Timer {
    return this.#time.plan(ms / this.#rate, () => this.#let(run));
  }

  soon(run: () => void): void {
    this.#time.plan(0, () => this.#let(run));
  }

  /** From now on it runs this many times as fast as time goes. */
  set rate(rate: number) {
    this.#shown = this.monotonic();
    this.#setAt = this.#time.now;
    this.#rate = rate;
  }

  /** Nothing runs in the process until it is released. */
  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const run of held) run();
  }

  #let(run: () => void): void {
    if (this.#held === null) run();
    else this.#held.push(run);
  }
}
