import type { Clock, Timer } from "../../../base/clock.ts";
import type { Micros } from "../chance/schedule.ts";
import type { Gate } from "./gate.ts";

/** What a clock needs of the world. */
export interface ClockWorld {
  readonly schedule: { readonly now: Micros; after(delay: Micros, run: () => void): Timer };
  /** Runs when what is happening now is over, at the same time. */
  soon(run: () => void): void;
}

/** Where virtual time begins, for those who ask what day it is: the first of January 2026. */
const EPOCH_MS = 1_767_225_600_000;

/** A member's clocks: they run fast or slow, and the one for people jumps. They outlive the member's processes. */
export class MemberClocks {
  readonly #world: ClockWorld;
  /** How many of its own microseconds pass in a true one. */
  readonly #rate: number;
  #jumpedMs: number;

  /** `aheadMs` says by how much its clock for people is ahead of the true time when the run begins. */
  constructor(world: ClockWorld, driftPermille: number, aheadMs: number) {
    this.#world = world;
    this.#jumpedMs = aheadMs;
    this.#rate = (1000 + driftPermille) / 1000;
  }

  jump(ms: number): void {
    this.#jumpedMs += ms;
  }

  /** The clock of one process; what it was asked for ends with the process. */
  ofProcess(gate: Gate): Clock {
    const monotonic = (): number => (this.#world.schedule.now * this.#rate) / 1000;
    return {
      monotonic,
      wall: () => EPOCH_MS + this.#jumpedMs + Math.floor(monotonic()),
      after: (ms, run) =>
        this.#world.schedule.after(Math.max(0, Math.round((ms * 1000) / this.#rate)), () => gate.run(run)),
      soon: (run) => this.#world.soon(() => gate.run(run)),
    };
  }
}
