import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PureCluster } from "./pure-cluster.ts";

/** One thing that happens, and two numbers that choose to whom and how. */
type Action = readonly [what: number, who: number, how: number];

const story = fc.record({
  seed: fc.nat(1_000_000),
  voters: fc.constantFrom(3, 3, 5),
  preVote: fc.boolean(),
  actions: fc.array(fc.tuple(fc.nat(99), fc.nat(999), fc.nat(999)), {
    minLength: 100,
    maxLength: 500,
    size: "max",
  }),
});

/** More runs by hand: `RAFT_RUNS=10000`. */
const RUNS = Number(process.env["RAFT_RUNS"] ?? 150);

function started(seed: number, voters: number, preVote: boolean): PureCluster {
  const ids = Array.from({ length: voters }, (_, at) => at + 1);
  return new PureCluster({ voters: ids, seed, slowDisks: true, options: { preVote } });
}

/** Crashes are common, and most who crash lose some of what they had acknowledged. */
function act(cluster: PureCluster, [what, who, how]: Action): void {
  const all = [...cluster.members.values()];
  const { id, isDown, disk } = all[who % all.length]!;
  if (what < 40) {
    cluster.deliver(what < 25 ? 0 : how % Math.max(cluster.network.length, 1));
  } else if (isDown) {
    if (what > 55) cluster.restart(id);
    else if (what > 45) cluster.damage(id, how % (disk.entries.length + 1), how % 7 === 0);
  } else if (what < 58) cluster.save(id);
  else if (what < 68) cluster.campaign(id);
  else if (what < 80) cluster.propose(id, "x");
  else if (what < 84) cluster.crash(id, how % 2);
  else if (what < 87) cluster.drop(how % Math.max(cluster.network.length, 1));
  else if (what < 89) cluster.snapshot(id, how % 4);
  else if (what < 91) cluster.isolate(id);
  else if (what < 93) cluster.heal();
  else for (let tick = 0; tick < 3; tick++) cluster.tick(id);
}

describe("members that lose what they had acknowledged, and know it", () => {
  it("lose nothing that was committed, however many they are", () => {
    fc.assert(
      fc.property(story, ({ seed, voters, preVote, actions }) => {
        const cluster = started(seed, voters, preVote);
        cluster.elect(1);
        for (const action of actions) act(cluster, action);
      }),
      { numRuns: RUNS },
    );
  });

  it("vote again once they hold an entry of a later leader, if a minority was hurt", () => {
    fc.assert(
      fc.property(
        fc.nat(1_000_000),
        fc.constantFrom(3, 5),
        fc.nat(10),
        fc.boolean(),
        (seed, voters, kept, all) => {
          const cluster = started(seed, voters, true);
          cluster.elect(1);
          for (let count = 0; count < 5; count++) cluster.propose(1, "x");
          cluster.run(2);
          const hurt = Array.from({ length: (voters - 1) / 2 }, (_, at) => voters - at);
          for (const id of hurt) {
            cluster.crash(id);
            cluster.damage(id, kept, all);
            cluster.restart(id);
            expect(cluster.raft(id).isRepairing).toBe(true);
            expect(cluster.campaign(id)?.refused).toBe("not-promotable");
          }
          cluster.run(60);
          for (const id of hurt) {
            expect(cluster.raft(id).isRepairing).toBe(false);
            expect(cluster.raft(id).log.applied).toBe(cluster.leader?.raft.log.applied);
          }
        },
      ),
      { numRuns: 40 },
    );
  });
});
