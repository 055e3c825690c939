import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { planSeed, runScenario, runSeed } from "../../src/testkit/run-scenario.ts";
import { parseScenario, type Scenario } from "../../src/testkit/scenario.ts";

const CORPUS = new URL("../corpus/", import.meta.url);
const MODES = ["core", "full"] as const;
const CORE_SEEDS = 320;
const FULL_SEEDS = 32;
/** Runs are grouped so that a report names a place to look, and not one test for each seed. */
const GROUP = 16;

describe("what once broke", () => {
  const names = readdirSync(CORPUS).filter((name) => name.endsWith(".json"));

  it.each(names)("%s holds", (name) => {
    expect(runScenario(parseScenario(readFileSync(new URL(name, CORPUS), "utf8"))).failure).toBeUndefined();
  });
});

describe.each([
  ["core", CORE_SEEDS],
  ["full", FULL_SEEDS],
] as const)("in mode %s nothing is broken by", (mode, seeds) => {
  const groups = Array.from({ length: seeds / GROUP }, (_, group) => group * GROUP + 1);

  it.each(groups)(`the ${GROUP} seeds from %i`, { timeout: 60_000 }, (from) => {
    for (let seed = from; seed < from + GROUP; seed++) {
      const { failure } = runSeed(seed, { mode });
      expect(failure, `npm run sim -- --mode ${mode} --seed ${seed} --seeds 1`).toBeUndefined();
    }
  });
});

describe.each(MODES)("a scenario in mode %s", (mode) => {
  const scenario = planSeed(7, { mode });

  it("gives the same run each time, also after a way through a file", () => {
    const first = runScenario(scenario);
    expect(runScenario(scenario).traceHash).toBe(first.traceHash);
    expect(runScenario(parseScenario(JSON.stringify(scenario))).traceHash).toBe(first.traceHash);
    expect(first.steps).toBeGreaterThan(1000);
  });

  it("gives another run with another seed", () => {
    expect(runScenario({ ...scenario, seed: 8 }).traceHash).not.toBe(runScenario(scenario).traceHash);
  });

  it("is one still when any of its actions are left out", () => {
    fc.assert(
      fc.property(fc.subarray([...scenario.actions]), (actions) => {
        expect(runScenario({ ...scenario, actions }).failure).toBeUndefined();
      }),
      { numRuns: 5 },
    );
  });

  it("meets what it was made for", () => {
    const met = new Set<string>();
    for (let seed = 1; seed <= 20; seed++) {
      for (const name of runSeed(seed, { mode }).probes.counts.keys()) met.add(name);
    }
    expect([...met]).toEqual(
      expect.arrayContaining([
        "leader changed",
        "leader stopped with entries of its own",
        "log replaced from some entry on",
        "member restarted",
        "member stopped by a fault",
        "membership changed",
        "snapshot installed",
        "vote refused",
      ]),
    );
  });
});

describe("a file", () => {
  it("of a later format is refused by name", () => {
    expect(() => parseScenario(JSON.stringify({ ...planSeed(1), format: 2 }))).toThrow(/does not know/);
  });

  it.each(["", "[]", "{}", '{"format":1}', '{"format":1,"mode":"other"}'])(
    "with %j is no scenario",
    (text) => {
      expect(() => parseScenario(text)).toThrow(/no scenario/);
    },
  );
});

describe("an action", () => {
  const quiet = planSeed(1, { mode: "full", faults: {} });
  const actions: Scenario["actions"] = [
    { at: 0, kind: "transfer", member: 99, to: 98 },
    { at: 0, kind: "crash", member: -1, how: "kill", downMs: 10 },
    { at: 1, kind: "cut", from: 3, to: 3, forMs: 10 },
    { at: 1, kind: "change", member: 0, changes: [{ kind: "remove", member: 50 }] },
    { at: 2, kind: "partition", groups: [], forMs: 1 },
  ];

  it("that makes no sense at its moment does nothing", () => {
    expect(runScenario({ ...quiet, actions }).failure).toBeUndefined();
  });
});
