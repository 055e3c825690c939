import fc from "fast-check";
import { describe, it } from "vitest";
import { assert } from "../../src/base/assert.ts";
import type { MemberId } from "../../src/log/entry.ts";
import { isMember, type MemberChange } from "../../src/raft/membership.ts";
import type { RaftOptions } from "../../src/raft/options.ts";
import { PureCluster, type PureMember } from "./pure-cluster.ts";

/** One thing that happens, and two numbers that choose to whom and how. Any part of a list of them is a valid story. */
type Action = readonly [what: number, who: number, how: number];

const options = fc.record<Partial<RaftOptions>>(
  {
    preVote: fc.boolean(),
    checkQuorum: fc.constant(true),
    coalesce: fc.boolean(),
    messageBytesMax: fc.constantFrom(1, 60, 1_000_000),
    inflightMessagesMax: fc.constantFrom(1, 2, 256),
    inflightBytesMax: fc.constantFrom(1, 100, 1_000_000),
    committedBytesMax: fc.constantFrom(1, 100, 1_000_000),
    uncommittedBytesMax: fc.constantFrom(100, 1_000_000),
    priority: fc.constantFrom(0, 1),
    promoteLearners: fc.boolean(),
    electionTicks: fc.constantFrom(4, 10),
  },
  { requiredKeys: [] },
);

const story = fc.record({
  seed: fc.nat(1_000_000),
  voters: fc.integer({ min: 1, max: 7 }),
  learners: fc.integer({ min: 0, max: 2 }),
  slowDisks: fc.boolean(),
  options,
  actions: fc.array(fc.tuple(fc.nat(999), fc.nat(999), fc.nat(999)), {
    minLength: 50,
    maxLength: 700,
    size: "max",
  }),
});

describe("a group of cores", () => {
  it("keeps Raft's promises whatever is lost, repeated, reordered or forgotten, and recovers", () => {
    fc.assert(
      fc.property(story, ({ seed, voters, learners, slowDisks, options, actions }) => {
        const ids = Array.from({ length: voters + learners }, (_, at) => at + 1);
        const cluster = new PureCluster({
          voters: ids.slice(0, voters),
          learners: ids.slice(voters),
          seed,
          slowDisks,
          options,
        });
        cluster.elect(1);
        for (const action of actions) act(cluster, action);
        recover(cluster);
      }),
      { numRuns: RUNS },
    );
  });
});

describe("a group that elects as if there were no tomorrow", () => {
  it("keeps Raft's promises too: there are many leaders, each with entries of its own", () => {
    fc.assert(
      fc.property(rush, ({ seed, voters, actions }) => {
        const options = { preVote: false, checkQuorum: false, committedBytesMax: 40 };
        const ids = Array.from({ length: voters }, (_, at) => at + 1);
        const cluster = new PureCluster({ voters: ids, seed, slowDisks: true, options });
        for (const action of actions) rushOn(cluster, action);
      }),
      { numRuns: RUNS * 2 },
    );
  });
});

const rush = fc.record({
  seed: fc.nat(1_000_000),
  voters: fc.integer({ min: 3, max: 5 }),
  actions: fc.array(fc.tuple(fc.nat(99), fc.nat(999), fc.nat(999)), {
    minLength: 100,
    maxLength: 500,
    size: "max",
  }),
});

function rushOn(cluster: PureCluster, [what, who, how]: Action): void {
  const all = [...cluster.members.values()];
  const { id, isDown, raft } = all[who % all.length]!;
  if (what < 40) {
    cluster.deliver(what < 20 ? 0 : how % Math.max(cluster.network.length, 1));
  } else if (isDown) {
    if (what < 60) cluster.restart(id);
  } else if (what < 65) cluster.save(id);
  else if (what < 75) cluster.campaign(id);
  else if (what < 85) cluster.propose(id, "x");
  else if (what < 88) cluster.crash(id, how % 2);
  else if (what < 91) cluster.drop(how % Math.max(cluster.network.length, 1));
  else if (what < 94) change(cluster, id, how);
  else if (what < 97)
    cluster.partition(
      ...halves(
        all.map((other) => other.id),
        how,
      ),
    );
  else if (raft.role === "leader") cluster.tick(id);
  else cluster.heal();
}

/** More runs by hand: `RAFT_RUNS=10000`. */
const RUNS = Number(process.env["RAFT_RUNS"] ?? 120);
const MEMBERS_MAX = 9;

function act(cluster: PureCluster, [what, who, how]: Action): void {
  const all = [...cluster.members.values()];
  const member = all[who % all.length]!;
  const { id } = member;
  if (what < 450) {
    deliver(cluster, what, who * 1000 + how);
    return;
  }
  if (member.isDown) {
    if (what < 600) cluster.restart(id);
    return;
  }
  if (what < 600) cluster.tick(id);
  else if (what < 720) cluster.save(id);
  else if (what < 800) cluster.propose(id, "x".repeat(how % 50));
  else if (what < 850) cluster.read(id);
  else if (what < 870) cluster.crash(id, how % 3);
  else if (what < 890) cluster.snapshot(id, how % 4);
  else if (what < 910) change(cluster, id, how);
  else if (what < 925)
    cluster.partition(
      ...halves(
        all.map((other) => other.id),
        how,
      ),
    );
  else if (what < 940) cluster.heal();
  else if (what < 950) cluster.campaign(id);
  else if (what < 960) cluster.transfer(id, all[how % all.length]!.id);
  else if (what < 970) cluster.raft(id).reportUnreachable(all[how % all.length]!.id);
  else if (what < 980) cluster.raft(id).reportSnapshot(all[how % all.length]!.id, how % 2 === 0);
  else for (let tick = 0; tick < 5; tick++) cluster.tick(id);
}

function deliver(cluster: PureCluster, what: number, how: number): void {
  const { length } = cluster.network;
  if (length === 0) return;
  // Mostly in order, for a history that gets anywhere.
  const at = what < 300 ? 0 : how % length;
  if (what < 400) cluster.deliver(at);
  else if (what < 425) cluster.repeat(at);
  else cluster.drop(at);
}

function change(cluster: PureCluster, id: MemberId, how: number): void {
  const kinds: readonly MemberChange["kind"][] = ["add-voter", "add-learner", "remove"];
  const count = 1 + (how % 2);
  const changes = Array.from({ length: count }, (_, at): MemberChange => {
    return { kind: kinds[(how + at) % 3]!, member: 1 + (((how >> 2) + at * 3) % MEMBERS_MAX) };
  });
  for (const { kind, member } of changes) {
    if (kind !== "remove" && !cluster.members.has(member)) cluster.add(member);
  }
  cluster.proposeChange(id, changes);
}

function halves(ids: readonly MemberId[], how: number): MemberId[][] {
  return [ids.filter((id) => (how >> (id % 8)) % 2 === 0), ids.filter((id) => (how >> (id % 8)) % 2 === 1)];
}

/** Once all members run and hear each other, someone leads and all that take part agree. */
function recover(cluster: PureCluster): void {
  cluster.heal();
  for (const { id, isDown } of cluster.members.values()) if (isDown) cluster.restart(id);
  cluster.stabilize();
  for (let round = 0; round < ROUNDS_MAX; round++) {
    cluster.run(10);
    const { leader } = cluster;
    if (leader === null) continue;
    giveUpSnapshots(leader);
    cluster.propose(leader.id, "after the storm");
    cluster.run(10);
    if (agree(cluster)) return;
  }
  const states = [...cluster.members.values()].map(({ raft }) => JSON.stringify(raft.status()));
  assert(false, `no agreement after the storm: ${states.join("\n")}`);
}

const ROUNDS_MAX = 60;

/** Nothing is under way any more, so a snapshot that has not arrived never will: the host's duty is to say so. */
function giveUpSnapshots({ raft }: PureMember): void {
  for (const { id, state } of raft.status().progress)
    if (state === "snapshot") raft.reportSnapshot(id, false);
}

function agree(cluster: PureCluster): boolean {
  const { leader } = cluster;
  if (leader === null) return false;
  const { membership, log } = leader.raft;
  const part = [...cluster.members.values()].filter(({ id }) => isMember(membership, id));
  return (
    membership.outgoing.length === 0 &&
    log.applied === log.lastIndex &&
    part.every(({ raft }) => raft.log.applied === log.applied && raft.leader === leader.id)
  );
}
