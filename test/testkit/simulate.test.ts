import { describe, expect, it } from "vitest";
import type { Applied, StateMachine } from "../../src/replica/state-machine.ts";
import { type Check, Violation } from "../../src/testkit/check.ts";
import { faults } from "../../src/testkit/faults.ts";
import { integer } from "../../src/testkit/generate.ts";
import { planSeed, recordScenario, runScenario } from "../../src/testkit/run-scenario.ts";
import type { Scenario } from "../../src/testkit/scenario.ts";
import { shrinkScenario } from "../../src/testkit/shrink.ts";
import { assertSimulation, describeReport, replay, simulate } from "../../src/testkit/simulate.ts";
import type { SimEvent } from "../../src/testkit/simulation/seen/sim-event.ts";
import { tellStory } from "../../src/testkit/story.ts";

/** Adds numbers up; what is special about it is for each test to say. */
class Sum implements StateMachine<number, number, void, number> {
  protected sum = 0;

  apply(batch: readonly Applied<number>[]): number[] {
    return batch.map(({ command }) => {
      this.sum += command;
      return this.sum;
    });
  }

  query(): number {
    return this.sum;
  }

  snapshot(): Iterable<Uint8Array> {
    return [new TextEncoder().encode(String(this.sum))];
  }

  restore(chunks: Iterable<Uint8Array>): void {
    this.sum = Number([...chunks].map((chunk) => new TextDecoder().decode(chunk)).join(""));
  }
}

/** Keeps nothing of what it is given back. */
class Forgetful extends Sum {
  override restore(): void {
    this.sum = 0;
  }
}

/** Counts how often it was asked to apply anything, which depends on how commands were gathered. */
class Moody extends Sum {
  static moods = 0;
  readonly #mood = Moody.moods++ % 2;

  override apply(batch: readonly Applied<number>[]): number[] {
    return super.apply(batch).map((sum) => sum + this.#mood);
  }
}

const of = (machine: () => Sum) => ({ machine, commands: integer(1, 9), queries: () => undefined });

describe("simulate", () => {
  it("passes a machine that is right, and says how much it has seen", () => {
    const report = assertSimulation({ ...of(() => new Sum()), budget: { seeds: 8 } });
    expect(report).toMatchObject({ verdict: "pass", seeds: 8, failure: undefined });
    expect(report.steps).toBeGreaterThan(10_000);
    expect(report.probes.get("leader changed")).toBeGreaterThan(0);
  });

  it("finds a machine that forgets its state, and tells the shortest story of it", {
    timeout: 60_000,
  }, () => {
    const options = { ...of(() => new Forgetful()), budget: { seeds: 50 }, shrinkMs: 3_000 };
    const report = simulate(options);
    expect(report.verdict).toBe("fail");
    const { scenario, original, story, invariant } = report.failure!;
    expect(["S1", "S2", "S5", "C2"]).toContain(invariant);
    expect(scenario.actions.length).toBeLessThan(original.actions.length / 4);
    expect(story.length).toBeGreaterThan(1);
    expect(replay(scenario, options).result.failure?.invariant).toBe(invariant);
    expect(describeReport(report)).toContain(`seed ${original.seed}`);
  });

  it("finds a machine that differs from member to member", { timeout: 60_000 }, () => {
    const report = simulate({ ...of(() => new Moody()), budget: { seeds: 5 }, shrinkMs: 500 });
    expect(["S5", "C2"]).toContain(report.failure?.invariant);
  });

  it("says of a machine that breaks the same scenario only once that it goes by more than its commands", () => {
    let left = 1;
    class Once extends Sum {
      override apply(batch: readonly Applied<number>[]): number[] {
        return super.apply(batch).map((sum) => sum + (left-- === 1 ? 1 : 0));
      }
    }
    const report = simulate({ ...of(() => new Once()), budget: { seeds: 1 }, shrinkMs: 500 });
    expect(report.verdict).toBe("fail");
    expect(describeReport(report)).toMatch(/Run again, the same scenario broke nothing/);
  });

  it("compares with a spec where there is one", { timeout: 60_000 }, () => {
    const spec = {
      init: () => 0,
      step: (sum: number, { command }: Applied<number>): readonly [number, number] => [
        sum + command,
        sum + command,
      ],
      answer: (sum: number) => sum + 1,
    };
    const report = simulate({ ...of(() => new Sum()), spec, budget: { seeds: 5 }, shrinkMs: 500 });
    expect(report.failure?.invariant).toBe("C2");
  });

  it("calls nothing a pass that has seen too little", () => {
    const options = { ...of(() => new Sum()), faults: faults.none() };
    expect(simulate({ ...options, budget: { seeds: 0 } }).verdict).toBe("unknown");
    expect(simulate({ ...options, callsPerSecond: 0, budget: { seeds: 1 } }).verdict).toBe("vacuous");
    const report = simulate({ ...options, mustMeet: ["snapshot installed"], budget: { seeds: 1 } });
    expect(report).toMatchObject({ verdict: "vacuous", reason: "never met: snapshot installed" });
  });

  it("refuses commands that a scenario cannot hold", () => {
    const commands = (): number => Symbol("one") as unknown as number;
    expect(() => simulate({ ...of(() => new Sum()), commands, budget: { seeds: 1 } })).toThrow(
      /a scenario is data/,
    );
  });
});

/** Objects when a leader has been elected so often. */
class FewLeaders implements Check {
  readonly name = "X1";
  readonly says = "Nobody leads after the third term.";
  readonly kinds = ["role"] as const;

  observe(event: SimEvent): void {
    if (event.kind === "role" && event.role === "leader" && event.term > 3)
      throw new Violation(this, "Somebody does.");
  }
}

describe("shrinkScenario", () => {
  it("leaves of a scenario what breaks the same", () => {
    const invariantOf = (candidate: Scenario): string | null =>
      runScenario(candidate, undefined, { checks: [new FewLeaders()] }).failure?.invariant ?? null;
    const scenarios = Array.from({ length: 50 }, (_, seed) => planSeed(seed, { mode: "core" }));
    const scenario = scenarios.find((each) => invariantOf(each) === "X1" && each.actions.length > 100)!;
    let runs = 0;
    const shrunk = shrinkScenario(scenario, "X1", { run: invariantOf, budgetMs: 400, now: () => ++runs });
    expect(shrunk.scenario.actions.length).toBeLessThan(20);
    expect(invariantOf(shrunk.scenario)).toBe("X1");
  });

  it("stops in time", () => {
    const scenario = planSeed(4, { mode: "core" });
    const { runs } = shrinkScenario(scenario, "X1", {
      run: () => null,
      budgetMs: 10,
      now: () => Number.MAX_VALUE,
    });
    expect(runs).toBe(0);
  });
});

describe("a story", () => {
  it("is empty where nothing broke", () => {
    expect(tellStory(recordScenario(planSeed(1, { mode: "core" })).recording)).toEqual([]);
  });
});
