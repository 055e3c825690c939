import type { Clock, Timer } from "../../src/base/clock.ts";
import { QuorateError } from "../../src/base/errors.ts";
import { Coordination } from "../../src/coordination/coordination.ts";
import { Kv } from "../../src/kv/kv.ts";
import type { KvReplica } from "../../src/kv/kv-context.ts";
import { KvMachine } from "../../src/kv/machine/kv-machine.ts";
import type { KvResult } from "../../src/kv/machine/result.ts";
import { Applying, HandClock, settled } from "../kv/support.ts";

/** A clock that runs faster or slower than the one it is made from, and can stand still as a stopped process does. */
export class ProcessClock implements Clock {
  readonly #base: Clock;
  readonly #rate: number;
  #held: (() => void)[] | null = null;

  constructor(base: Clock, rate: number) {
    this.#base = base;
    this.#rate = rate;
  }

  monotonic(): number {
    return this.#base.monotonic() * this.#rate;
  }

  wall(): number {
    return this.#base.wall();
  }

  after(ms: number, run: () => void): Timer {
    let isCancelled = false;
    const due = (): void => {
      if (isCancelled) return;
      if (this.#held === null) run();
      else this.#held.push(due);
    };
    const timer = this.#base.after(ms / this.#rate, due);
    return {
      cancel: () => {
        isCancelled = true;
        timer.cancel();
      },
    };
  }

  soon(run: () => void): void {
    this.#base.soon(run);
  }

  /** From now on no timer fires. */
  stop(): void {
    this.#held ??= [];
  }

  /** What was due fires now, too late. */
  resume(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const due of held) due();
  }
}

/** A process with its own clock, its own copy of the state, and a way to the others, which can be cut. */
export class Process implements KvReplica {
  readonly id = 1;
  readonly clock: ProcessClock;
  readonly isLeader: boolean;
  readonly machine = new KvMachine();
  readonly kv: Kv<string>;
  readonly coordination: Coordination<string>;
  /** How often it was asked to make sure that it is up to date. */
  barriers = 0;
  readonly #world: World;
  readonly #applying = new Applying(this.machine);
  #isCut = false;

  constructor(world: World, rate: number, isLeader: boolean) {
    this.#world = world;
    this.clock = new ProcessClock(world.clock, rate);
    this.isLeader = isLeader;
    this.kv = Kv.over(this, this.machine);
    this.coordination = new Coordination(this.kv);
  }

  cut(): void {
    this.#isCut = true;
  }

  heal(): void {
    this.#isCut = false;
    this.catchUp();
  }

  async propose(command: Uint8Array): Promise<KvResult> {
    this.#check();
    this.#world.log.push(command);
    for (const process of this.#world.processes) if (process !== this) process.catchUp();
    return this.catchUp()!;
  }

  async barrier(): Promise<void> {
    this.#check();
    this.barriers += 1;
  }

  /** Applies what was agreed on, and gives the result of the last command. */
  catchUp(): KvResult | null {
    let result: KvResult | null = null;
    if (this.#isCut) return result;
    for (const command of this.#world.log.slice(this.#applying.index)) result = this.#applying.bytes(command);
    return result;
  }

  on(): void {}

  off(): void {}

  #check(): void {
    if (!this.#isCut) return;
    throw new QuorateError("ERR_NO_QUORUM", "nobody answers", { waitedMs: 0 }, { retryable: true });
  }
}

/** Processes that agree on one log at once, in time that a test moves by hand. The first one ends leases. */
export class World {
  readonly clock = new HandClock();
  readonly log: Uint8Array[] = [];
  readonly processes: Process[] = [];
  readonly leader = this.process(1, true);

  get kv(): Kv<string> {
    return this.leader.kv;
  }

  get leases(): number {
    return this.leader.machine.leases.size;
  }

  /** One more process. Its clock gains or loses against the others by `rate`. */
  process(rate = 1, isLeader = false): Process {
    const process = new Process(this, rate, isLeader);
    this.processes.push(process);
    process.catchUp();
    return process;
  }

  pass(ms: number): Promise<void> {
    return this.clock.pass(ms);
  }

  async keys(): Promise<string[]> {
    return (await this.kv.range().toArray()).map(({ key }) => key);
  }

  close(): void {
    for (const process of this.processes) process.kv.close();
  }
}

/** A promise that a test leaves open: that the end of the test rejects it is of no interest. */
export function left<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => {});
  return promise;
}

/** What became of a promise so far. */
export async function stateOf<Value>(promise: Promise<Value>): Promise<"waiting" | "resolved" | "rejected"> {
  let state: "waiting" | "resolved" | "rejected" = "waiting";
  promise.then(
    () => (state = "resolved"),
    () => (state = "rejected"),
  );
  await settled();
  return state;
}

/** Something outside of the cluster that a lock protects. It takes no orders from the past. */
export class Resource {
  readonly accepted: number[] = [];
  #newest = 0;

  write(fence: number): boolean {
    if (fence < this.#newest) return false;
    this.#newest = fence;
    this.accepted.push(fence);
    return true;
  }
}
