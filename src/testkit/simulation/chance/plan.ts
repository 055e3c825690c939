import type { FaultProfile } from "../../faults.ts";
import type { Action, ClusterPlan, DiskPlan, MemberNumber, NetworkPlan, Scenario } from "../../scenario.ts";
import { LEADER } from "../../scenario.ts";
import { type RandomStream, RandomStreams } from "./random-streams.ts";

export interface PlanOptions {
  readonly mode: Scenario["mode"];
  readonly faults: FaultProfile;
  /** How many found the cluster; drawn for each seed where it is not set. */
  readonly voters?: number | undefined;
  readonly stormMs?: number | undefined;
  /** Makes what a client asks for. */
  readonly operation: (chance: RandomStream) => unknown;
  /** How many calls there are, on the average, in a second. */
  readonly callsPerSecond?: number | undefined;
  readonly clients?: number | undefined;
}

type Fault = Exclude<Action["kind"], "operation" | "expect">;

/** Makes a scenario of a seed: how large, how fast, which faults, and when. */
export function planScenario(seed: number, options: PlanOptions): Scenario {
  const chance = new RandomStreams(seed);
  const shape = chance.stream("shape");
  const voters = options.voters ?? shape.pick([1, 2, 3, 3, 3, 3, 3, 4, 5, 5]);
  const swarm = switchOn(options.faults, chance.stream("swarm"));
  const spares = swarm.membership === true ? shape.between(1, 3) : 0;
  const cluster = planCluster(shape, voters, spares, swarm, options.mode);
  const stormMs = options.stormMs ?? shape.between(3_000, 12_000);
  const network = planNetwork(chance.stream("network"), swarm, cluster);
  const actions = [
    ...planFaults(chance, swarm, {
      members: voters + spares,
      voters,
      stormMs,
      electionMs: cluster.tickMs * cluster.electionTicks,
    }),
    ...planOperations(chance, options, { members: voters + spares, stormMs }),
  ];
  actions.sort((left, right) => left.at - right.at);
  return {
    format: 1,
    mode: options.mode,
    seed,
    cluster,
    network,
    disk: planDisk(chance.stream("disk"), cluster),
    stormMs,
    calmMs: 60_000,
    actions,
  };
}

/** Each fault that the profile allows, with a chance of one half. */
function switchOn(profile: FaultProfile, chance: RandomStream): FaultProfile {
  const on = Object.entries(profile).filter(() => chance.happens(0.5));
  return Object.fromEntries(on) as FaultProfile;
}

function planCluster(
  chance: RandomStream,
  voters: number,
  spares: number,
  swarm: FaultProfile,
  mode: Scenario["mode"],
): ClusterPlan {
  const electionTicks = chance.between(4, 12);
  const isLeased = mode === "core" && electionTicks >= 8 && chance.happens(0.3);
  const driftMax = swarm.clocks !== true ? 0 : isLeased ? 30 : 100;
  return {
    voters,
    spares,
    tickMs: chance.pick([10, 20, 50]),
    electionTicks,
    driftPermille: Array.from({ length: voters + spares }, () => chance.between(-driftMax, driftMax)),
    snapshotEntries: chance.pick([5, 10, 30, 1000]),
    trailingEntries: chance.pick([1, 2, 5, 20]),
    core: planCore(chance, isLeased, swarm),
  };
}

/** Small limits, so that their edges are met. */
function planCore(chance: RandomStream, leaseReads: boolean, swarm: FaultProfile): ClusterPlan["core"] {
  // Without pre-votes a member that was removed unawares can shut out a learner for ever: so Raft has it.
  const isPlain = chance.happens(0.2) && swarm.membership !== true;
  return {
    leaseReads,
    // A group without these is disturbed more easily, and must be as safe.
    preVote: !isPlain,
    checkQuorum: leaseReads || !isPlain,
    ...(chance.happens(0.5) ? { inflightMessagesMax: chance.between(1, 4) } : {}),
    ...(chance.happens(0.5) ? { messageBytesMax: chance.between(30, 200) } : {}),
    ...(chance.happens(0.3) ? { committedBytesMax: chance.between(30, 200) } : {}),
    ...(chance.happens(0.2) ? { uncommittedBytesMax: chance.between(100, 1000) } : {}),
    ...(chance.happens(0.2) ? { coalesce: false } : {}),
    ...(!leaseReads && chance.happens(0.2) ? { quiesceTicks: chance.between(5, 50) } : {}),
  };
}

function planNetwork(chance: RandomStream, swarm: FaultProfile, { tickMs }: ClusterPlan): NetworkPlan {
  const delayMsMin = 0.1;
  const calm = { loss: 0, duplication: 0, delayMsMin, delayMsMax: 2, isOrdered: true };
  if (swarm.network !== true) return calm;
  return {
    loss: chance.happens(0.5) ? chance.pick([0.001, 0.01, 0.05, 0.2]) : 0,
    duplication: chance.happens(0.5) ? chance.pick([0.01, 0.1, 0.3]) : 0,
    delayMsMin,
    delayMsMax: chance.pick([1, tickMs, 3 * tickMs]),
    isOrdered: chance.happens(0.3),
  };
}

/** A disk that takes longer than an election is nobody's to help. */
function planDisk(chance: RandomStream, { tickMs, electionTicks }: ClusterPlan): DiskPlan {
  return { delayMsMin: 0.05, delayMsMax: chance.pick([0.1, 2, (tickMs * electionTicks) / 20]) };
}

interface Field {
  readonly members: number;
  readonly voters: number;
  readonly stormMs: number;
  readonly electionMs: number;
}

function planFaults(chance: RandomStreams, swarm: FaultProfile, field: Field): Action[] {
  const kinds = faultKinds(swarm);
  if (kinds.length === 0) return [];
  const when = chance.stream("faults");
  const count = Math.max(1, Math.round((field.stormMs / 1000) * when.pick([0.5, 1, 3, 6])));
  return Array.from({ length: count }, (_, number) => {
    // Its own stream for each fault: whether one is left out makes no difference to the others.
    const own = chance.stream("fault", number);
    const at = Math.round(own.fraction() * field.stormMs);
    return { at, ...planFault(own.pick(kinds), own, swarm, field) } as Action;
  });
}

function faultKinds(swarm: FaultProfile): Fault[] {
  const kinds: Fault[] = [];
  if (swarm.partitions === true) kinds.push("partition", "partition", "cut", "disconnect");
  if (swarm.kills === true || swarm.powerCuts !== undefined) kinds.push("crash", "crash");
  if (swarm.pauses === true) kinds.push("pause");
  if (swarm.clocks === true) kinds.push("clock-jump");
  if (swarm.disks === true) kinds.push("slow-disk", "full-disk", "disk-error");
  if (swarm.rot === true) kinds.push("rot");
  if (swarm.membership === true) kinds.push("change", "change", "change", "transfer", "campaign", "snapshot");
  if (swarm.operator === true) kinds.push("wipe", "old-backup", "clone", "stranger");
  return kinds;
}

function planFault(kind: Fault, chance: RandomStream, swarm: FaultProfile, field: Field): object {
  const { members, electionMs } = field;
  const member = chance.happens(0.3) ? LEADER : chance.between(0, members - 1);
  const forMs = Math.round(electionMs * chance.pick([0.2, 1, 2, 5, 10]));
  const downMs = forMs;
  switch (kind) {
    case "crash": {
      const cuts = swarm.powerCuts ?? [];
      const isKill = cuts.length === 0 || (swarm.kills === true && chance.happens(0.3));
      return { kind, member, how: isKill ? "kill" : chance.pick(cuts), downMs };
    }
    case "partition":
      return { kind, groups: planGroups(chance, members), forMs };
    case "cut":
      return { kind, from: member, to: chance.between(0, members - 1), forMs };
    case "transfer":
      return { kind, member, to: chance.between(0, members - 1) };
    case "change":
      return { kind, member, changes: planChanges(chance, members) };
    case "slow-disk":
      return { kind, member, ms: chance.pick([5, 50, 500]), forMs };
    case "disk-error":
      return {
        kind,
        member,
        operation: chance.pick(["write", "sync"]),
        after: chance.between(0, 20),
        downMs,
      };
    case "rot":
      return { kind, member, place: chance.word(), downMs };
    case "clock-jump":
      return { kind, member, ms: chance.pick([-3_600_000, -1000, 1000, 3_600_000]) };
    case "wipe":
      return { kind, member, downMs };
    case "old-backup":
      return { kind, member, ageMs: chance.pick([5, 50, 500]), downMs };
    case "clone":
      return { kind, member, of: chance.between(0, members - 1), forMs };
    case "pause":
    case "full-disk":
    case "stranger":
      return { kind, member, forMs };
    case "disconnect":
    case "campaign":
    case "snapshot":
      return { kind, member };
  }
}

/** Halves, one alone, the leader alone, a bridge that hears both sides, or overlapping rings. */
function planGroups(chance: RandomStream, members: number): MemberNumber[][] {
  const all = Array.from({ length: members }, (_, number) => number);
  const alone = chance.between(0, members - 1);
  switch (chance.between(0, 6)) {
    case 5:
    case 6:
      return [[LEADER], all];
    case 0:
      return [[alone], all.filter((number) => number !== alone)];
    case 1: {
      const half = all.filter((number) => number !== alone);
      const cut = half.length >> 1;
      return [
        [...half.slice(0, cut), alone],
        [...half.slice(cut), alone],
      ];
    }
    case 2:
      return all.map((number) => [number, (number + 1) % members]);
    default: {
      const here = chance.some(all, 0.5);
      return [here, all.filter((number) => !here.includes(number))];
    }
  }
}

function planChanges(chance: RandomStream, members: number): object[] {
  const count = chance.happens(0.25) ? 2 : 1;
  return Array.from({ length: count }, () => ({
    kind: chance.pick(["add-voter", "add-voter", "add-learner", "remove"]),
    member: chance.between(0, members - 1),
  }));
}

function planOperations(
  chance: RandomStreams,
  { operation, callsPerSecond = 20, clients = 3 }: PlanOptions,
  { members, stormMs }: { readonly members: number; readonly stormMs: number },
): Action[] {
  const count = Math.round((stormMs / 1000) * callsPerSecond);
  const pace = chance.stream("pace");
  // In some runs calls come in bursts: a leader that is cut off then gathers more than its successor has committed.
  const gapMs = pace.happens(0.4) ? pace.pick([100, 300, 1000]) : 1;
  return Array.from({ length: count }, (_, number) => {
    const own = chance.stream("operation", number);
    return {
      at: Math.floor((own.fraction() * stormMs) / gapMs) * gapMs,
      kind: "operation",
      client: own.between(0, clients - 1),
      member: own.happens(0.3) ? LEADER : own.between(0, members - 1),
      operation: operation(own),
    };
  });
}
