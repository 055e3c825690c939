import { type Clock, systemClock } from "../../src/base/clock.ts";
import { QuorateError } from "../../src/base/errors.ts";
import type { KvReplica } from "../../src/kv/kv-context.ts";
import type { Command } from "../../src/kv/machine/command.ts";
import { encodeCommand } from "../../src/kv/machine/command-codec.ts";
import type { KvMachine } from "../../src/kv/machine/kv-machine.ts";
import type { KvResult } from "../../src/kv/machine/result.ts";
import type { RoleKind } from "../../src/raft/effects.ts";

/** Applies commands to a machine as entries of one log. */
export class Applying {
  readonly machine: KvMachine;
  index = 0;

  constructor(machine: KvMachine, index = 0) {
    this.machine = machine;
    this.index = index;
  }

  batch(commands: readonly Command[]): readonly KvResult[] {
    return this.machine.apply(commands.map((command) => this.#applied(encodeCommand(command))));
  }

  one(command: Command): KvResult {
    return this.batch([command])[0]!;
  }

  bytes(command: Uint8Array): KvResult {
    return this.machine.apply([this.#applied(command)])[0]!;
  }

  #applied(command: Uint8Array) {
    this.index += 1;
    return { index: this.index, term: 1, time: 0, command };
  }
}

/** A cluster of one without network and disk: what is proposed is applied at once. */
export class LoneReplica implements KvReplica {
  readonly id = 1;
  readonly clock: Clock;
  readonly #applying: Applying;
  readonly #listeners = new Set<(role: RoleKind, term: number) => void>();
  isLeader = true;
  /** Set to make proposals and barriers fail. */
  failure: QuorateError | null = null;
  /** How long an answer is on its way after the command was applied. */
  answerMs = 0;
  proposals = 0;

  constructor(machine: KvMachine, clock: Clock = systemClock) {
    this.#applying = new Applying(machine);
    this.clock = clock;
  }

  async propose(command: Uint8Array): Promise<KvResult> {
    this.proposals += 1;
    if (this.failure !== null) throw this.failure;
    const result = this.#applying.bytes(command);
    if (this.answerMs > 0) await new Promise<void>((resolve) => this.clock.after(this.answerMs, resolve));
    return result;
  }

  async barrier(): Promise<void> {
    if (this.failure !== null) throw this.failure;
  }

  on(_event: "role", listener: (role: RoleKind, term: number) => void): void {
    this.#listeners.add(listener);
  }

  off(_event: "role", listener: (role: RoleKind, term: number) => void): void {
    this.#listeners.delete(listener);
  }

  become(role: RoleKind, term: number): void {
    this.isLeader = role === "leader";
    for (const listener of this.#listeners) listener(role, term);
  }
}

/** Time that a test moves by hand. */
export class HandClock implements Clock {
  #now = 1000;
  #timers: { at: number; run: () => void }[] = [];

  monotonic(): number {
    return this.#now;
  }

  wall(): number {
    return this.#now;
  }

  after(ms: number, run: () => void) {
    const timer = { at: this.#now + ms, run };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }

  soon(run: () => void): void {
    setImmediate(run);
  }

  /** How many timers wait. */
  get timers(): number {
    return this.#timers.length;
  }

  /** Lets time pass, timer by timer; what a timer sets off is finished before the next one. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      const next = this.#timers.filter(({ at }) => at <= end).sort((left, right) => left.at - right.at)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
      await settled();
    }
    this.#now = end;
    await settled();
  }
}

/** Resolves when everything that waits for its turn has had it. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}

export async function rejection(promise: Promise<unknown>): Promise<QuorateError> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (QuorateError.is(error)) return error;
  throw new Error(`expected a QuorateError, got ${String(error)}`);
}
