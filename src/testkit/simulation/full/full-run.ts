import { EMPTY_MEMBERSHIP } from "../../../raft/membership.ts";
import { firstMemberId } from "../../../replica/members/identity.ts";
import { type FaultProfile, faults } from "../../faults.ts";
import { memberChecks } from "../../invariants/member/member-checks.ts";
import { type Action, type ClusterPlan, LEADER, type Scenario } from "../../scenario.ts";
import { type PlanOptions, planScenario } from "../chance/plan.ts";
import { type RandomStream, RandomStreams } from "../chance/random-streams.ts";
import { kvSystem } from "../kv/kv-system.ts";
import { kvOperation } from "../kv/kv-workload.ts";
import type { SimSystem } from "../run/sim-system.ts";
import { type RunOptions, type RunResult, Simulation } from "../run/simulation.ts";
import type { Crewmates } from "../world/crewmates.ts";
import type { SimHost } from "../world/sim-host.ts";
import type { FullFrame } from "./full-frame.ts";
import { FullMember } from "./full-member.ts";

/** A scenario for whole members with the store that ships, made of a seed. */
export function planKvScenario(
  seed: number,
  profile: FaultProfile = faults.standard(),
  options: Partial<PlanOptions> = {},
): Scenario {
  const scenario = planScenario(seed, { mode: "full", faults: profile, operation: kvOperation, ...options });
  const chance = new RandomStreams(seed);
  return {
    ...scenario,
    cluster: withMembers(chance.stream("members"), scenario.cluster),
    actions: [...scenario.actions, ...planHandovers(chance.stream("handovers"), scenario)],
  };
}

/** In some runs the lead goes round and round in the calm: leases must end all the same. */
function planHandovers(chance: RandomStream, { stormMs, cluster }: Scenario): Action[] {
  const { voters, spares } = cluster;
  if (voters === 1 || !chance.happens(0.3)) return [];
  const handovers: Action[] = [];
  const paceMs = chance.pick([400, 600, 900]);
  for (let at = stormMs; at < stormMs + HANDOVERS_MS; at += paceMs)
    handovers.push({ at, kind: "transfer", member: LEADER, to: chance.between(0, voters + spares - 1) });
  return handovers;
}

const HANDOVERS_MS = 12_000;

function withMembers(chance: RandomStream, cluster: ClusterPlan): ClusterPlan {
  const leaseReads = cluster.electionTicks >= LEASE_ELECTION_TICKS && chance.happens(0.5);
  const checkpointEntries = chance.pick([20, 50, 200]);
  const onCorruption = chance.pick(["refuse", "repair-from-peers"] as const);
  const member = { leaseReads, checkpointEntries, onCorruption };
  if (!leaseReads) return { ...cluster, member };
  // Reads by lease rest on clocks that run almost alike.
  const driftPermille = cluster.driftPermille.map((drift) => Math.trunc(drift / 4));
  return { ...cluster, driftPermille, member };
}

const LEASE_ELECTION_TICKS = 8;

/** Runs whole members with the store that ships. */
export function runKvScenario(scenario: Scenario, options: Partial<RunOptions> = {}): RunResult {
  return runFullScenario(scenario, kvSystem, options);
}

/** Runs whole members with a state machine of anybody's. */
export function runFullScenario<Command, Result, Query, Answer>(
  scenario: Scenario,
  system: SimSystem<Command, Result, Query, Answer>,
  options: Partial<RunOptions> = {},
): RunResult {
  return fullSimulation(scenario, system, options).run();
}

/** Whole members with such a machine, before anything has happened. */
export function fullSimulation<Command, Result, Query, Answer>(
  scenario: Scenario,
  system: SimSystem<Command, Result, Query, Answer>,
  options: Partial<RunOptions> = {},
): Simulation<FullFrame> {
  const checks = options.checks ?? memberChecks(system);
  return new Simulation<FullFrame>(scenario, (host) => fullCrew(host, system), {
    ...options,
    checks,
    makeClient: system.makeClient,
  });
}

export type { PlanOptions };

function fullCrew<Command, Result, Query, Answer>(
  host: SimHost<FullFrame>,
  system: SimSystem<Command, Result, Query, Answer>,
): FullMember<Command, Result, Query, Answer>[] {
  const { voters, spares } = host.scenario.cluster;
  const founders = Array.from({ length: voters }, (_, number) => `n${number + 1}`);
  const members: FullMember<Command, Result, Query, Answer>[] = [];
  const mates: Crewmates = {
    founders,
    byName: (name) => members.find((member) => member.name === name),
    review: () => connections.review(),
  };
  for (let number = 0; number < voters + spares; number++)
    members.push(new FullMember(host, system, number, mates));
  const connections = new Connections(host, members);
  const ids = founders.map(firstMemberId).sort((left, right) => left - right);
  const snapshot = { index: 1, term: 1, membership: { ...EMPTY_MEMBERSHIP, voters: ids } };
  const names = new Map(members.map(({ id, name }) => [id, name]));
  host.emit({ kind: "founded", at: 0, snapshot, names });
  return members;
}

/** Who is connected with whom: members that want each other, both run, and are not cut off, find each other. */
class Connections {
  readonly #host: SimHost<FullFrame>;
  readonly #members: readonly FullMember<never, never, never, never>[];
  #isScheduled = false;

  constructor(host: SimHost<FullFrame>, members: readonly { readonly number: number }[]) {
    this.#host = host;
    this.#members = members as readonly FullMember<never, never, never, never>[];
  }

  /** Looks around soon, and again later while somebody is not reached. */
  review(delayMs = 1): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#host.schedule.after(delayMs * 1000, () => {
      this.#isScheduled = false;
      this.#look();
    });
  }

  #look(): void {
    for (const left of this.#members) {
      for (const right of this.#members) if (left.number < right.number) this.#maybeConnect(left, right);
    }
  }

  #maybeConnect(
    left: FullMember<never, never, never, never>,
    right: FullMember<never, never, never, never>,
  ): void {
    const [here, there] = [left.transport, right.transport];
    if (here === null || there === null || !here.wants(right.name) || !there.wants(left.name)) return;
    if (this.#host.isCut(left.number, right.number) || this.#host.isCut(right.number, left.number)) {
      this.review(REDIAL_MS);
      return;
    }
    left.connected(right.name);
    right.connected(left.name);
  }
}

const REDIAL_MS = 200;
