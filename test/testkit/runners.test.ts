import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { run } from "../../scripts/process.ts";
import { QuorateError } from "../../src/base/errors.ts";
import type { Applied, StateMachine } from "../../src/replica/state-machine.ts";
import { faults } from "../../src/testkit/faults.ts";
import { integer } from "../../src/testkit/generate.ts";
import { readSimEnvironment } from "../../src/testkit/runners/environment.ts";
import { keepIn } from "../../src/testkit/runners/keep.ts";
import { type Keep, simTestOf, type TakeTest } from "../../src/testkit/runners/sim-test.ts";
import { simTest } from "../../src/testkit/runners/vitest.ts";
import { parseScenario } from "../../src/testkit/scenario.ts";
import type { SimulateOptions } from "../../src/testkit/simulate.ts";
import { jsonChunks, jsonOf } from "./machines/sample.ts";

class Sum implements StateMachine<number, number, void, number> {
  #sum = 0;

  apply(batch: readonly Applied<number>[]): number[] {
    return batch.map(({ command }) => {
      this.#sum += command;
      return this.#sum;
    });
  }

  query(): number {
    return this.#sum;
  }

  snapshot(): Iterable<Uint8Array> {
    return jsonChunks(this.#sum);
  }

  restore(chunks: Iterable<Uint8Array>): void {
    this.#sum = jsonOf(chunks);
  }
}

describe("the environment of simulated tests", () => {
  it("names a seed and a budget, or neither", () => {
    expect(readSimEnvironment({})).toEqual({ seed: null, budgetMs: null });
    expect(readSimEnvironment({ QUORATE_SIM_SEED: "42" })).toEqual({ seed: 42, budgetMs: null });
    const spans = ["500ms", "30s", "10m", "2h"].map((budget) =>
      readSimEnvironment({ QUORATE_SIM_BUDGET: budget }),
    );
    expect(spans.map(({ budgetMs }) => budgetMs)).toEqual([500, 30_000, 600_000, 7_200_000]);
  });

  it.each([
    { QUORATE_SIM_SEED: "abc" },
    { QUORATE_SIM_SEED: "-1" },
    { QUORATE_SIM_SEED: "" },
    { QUORATE_SIM_BUDGET: "10" },
    { QUORATE_SIM_BUDGET: "ten minutes" },
  ])("is refused where it makes no sense: %j", (variables) => {
    try {
      readSimEnvironment(variables);
      expect.fail("it is refused");
    } catch (error) {
      expect(QuorateError.is(error, "ERR_INVALID_ARGUMENT")).toBe(true);
    }
  });
});

describe("a simulated test", () => {
  const options = {
    machine: () => new Sum(),
    commands: integer(1, 9),
    faults: faults.none(),
    members: 1,
    callsPerSecond: 5,
    budget: { seeds: 2 },
  };
  const kept = new Map<string, ReadonlyMap<string, string>>();
  const taken = (
    asked: Partial<SimulateOptions<number, number, number, void, number>>,
    variables: Record<string, string> = {},
  ) => {
    const tests: { name: string; run: () => void; timeoutMs: number }[] = [];
    const take: TakeTest = (name, run, timeoutMs) => tests.push({ name, run, timeoutMs });
    const keep: Keep = (folder, files) => void kept.set(folder, files);
    simTestOf(take, () => variables, keep)("the sum is right", { ...options, ...asked });
    return tests[0]!;
  };

  it("is one test with the simulation's budget, and time to make a failure smaller", () => {
    expect(taken({ budget: { ms: 1_000 } })).toMatchObject({ name: "the sum is right", timeoutMs: 61_000 });
    expect(taken({}, { QUORATE_SIM_BUDGET: "10m" }).timeoutMs).toBe(660_000);
  });

  it("passes when nothing is broken, and fails with the story when something is", () => {
    taken({}).run();
    const spec = { init: () => 0, step: (sum: number) => [sum, 0] as const };
    expect(taken({ spec, shrinkMs: 500 }).run).toThrow(
      /the sum is right: fail: C2[\s\S]+again: QUORATE_SIM_SEED=1\nas a picture: sim-failures\/1\/report.html/,
    );
    const files = kept.get("sim-failures/1")!;
    expect([...files.keys()]).toEqual(["scenario.json", "original.json", "report.html"]);
    expect(parseScenario(files.get("scenario.json")!).seed).toBe(1);
  });

  it("fails, too, when too little happened", () => {
    expect(taken({ mustMeet: ["snow in July"] }).run).toThrow("the sum is right: vacuous");
    expect(taken({ budget: { seeds: 0 } }).run).toThrow("the sum is right: unknown");
  });

  it("runs the seed that the environment names, alone", () => {
    const machines: Sum[] = [];
    const machine = (): Sum => {
      const made = new Sum();
      machines.push(made);
      return made;
    };
    const seeds = (variables: Record<string, string>): number => {
      machines.length = 0;
      taken({ machine, budget: { seeds: 3 } }, variables).run();
      return machines.length;
    };
    expect(seeds({ QUORATE_SIM_SEED: "9" }) * 3).toBe(seeds({}));
  });
});

simTest("the glue for vitest runs a simulation", {
  machine: () => new Sum(),
  commands: integer(1, 9),
  budget: { seeds: 1 },
});

describe("what a failed test keeps", () => {
  const files = new Map([["report.html", "a page"]]);

  it("is written where the tests were started", () => {
    const folder = join(mkdtempSync(join(tmpdir(), "quorate-keep-")), "sim-failures/7");
    keepIn(process)(folder, files);
    expect(readFileSync(join(folder, "report.html"), "utf8")).toBe("a page");
  });

  it("is nothing where there are no files", () => {
    expect(() => keepIn(undefined)("sim-failures/7", files)).not.toThrow();
    expect(() => keepIn({})("sim-failures/7", files)).not.toThrow();
  });
});

describe("the glue", () => {
  it("for jest takes its global test", async () => {
    const { simTest: jestTest, scenarioTest: scriptTest } = await import("../../src/testkit/runners/jest.ts");
    const taken: unknown[][] = [];
    Reflect.set(globalThis, "test", (...args: unknown[]) => taken.push(args));
    try {
      jestTest("a sum", { machine: () => new Sum(), commands: integer(1, 9), budget: { seeds: 1 } });
      scriptTest("a script", { machine: () => new Sum() }, () => {});
    } finally {
      Reflect.deleteProperty(globalThis, "test");
    }
    expect(taken).toEqual([
      ["a sum", expect.any(Function), 65_000],
      ["a script", expect.any(Function), 60_000],
    ]);
  });

  it("for node:test runs under node:test", { timeout: 30_000 }, async () => {
    const file = fileURLToPath(new URL("node-runner.ts", import.meta.url));
    const tsx = fileURLToPath(new URL("../../node_modules/.bin/tsx", import.meta.url));
    const { exitCode, stdout } = await run(tsx, ["--test", file], dirname(file), 25_000);
    expect(stdout).toMatch(/a sum of nothing but ones/);
    expect(stdout).toMatch(/a single one/);
    expect(stdout).toMatch(/pass 2\b/);
    expect(exitCode).toBe(0);
  });
});
