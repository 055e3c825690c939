import { describe, expect, it } from "vitest";
import { leader, OneMember } from "../one-member.ts";
import {
  accepted,
  add,
  append,
  at,
  granted,
  heartbeat,
  ME,
  only,
  preVote,
  preVoteGranted,
  preVoteRefused,
  textsOf,
  vote,
} from "../paper-steps.ts";
import { PureCluster } from "../pure-cluster.ts";

// What other implementations got wrong, numbered as in our notes on them: 1 to 10. All apply here.

const FIVE = [1, 2, 3, 4, 5];

describe("pitfalls of elections", () => {
  it("pitfall 1: a pre-candidate forgets its leader, or two of them would refuse each other for ever (etcd#9586)", () => {
    const member = new OneMember();
    member.hear(heartbeat(3, 1));
    member.timeOut();
    expect(member.raft.status()).toMatchObject({
      role: "pre-candidate",
      leader: undefined,
      electionElapsed: 0,
    });
    expect(only("pre-vote-reply", member.hear(preVote(2, 2, at(1, 1))))).toMatchObject([
      { to: 2, granted: true },
    ]);
  });

  it("pitfall 1: promises of an earlier attempt do not count in the next one (raft-rs#83)", () => {
    const member = new OneMember({ voters: FIVE });
    member.timeOut();
    member.hear(preVoteGranted(2, 2));
    member.timeOut();
    member.hear(preVoteGranted(3, 2));
    expect(member.raft.role).toBe("pre-candidate");
  });

  it("pitfall 1: a group that lost its leader elects another, whatever the timeouts (etcd#9586)", () => {
    for (let seed = 1; seed <= 12; seed++) {
      const cluster = new PureCluster({ voters: [1, 2, 3], seed, options: { electionTicks: 4 } });
      cluster.elect(1);
      cluster.crash(1);
      cluster.run(60);
      expect(cluster.leader, `seed ${seed}`).not.toBeNull();
    }
  });

  it("pitfall 2: a pre-vote of an older term is refused with the newer term, which the asker adopts (etcd#8243)", () => {
    const ahead = new OneMember({ term: 5 });
    const [answer] = only("pre-vote-reply", ahead.hear(preVote(2, 2, at(9, 1))));
    expect(answer).toMatchObject({ term: 5, granted: false });
    const behind = new OneMember();
    behind.timeOut();
    behind.hear(preVoteRefused(2, 5));
    expect(behind.raft.status()).toMatchObject({ role: "follower", term: 5 });
  });

  it("pitfall 2: a group whose only complete log is of an older term still elects a leader (canonical/raft#279)", () => {
    const cluster = new PureCluster({ voters: [1, 2, 3], options: { preVote: true, checkQuorum: false } });
    cluster.elect(1);
    cluster.isolate(3);
    cluster.propose(1, "only 1 and 2 have this");
    cluster.stabilize();
    cluster.crash(2);
    cluster
      .raft(3)
      .step({ kind: "append", from: 2, to: 3, term: 9, previous: at(1, 1), entries: [], commit: 0 });
    cluster.heal();
    cluster.run(100);
    expect(cluster.leader?.id).toBe(1);
  });

  it("pitfall 3: a member of a newer term that all ignore makes the leader step down and returns (etcd-io/raft)", () => {
    const member = new OneMember({ term: 5 });
    const answers = [...member.hear(heartbeat(2, 2)), ...member.hear(append(2, 2, at(1, 1), []))];
    expect(answers).toMatchObject([
      { kind: "append-accepted", to: 2, term: 5, matched: 0 },
      { kind: "append-accepted", to: 2, term: 5, matched: 0 },
    ]);

    const cluster = new PureCluster({ voters: [1, 2, 3], options: { preVote: false } });
    cluster.elect(1);
    cluster.isolate(3);
    cluster.run(60);
    const { term } = cluster.raft(3);
    expect(term).toBeGreaterThan(2);
    cluster.heal();
    cluster.run(60);
    expect(cluster.leader!.raft.term).toBeGreaterThan(term);
    expect(cluster.raft(3).leader).toBe(cluster.leader!.id);
  });

  it("pitfall 4: a promise carries the term to come, a refusal the term that is (etcd-io/raft)", () => {
    const member = new OneMember({ log: [1, 2], term: 3 });
    expect(only("pre-vote-reply", member.hear(preVote(2, 7, at(2, 2))))).toMatchObject([
      { term: 7, granted: true },
    ]);
    expect(only("pre-vote-reply", member.hear(preVote(2, 7, at(1, 1))))).toMatchObject([
      { term: 3, granted: false },
    ]);
    const asking = new OneMember({ term: 3 });
    asking.timeOut();
    asking.hear(preVoteRefused(2, 3), preVoteRefused(3, 3));
    expect(asking.raft.status()).toMatchObject({ role: "follower", term: 3 });
  });

  it("pitfall 5: a leader that reaches only a bridge steps down, so that the bridge can vote (openraft#2080)", () => {
    const cluster = new PureCluster({ voters: FIVE });
    cluster.elect(1);
    cluster.crash(5);
    cluster.partition([1], [3, 4]); // Member 2 hears both sides, and the majority needs it.
    cluster.run(80);
    const next = cluster.leader!;
    expect(next.id).not.toBe(1);
    expect(cluster.raft(1).role).not.toBe("leader");
    const { lastIndex } = next.raft.log;
    cluster.propose(next.id, "a");
    cluster.stabilize();
    expect(cluster.leader!.raft.log.committed).toBeGreaterThan(lastIndex);
  });

  it("pitfall 6: a leader that restarts is elected by followers that took it for their leader (hashicorp/raft#605)", () => {
    const cluster = new PureCluster({ voters: [1, 2] });
    cluster.elect(1);
    cluster.run(3);
    cluster.raft(2).overrideElectionTimeout(1000); // Only the former leader will stand.
    cluster.crash(1);
    cluster.restart(1);
    cluster.run(60);
    expect(cluster.leader?.id).toBe(1);
  });

  it("pitfall 7: a learner votes when it is asked: it may be a voter without knowing it yet (etcd#10998)", () => {
    const member = new OneMember({ voters: [2, 3], learners: [ME] });
    expect(only("pre-vote-reply", member.hear(preVote(2, 2, at(1, 1))))).toMatchObject([{ granted: true }]);
    expect(only("vote-reply", member.hear(vote(2, 2, at(1, 1))))).toMatchObject([{ granted: true }]);
  });

  it("pitfall 8: the silence of a voter that was just added is not held against the leader (etcd-io/raft)", () => {
    const member = leader({ voters: [1] });
    member.change([add(2)]);
    expect(member.raft.membership.voters).toEqual([1, 2]);
    member.tick(10);
    expect(member.raft.role).toBe("leader");
    member.tick(10);
    expect(member.raft.role).toBe("follower");
  });

  it("pitfall 9: a group of one commits and applies nothing before its own disk holds it (etcd#14370)", () => {
    const member = new OneMember({ voters: [1], slowDisk: true });
    member.timeOut();
    member.finishAllSaves();
    member.propose("a");
    expect(member.raft.log.committed).toBe(2);
    expect(textsOf(member.applied)).toEqual([""]);
    member.finishAllSaves();
    expect(member.raft.log.committed).toBe(3);
    expect(textsOf(member.applied)).toEqual(["", "a"]);
  });

  it("pitfall 9: a candidate asks nobody before its own disk holds its own vote (openraft 86e2ccd0)", () => {
    const member = new OneMember({ slowDisk: true, options: { preVote: false } });
    expect(member.timeOut()).toEqual([]);
    expect(member.waiting).toMatchObject([{ hardState: { term: 2, vote: ME }, mustSync: true }]);
    expect(only("vote", member.finishAllSaves()).map(({ to }) => to)).toEqual([2, 3]);
    expect(member.raft.role).toBe("candidate");
    member.hear(granted(2, 2));
    expect(member.raft.role).toBe("leader");
  });

  it("pitfall 10: a member that is alone may stand at once after a restart, and applies all that it had (openraft#1246)", () => {
    const before = leader({ voters: [1] });
    before.propose("a");
    before.propose("b");
    const member = before.restarted();
    member.campaign();
    expect(member.raft.role).toBe("leader");
    expect(textsOf(member.applied)).toEqual(["", "a", "b", ""]);
  });

  it("pitfall 10: a restarted voter does not lead, nor count acknowledgements, before it is elected anew", () => {
    const before = leader();
    before.propose("a");
    const member = before.restarted();
    member.hear(accepted(2, 2, 3), accepted(3, 2, 3));
    expect(member.raft.status()).toMatchObject({ role: "follower", committed: 2 });
  });
});
