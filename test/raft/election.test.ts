import { describe, expect, it } from "vitest";
import type { VoteMessage } from "../../src/raft/message.ts";
import { PureCluster } from "./pure-cluster.ts";

describe("elections", () => {
  it("begin after the election timeout, drawn anew by each member from its own chance", () => {
    const cluster = new PureCluster({ voters: [1, 2, 3], seed: 7 });
    const timeouts = [1, 2, 3].map((id) => cluster.raft(id).status().electionTimeout);
    for (const ticks of timeouts) {
      expect(ticks).toBeGreaterThanOrEqual(10);
      expect(ticks).toBeLessThan(20);
    }
    cluster.run(20);
    expect(cluster.leader).not.toBeNull();
  });

  it("let a member with a lower priority wait an election timeout longer for each step", () => {
    const cluster = new PureCluster({ voters: [1, 2, 3], options: { priority: 2 } });
    expect(cluster.raft(1).status().electionTimeout).toBeGreaterThanOrEqual(30);
  });

  it("leave a leader alone that its voters still hear: with pre-vote not even the term moves (thesis, 9.6)", () => {
    const cluster = new PureCluster({ voters: [1, 2, 3] });
    cluster.elect(1);
    cluster.campaign(2);
    cluster.stabilize();
    expect(cluster.leader?.id).toBe(1);
    expect(cluster.raft(3).term).toBe(cluster.raft(1).term);
    cluster.run(2);
    expect(cluster.raft(2).leader).toBe(1);
  });

  it("make a leader step down that hears from no majority for an election timeout (thesis, 6.2)", () => {
    const cluster = new PureCluster({ voters: [1, 2, 3] });
    cluster.elect(1);
    cluster.isolate(1);
    cluster.run(20);
    expect(cluster.raft(1).role).not.toBe("leader");
    cluster.run(20);
    expect([2, 3]).toContain(cluster.leader?.id);
  });

  it("are not stood for by learners, nor by members of no group", () => {
    const cluster = new PureCluster({ voters: [1, 2], learners: [3] });
    cluster.add(4);
    expect(cluster.campaign(3)).toMatchObject({ refused: "not-promotable" });
    expect(cluster.campaign(4)).toMatchObject({ refused: "not-promotable" });
  });

  it("go ahead at once where all voters have forgotten a leader that the host knows to be gone", () => {
    const cluster = new PureCluster({ voters: [1, 2, 3] });
    cluster.elect(1);
    cluster.crash(1);
    for (const id of [2, 3]) expect(cluster.raft(id).forgetLeader()).toBeUndefined();
    cluster.campaign(2);
    cluster.stabilize();
    expect(cluster.leader?.id).toBe(2);
  });

  it("are not stood for while a committed change of membership waits to be applied", () => {
    const cluster = new PureCluster({ voters: [1, 2, 3], options: { committedBytesMax: 1 } });
    cluster.elect(1);
    const { raft } = cluster.member(2);
    cluster.propose(1, "a");
    cluster.proposeChange(1, [{ kind: "add-learner", member: 9 }]);
    cluster.add(9);
    cluster.stabilize();
    expect(raft.membership.learners).toEqual([9]);
    expect(raft.campaign()).toBeUndefined();
  });

  it("are asked for only once the candidate's own disk holds its vote and its log", () => {
    const cluster = new PureCluster({ voters: [1, 2, 3], slowDisks: true, options: { preVote: false } });
    cluster.campaign(1);
    expect(cluster.network).toEqual([]);
    cluster.save(1);
    expect(cluster.network.map(({ kind, to }) => `${kind} to ${to}`)).toEqual(["vote to 2", "vote to 3"]);
  });

  it("are not won by answers to what a candidate asked before a crash, about a log that it lost", () => {
    const cluster = new PureCluster({ voters: [1, 2, 3], slowDisks: true, options: { preVote: false } });
    cluster.campaign(1);
    cluster.stabilize();
    cluster.propose(1, "committed with 3 soon");
    cluster.deliver(); // Member 2 has the entry in memory only …
    cluster.raft(2).forgetLeader();
    cluster.campaign(2); // … and would stand with it,
    const asked = cluster.network.filter(({ from }) => from === 2);
    expect(asked).toEqual([]); // but asks nobody before it is saved,
    cluster.crash(2); // and so, with the entry and the term, nothing that it said is lost.
    cluster.restart(2);
    expect(cluster.raft(2)).toMatchObject({ term: 2, role: "follower" });
  });

  it("may be won late, by votes that were long under way, while a leader of a later term has committed more", () => {
    const options = { preVote: false, checkQuorum: false };
    const cluster = new PureCluster({ voters: [1, 2, 3, 4, 5], options });
    cluster.partition([1, 2, 3], [4, 5]);
    cluster.campaign(1);
    cluster.deliver();
    cluster.deliver();
    const votes = cluster.network.filter(({ kind, to }) => kind === "vote-reply" && to === 1);
    expect(votes).toHaveLength(2);
    cluster.network = [];
    cluster.isolate(1);
    cluster.campaign(4);
    cluster.stabilize();
    cluster.campaign(4); // The first time it learns of the newer term.
    cluster.stabilize();
    cluster.propose(4, "unknown to member 1");
    cluster.stabilize();
    cluster.heal();
    cluster.network = [...votes];
    cluster.deliver();
    cluster.deliver();
    expect(cluster.raft(1).role).toBe("leader");
    expect(cluster.raft(1).term).toBeLessThan(cluster.raft(4).term);
    expect(cluster.raft(4).log.committed).toBeGreaterThan(cluster.raft(1).log.committed);
    cluster.run(2);
    expect(cluster.raft(1).leader).toBe(4);
  });

  it("tell a refused candidate what is committed, when that is all that keeps it from being elected", () => {
    const cluster = new PureCluster({ voters: [1, 2] });
    cluster.elect(1);
    cluster.proposeChange(1, [{ kind: "remove", member: 1 }]);
    // The entry reaches member 2, and its acknowledgement member 1; the news that it is committed gets lost.
    cluster.deliver();
    cluster.deliver();
    cluster.network = [];
    expect(cluster.raft(1).role).toBe("follower");
    expect(cluster.raft(2).membership.voters).toEqual([1, 2]);
    cluster.run(60);
    expect(cluster.leader?.id).toBe(2);
    expect(cluster.raft(2).membership.voters).toEqual([2]);
  });

  it("tell a voter that refuses what is committed, when that makes it the one to be elected", () => {
    const options = { durableChanges: false };
    const cluster = new PureCluster({ voters: [1], learners: [2], slowDisks: true, options });
    cluster.campaign(1);
    cluster.stabilize();
    cluster.proposeChange(1, [{ kind: "add-voter", member: 2 }]);
    cluster.propose(1, "reaches member 2, but not our own disk");
    while (cluster.network[0]?.to === 2) cluster.deliver();
    while (cluster.member(2).disk.waiting.length > 0) cluster.save(2);
    cluster.save(1); // Commits the change: until then member 1 decides alone.
    expect(cluster.raft(1).membership.voters).toEqual([1, 2]);
    cluster.snapshot(1);
    cluster.crash(1);
    cluster.restart(1);
    cluster.network = [];
    cluster.run(60);
    expect(cluster.leader?.id).toBe(2);
  });

  it("are given up by a candidate that learns of a change of membership: it has asked the wrong voters", () => {
    const cluster = new PureCluster({ voters: [1, 2, 3, 4], options: { preVote: false } });
    cluster.elect(1);
    cluster.proposeChange(1, [{ kind: "remove", member: 2 }]);
    for (let count = 0; count < 6; count++) cluster.deliver();
    cluster.network = [];
    cluster.raft(2).forgetLeader();
    cluster.campaign(2);
    expect(cluster.raft(2).role).toBe("candidate");
    const committed = { index: 3, term: 2 };
    cluster.network = [{ kind: "commit-news", from: 3, to: 2, term: 0, committed }];
    cluster.deliver();
    expect(cluster.raft(2)).toMatchObject({ role: "follower", failure: undefined });
    expect(cluster.raft(2).membership.removed).toEqual([2]);
  });

  it("tell it so even if the candidate is in a later term than the one who refuses", () => {
    const cluster = new PureCluster({ voters: [1, 2, 3] });
    cluster.elect(1);
    cluster.propose(1, "not committed");
    cluster.crash(1);
    cluster.restart(1);
    cluster.network = [{ kind: "pre-vote", from: 2, to: 1, term: 9, last: { index: 2, term: 2 } }];
    cluster.deliver();
    expect(cluster.network).toContainEqual({
      kind: "commit-news",
      from: 1,
      to: 2,
      term: 0,
      committed: { index: 2, term: 2 },
    });
  });
});

describe("a vote", () => {
  it("is asked with the place of the last entry, and given to one candidate only, across a crash", () => {
    const cluster = new PureCluster({ voters: [1, 2, 3], options: { preVote: false, checkQuorum: false } });
    const request = (from: number): VoteMessage => {
      return { kind: "vote", from, to: 3, term: 5, last: { index: 1, term: 1 }, transfer: false };
    };
    const replies = (): unknown[] =>
      cluster.network.splice(0).map((message) => "granted" in message && message.granted);
    cluster.network.push(request(1));
    cluster.deliver();
    expect(replies()).toEqual([true]);
    cluster.crash(3);
    cluster.restart(3);
    cluster.network.push(request(2), request(1));
    cluster.deliver();
    expect(replies().slice(-1)).toEqual([false]);
    cluster.network.push(request(1));
    cluster.deliver();
    expect(replies()).toEqual([true]);
  });
});
