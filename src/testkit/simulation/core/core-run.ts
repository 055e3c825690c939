import { EMPTY_MEMBERSHIP } from "../../../raft/membership.ts";
import type { SnapshotMetadata } from "../../../raft/snapshot-metadata.ts";
import type { FaultProfile } from "../../faults.ts";
import { faults } from "../../faults.ts";
import { raftChecks } from "../../invariants/raft/raft-checks.ts";
import type { Scenario } from "../../scenario.ts";
import { type PlanOptions, planScenario } from "../chance/plan.ts";
import type { RandomStream } from "../chance/random-streams.ts";
import { type RunOptions, type RunResult, Simulation } from "../run/simulation.ts";
import type { SimHost } from "../world/sim-host.ts";
import { type CoreFrame, CoreMember } from "./core-member.ts";

/** A scenario for cores alone, made of a seed. */
export function planCoreScenario(
  seed: number,
  profile: FaultProfile = faults.standard(),
  options: Partial<PlanOptions> = {},
): Scenario {
  return planScenario(seed, {
    mode: "core",
    faults: profile,
    operation: coreOperation,
    callsPerSecond: 30,
    ...options,
  });
}

function coreOperation(chance: RandomStream): unknown {
  return chance.happens(0.3) ? { kind: "read" } : { kind: "write", bytes: chance.between(0, 40) };
}

/** Runs cores alone. */
export function runCoreScenario(scenario: Scenario, options: Partial<RunOptions> = {}): RunResult {
  return new Simulation<CoreFrame>(scenario, coreCrew, { checks: raftChecks(), ...options }).run();
}

function coreCrew(host: SimHost<CoreFrame>): CoreMember[] {
  const { voters, spares } = host.scenario.cluster;
  const ids = Array.from({ length: voters }, (_, number) => number + 1);
  const first: SnapshotMetadata = { index: 1, term: 1, membership: { ...EMPTY_MEMBERSHIP, voters: ids } };
  const members = Array.from(
    { length: voters + spares },
    (_, number) => new CoreMember(host, number, number < voters ? first : null),
  );
  const names = new Map(members.map(({ id, name }) => [id, name]));
  host.emit({ kind: "founded", at: 0, snapshot: first, names });
  return members;
}
