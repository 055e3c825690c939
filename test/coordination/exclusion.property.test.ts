import fc from "fast-check";
import { expect, test } from "vitest";
import { QuorateError } from "../../src/base/errors.ts";
import type { Held } from "../../src/coordination/hold.ts";
import { settled } from "../kv/support.ts";
import { type Process, Resource, World } from "./processes.ts";

type Kind = "read" | "write";

/** One hold that somebody wants, waits for, has, or had. */
interface Attempt {
  readonly kind: Kind;
  readonly giveUp: AbortController;
  held: Held | null;
  isDone: boolean;
}

/** Several processes that want one lock, with clocks of their own, connections that break, and time that passes. */
class Story {
  readonly world = new World();
  readonly resource = new Resource();
  readonly #processes: readonly Process[];
  readonly #attempts: Attempt[] = [];
  #begun: Promise<void>[] = [];

  constructor(rates: readonly number[]) {
    this.#processes = rates.map((rate) => this.world.process(rate));
  }

  ask(at: number, kind: Kind, timeout: number | undefined): void {
    const attempt: Attempt = { kind, giveUp: new AbortController(), held: null, isDone: false };
    this.#attempts.push(attempt);
    const lock = this.#processes[at]!.coordination.readWriteLock("lock")[kind];
    const asked = lock.acquire({ ttlMs: 1000, timeoutMs: timeout, signal: attempt.giveUp.signal }).then(
      (held) => {
        attempt.held = held;
        this.check();
        // What does the work acts at once, and is never refused: only those who act too late are.
        if (!held.signal.aborted && kind === "write") expect(this.resource.write(held.fence)).toBe(true);
      },
      (error: unknown) => {
        attempt.isDone = true;
        const isExpected =
          QuorateError.is(error, "ERR_LOCK_LOST") || (QuorateError.is(error) && error.retryable);
        if (!isExpected && !attempt.giveUp.signal.aborted) throw error;
      },
    );
    asked.catch(() => {});
    this.#begun.push(asked);
  }

  release(at: number): void {
    const held = this.#attempts.filter((attempt) => attempt.held !== null && !attempt.isDone);
    const attempt = held[at % held.length];
    if (attempt === undefined) return;
    attempt.isDone = true;
    void attempt.held!.release();
  }

  giveUp(at: number): void {
    const waiting = this.#attempts.filter(({ held, isDone }) => held === null && !isDone);
    waiting[at % waiting.length]?.giveUp.abort();
  }

  cut(at: number): void {
    this.#processes[at]!.cut();
  }

  heal(at: number): void {
    this.#processes[at]!.heal();
  }

  /** No two writers, and no reader beside a writer, believe at once that they hold it. */
  check(): void {
    const believing = this.#attempts.filter(({ held }) => held?.signal.aborted === false);
    if (believing.some(({ kind }) => kind === "write")) expect(believing).toHaveLength(1);
  }

  /** In a world at peace everybody who waits has a turn, and nothing is left in the end. */
  async end(): Promise<void> {
    for (const process of this.#processes) process.heal();
    for (let round = 0; round < 4 * this.#attempts.length + 4; round++) {
      await this.world.pass(700);
      this.check();
      this.release(0);
    }
    await Promise.all(this.#begun);
    await this.world.pass(3000);
    expect(await this.world.keys()).toEqual([]);
    expect(this.world.leases).toBe(0);
    expect(this.resource.accepted).toEqual(this.resource.accepted.toSorted((left, right) => left - right));
    this.world.close();
  }
}

const PROCESSES = 3;
const process = fc.nat(PROCESSES - 1);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constant("ask"), process, fc.constantFrom("read", "write", "write")) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("ask briefly"), process, fc.constantFrom("read", "write")) },
  { weight: 3, arbitrary: fc.tuple(fc.constant("release"), fc.nat(9)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("give up"), fc.nat(9)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("cut"), process) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("heal"), process) },
  { weight: 4, arbitrary: fc.tuple(fc.constant("pass"), fc.integer({ min: 1, max: 1200 })) },
);

test("in no history do two believe at once that they alone hold a lock, and everybody gets a turn", async () => {
  const rates = fc.tuple(...Array.from({ length: PROCESSES }, () => fc.constantFrom(0.95, 1, 1.05)));
  await fc.assert(
    fc.asyncProperty(
      rates,
      fc.array(step, { minLength: 10, maxLength: 50, size: "max" }),
      async (clockRates, steps) => {
        const story = new Story(clockRates);
        for (const [what, at, kind] of steps) {
          if (what === "ask") story.ask(at, kind as Kind, undefined);
          else if (what === "ask briefly") story.ask(at, kind as Kind, 300);
          else if (what === "release") story.release(at);
          else if (what === "give up") story.giveUp(at);
          else if (what === "cut") story.cut(at);
          else if (what === "heal") story.heal(at);
          else await story.world.pass(at);
          // Some steps follow one another before anything else has its turn.
          if (at % 2 === 0) await settled();
          story.check();
        }
        await story.end();
      },
    ),
    { numRuns: 60 },
  );
});
