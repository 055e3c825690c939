import fc from "fast-check";
import { describe, it } from "vitest";
import { assert } from "../../src/base/assert.ts";
import { Random } from "../../src/base/random.ts";
import type { MemberId } from "../../src/log/entry.ts";
import { PureCluster } from "./pure-cluster.ts";

/** One thing that happens, and two numbers that choose to whom and how. Any part of a list of them is a valid story. */
type Action = readonly [what: number, who: number, how: number];

/** Units of true time in a tick of the fastest clock. */
const TICK = 8;

const story = fc.record({
  seed: fc.nat(1_000_000),
  voters: fc.integer({ min: 2, max: 5 }),
  electionTicks: fc.integer({ min: 5, max: 10 }),
  preVote: fc.boolean(),
  slowDisks: fc.boolean(),
  actions: fc.array(fc.tuple(fc.nat(199), fc.nat(999), fc.nat(999)), {
    minLength: 200,
    maxLength: 900,
    size: "max",
  }),
});

describe("a group in which leaders read by lease", () => {
  it("misses nothing that was committed before a read began, while clocks agree as well as they must", () => {
    fc.assert(
      fc.property(story, ({ seed, voters, electionTicks, preVote, slowDisks, actions }) => {
        const ids = Array.from({ length: voters }, (_, at) => at + 1);
        const tickLengths = clocks(new Random(seed), ids, electionTicks);
        const options = { leaseReads: true, electionTicks, preVote };
        const cluster = new PureCluster({ voters: ids, seed, slowDisks, options, tickLengths });
        for (let round = 0; cluster.leader === null && round < 100; round++) {
          cluster.pass(TICK);
          cluster.stabilize();
        }
        for (const action of actions) {
          act(cluster, action);
          checkLeases(cluster);
        }
      }),
      { numRuns: RUNS },
    );
  });
});

/** As long as a leader may read by lease nobody leads in a later term: what such a one commits the reads would miss. */
function checkLeases(cluster: PureCluster): void {
  for (const { id, raft } of cluster.leased) {
    const successor = cluster.running.find(
      (other) => other.raft.role === "leader" && other.raft.term > raft.term,
    );
    assert(successor === undefined, () => {
      return `member ${id} has a lease in term ${raft.term}, and ${successor?.id} leads in ${successor?.raft.term}`;
    });
  }
}

/** More runs by hand: `RAFT_RUNS=10000`. */
const RUNS = Number(process.env["RAFT_RUNS"] ?? 150);

/** Clocks that differ as much as the bound of `leaseReads` allows, with the default margin of two ticks. */
function clocks(random: Random, ids: readonly MemberId[], electionTicks: number): (id: MemberId) => number {
  const slowest = Math.floor((TICK * (electionTicks - 1)) / (electionTicks - 2));
  const lengths = new Map(ids.map((id) => [id, random.between(TICK, slowest)]));
  return (id) => lengths.get(id) ?? TICK;
}

function act(cluster: PureCluster, [what, who, how]: Action): void {
  const { length } = cluster.network;
  // Mostly in order; what is late or comes twice is what leases have to stand.
  if (what < 50) for (let count = how % 12; count >= 0; count--) cluster.deliver();
  else if (what < 58) cluster.deliver(how % Math.max(length, 1));
  else if (what < 68) cluster.repeat(how % Math.max(length, 1));
  else if (what < 70) cluster.drop(how % Math.max(length, 1));
  else if (what < 120) pass(cluster, who, how);
  else toOne(cluster, [what, who, how]);
}

/** A tick or a part of it. Now and then somebody stands still, and is told of the time when something else happens to it. */
function pass(cluster: PureCluster, who: number, how: number): void {
  const ids = [...cluster.members.keys()];
  const late = who % 3 === 0 ? ids.filter((id) => (how >> id) % 2 === 0) : [];
  cluster.pass(1 + (how % (2 * TICK)), late);
}

function toOne(cluster: PureCluster, [what, who, how]: Action): void {
  const all = [...cluster.members.values()];
  const { id, isDown } = all[who % all.length]!;
  if (isDown) {
    if (what < 170) cluster.restart(id);
  } else if (what < 135) for (let count = how % 4; count >= 0; count--) cluster.save(id);
  else if (what < 155) readFromLeaders(cluster);
  else if (what < 165) proposeToLeaders(cluster);
  else if (what < 170) cluster.campaign(id);
  else if (what < 174) cluster.transfer(id, all[how % all.length]!.id);
  else if (what < 178) cluster.crash(id, how % 3);
  else if (what < 184) cutOffLeader(cluster);
  else if (what < 190) partition(cluster, how);
  else if (what < 195) cluster.heal();
}

function cutOffLeader(cluster: PureCluster): void {
  if (cluster.leader !== null) cluster.isolate(cluster.leader.id);
}

function readFromLeaders(cluster: PureCluster): void {
  for (const { id, raft } of cluster.running) if (raft.role === "leader") cluster.read(id);
}

function proposeToLeaders(cluster: PureCluster): void {
  for (const { id, raft } of cluster.running) if (raft.role === "leader") cluster.propose(id, "x");
}

function partition(cluster: PureCluster, how: number): void {
  const ids = [...cluster.members.keys()];
  const here = ids.filter((id) => (how >> id) % 2 === 0);
  cluster.partition(
    here,
    ids.filter((id) => !here.includes(id)),
  );
}
