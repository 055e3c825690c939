import { expect, it } from "vitest";
import { faults } from "../../src/testkit/faults.ts";
import { runScenario } from "../../src/testkit/run-scenario.ts";
import type { Action, Scenario } from "../../src/testkit/scenario.ts";
import { planKvScenario } from "../../src/testkit/simulation/full/full-run.ts";

/** Three members; a lease of three seconds is granted, and then the lead goes round, faster than a third of that. */
function scenario(seed: number): Scenario {
  const quiet = planKvScenario(seed, faults.none(), { voters: 3, stormMs: 2_000, callsPerSecond: 1 });
  const handovers = Array.from({ length: 30 }, (_, round): Action => {
    return { at: 2_000 + 400 * round, kind: "transfer", member: -1, to: round % 3 };
  });
  const command = { kind: "lease-grant", lease: "7", ttlMs: 3_000 };
  const grant = { at: 1_990, kind: "operation", client: 0, member: -1, operation: { command } } as const;
  return { ...quiet, actions: [...quiet.actions, grant, ...handovers] };
}

it("a lease ends though leaders change faster than a third of its time (T2)", () => {
  const runs = [1, 2, 3].map((seed) => runScenario(scenario(seed)));
  expect(runs.map(({ failure }) => failure)).toEqual([undefined, undefined, undefined]);
  for (const { probes } of runs) expect(probes.counts.get("leader changed")).toBeGreaterThan(5);
});
