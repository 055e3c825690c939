import { describe, expect, it } from "vitest";
import { faults } from "../../src/testkit/faults.ts";
import { planSeed, runScenario } from "../../src/testkit/run-scenario.ts";
import type { Action, Scenario } from "../../src/testkit/scenario.ts";
import { planKvScenario } from "../../src/testkit/simulation/full/full-run.ts";

/** Three members with calls, of which these go wrong. */
function scenario(seed: number, ...actions: readonly Action[]): Scenario {
  const quiet = planKvScenario(seed, faults.none(), { voters: 3, stormMs: 3_000 });
  return { ...quiet, actions: [...quiet.actions, ...actions].sort((left, right) => left.at - right.at) };
}

describe("an old copy of its directory", () => {
  /** n3 hears nothing while the copy of n2 grows old; then n2 starts on it, and n1 falls. */
  const mistake = (seed: number, more: object): Scenario =>
    scenario(
      seed,
      { at: 990, kind: "transfer", member: -1, to: 0 },
      { at: 1_200, kind: "old-backup", member: 1, ageMs: 900, downMs: 10, ...more },
      { at: 1_200, kind: "partition", groups: [[0, 1], [2]], forMs: 900 },
      { at: 2_090, kind: "partition", groups: [[0], [1, 2]], forMs: 900 },
    );
  const seeds = Array.from({ length: 12 }, (_, seed) => seed + 1);

  it("does no harm where the others hold all that it lacks", () => {
    const runs = seeds.map((seed) =>
      runScenario(scenario(seed, { at: 1_000, kind: "old-backup", member: 1, ageMs: 300, downMs: 100 })),
    );
    expect(runs.map(({ failure }) => failure)).toEqual(seeds.map(() => undefined));
    expect(runs.some(({ probes }) => probes.counts.has("directory replaced by older copy"))).toBe(true);
  });

  it("loses acknowledged writes where only a leader that fell holds them: no member can know", () => {
    const broken = seeds.map((seed) => runScenario(mistake(seed, { regardless: true })).failure?.invariant);
    expect(broken).toContain("R11");
    expect(seeds.map((seed) => runScenario(mistake(seed, {})).failure)).toEqual(seeds.map(() => undefined));
  });
});

describe("a copy of another's directory", () => {
  it("is refused, and the member goes on with its own", () => {
    const { failure, probes } = runScenario(
      scenario(1, { at: 1_000, kind: "clone", member: 1, of: 2, forMs: 500 }),
    );
    expect(failure).toBeUndefined();
    expect(probes.counts.get("wrong directory turned away")).toBe(1);
  });
});

describe("a stranger", () => {
  it.each(["core", "full"] as const)("in a member's name changes nothing, in mode %s", (mode) => {
    const quiet = planSeed(3, { mode, faults: faults.none() });
    const actions: readonly Action[] = [
      ...quiet.actions,
      { at: 500, kind: "stranger", member: 0, forMs: 2_000 },
      { at: 500, kind: "stranger", member: -1, forMs: 2_000 },
    ];
    const { failure, probes } = runScenario({ ...quiet, actions });
    expect(failure).toBeUndefined();
    expect(probes.counts.get("old frame sent again")).toBeGreaterThan(10);
    expect(probes.counts.get("frame forged") ?? 0).toBeGreaterThanOrEqual(mode === "full" ? 10 : 0);
  });
});
