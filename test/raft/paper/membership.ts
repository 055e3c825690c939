import { describe, expect, it } from "vitest";
import type { MemberId } from "../../../src/log/entry.ts";
import { isJoint } from "../../../src/raft/membership.ts";
import { leader, OneMember } from "../one-member.ts";
import {
  accepted,
  add,
  addLearner,
  append,
  at,
  granted,
  heartbeatReply,
  ME,
  only,
  PROFILES,
  remove,
  vote,
} from "../paper-steps.ts";
import { PureCluster } from "../pure-cluster.ts";

/** Between the voters 1, 2, 3 and the voters 3, 4, 5. */
const JOINT = { voters: [3, 4, 5], outgoing: [1, 2, 3] };

function votersOf(member: OneMember): readonly MemberId[] {
  return member.raft.membership.voters;
}

describe.each(PROFILES)("Raft's changes of membership %s", (_name, options) => {
  it("one voter is added or removed in one step: any two majorities then meet (thesis 4.1)", () => {
    for (const [change, after] of [
      [add(4), [1, 2, 3, 4]],
      [remove(3), [1, 2]],
    ] as const) {
      const member = leader({ options });
      member.change([change]);
      member.hearAllAccept();
      expect(isJoint(member.raft.membership)).toBe(false);
      expect(votersOf(member)).toEqual(after);
    }
  });

  it("several changes at once go through a configuration in which both the old and the new decide (6)", () => {
    const member = leader({ options });
    expect(member.change([add(4), add(5), remove(1), remove(2)])).toBeUndefined();
    member.hear(accepted(2, 2, 3));
    expect(member.raft.membership).toMatchObject({ voters: [3, 4, 5], outgoing: [1, 2, 3] });
  });

  it("a change is an entry of the log like any other, and takes effect on each server as it applies it (thesis 4.1)", () => {
    const cluster = new PureCluster({ voters: [1, 2, 3], options });
    cluster.elect(1);
    cluster.isolate(3);
    cluster.proposeChange(1, [remove(3)]);
    cluster.stabilize();
    cluster.run(3);
    expect([1, 2, 3].map((id) => cluster.raft(id).membership.voters.length)).toEqual([2, 2, 3]);
  });

  it("in a joint configuration a candidate needs a majority of the old and one of the new (6)", () => {
    for (const [voters, isElected] of [
      [[2, 4], false], // 1 and 2 of the old, 4 of the new
      [[4, 5], false], // the new and nobody else of the old
      [[2, 4, 5], true],
      [[3, 4], true], // 3 is in both
    ] as const) {
      const member = new OneMember({ membership: JOINT, options });
      member.stand();
      for (const voter of voters) member.hear(granted(voter, 2));
      expect(member.raft.role, `elected by 1, ${voters}`).toBe(isElected ? "leader" : "candidate");
    }
  });

  it("in a joint configuration either majority alone can refuse a candidate (6)", () => {
    const member = new OneMember({ membership: JOINT, options });
    member.stand();
    member.hear(granted(2, 2), granted(3, 2));
    member.hear({ kind: "vote-reply", from: 4, to: ME, term: 2, granted: false });
    member.hear({ kind: "vote-reply", from: 5, to: ME, term: 2, granted: false });
    expect(member.raft.role).toBe("follower");
  });

  it("in a joint configuration an entry needs a majority of the old and one of the new (6)", () => {
    const member = new OneMember({ membership: JOINT, options });
    member.lead();
    member.hear(accepted(4, 2, 2), accepted(5, 2, 2));
    expect(member.raft.log.committed).toBe(1);
    member.hear(accepted(2, 2, 2));
    expect(member.raft.log.committed).toBe(2);
  });

  it("in a joint configuration entries go to all servers of both halves (6)", () => {
    const member = leader({ membership: JOINT, options });
    const sent = only("append", member.propose("a"));
    expect(sent.map(({ to }) => to)).toEqual([2, 3, 4, 5]);
  });

  it("any server of either half may lead (6)", () => {
    for (const id of [1, 4]) {
      const member = new OneMember({ id, membership: JOINT, options });
      const asked = only("vote", member.stand());
      expect(asked.map(({ to }) => to)).toEqual([1, 2, 3, 4, 5].filter((other) => other !== id));
    }
  });

  it("once the joint configuration is in force the leader proposes the new one by itself (6)", () => {
    const member = leader({ options });
    member.change([add(4), add(5)]);
    member.hearAllAccept();
    expect(isJoint(member.raft.membership)).toBe(true);
    expect(member.last).toEqual(at(4, 2));
    member.hearAllAccept();
    expect(member.raft.membership).toMatchObject({ voters: [1, 2, 3, 4, 5], outgoing: [] });
  });

  it("a leader elected amid a joint configuration completes the change (6)", () => {
    const cluster = new PureCluster({
      voters: [1, 2, 3],
      options: { ...options, takeEarlierSnapshots: true },
    });
    cluster.add(4);
    cluster.add(5);
    cluster.elect(1);
    cluster.proposeChange(1, [add(4), add(5), remove(1)]);
    for (let step = 0; step < 100 && !isJoint(cluster.raft(2).membership); step++) {
      if (cluster.network.length > 0) cluster.deliver();
      else cluster.tick(1);
    }
    expect(isJoint(cluster.raft(2).membership)).toBe(true);
    cluster.crash(1);
    cluster.run(200);
    expect(cluster.leader?.raft.membership).toMatchObject({ voters: [2, 3, 4, 5], outgoing: [] });
  });

  it("an explicit change stays joint until it is asked to leave (6)", () => {
    const member = leader({ options });
    member.change([add(4)], "explicit");
    for (let round = 0; round < 3; round++) member.hearAllAccept();
    expect(isJoint(member.raft.membership)).toBe(true);
    expect(member.change([])).toBeUndefined();
    member.hearAllAccept();
    expect(member.raft.membership).toMatchObject({ voters: [1, 2, 3, 4], outgoing: [] });
  });

  it("a change that is not yet in force keeps out the next one (thesis 4.1)", () => {
    const member = leader({ voters: [1, 2, 3], options });
    member.change([add(4)]);
    member.change([remove(3)]);
    member.hearAllAccept();
    expect(votersOf(member)).toEqual([1, 2, 3, 4]);
    member.change([remove(3)]);
    member.hearAllAccept();
    expect(votersOf(member)).toEqual([1, 2, 4]);
  });

  it("new servers first join without a vote: they get the log and do not count (6, thesis 4.2.1)", () => {
    const member = leader({ voters: [1, 2], learners: [3, 4], options });
    const sent = only("append", member.propose("a"));
    expect(sent.map(({ to }) => to)).toEqual([2, 3, 4]);
    member.hear(accepted(3, 2, 3), accepted(4, 2, 3));
    expect(member.raft.log.committed).toBe(2);
    member.hear(accepted(2, 2, 3));
    expect(member.raft.log.committed).toBe(3);
  });

  it("a server without a vote is not asked for one, and its vote would not count (6)", () => {
    const member = new OneMember({ voters: [1, 2], learners: [3], options });
    expect(only("vote", member.stand()).map(({ to }) => to)).toEqual([2]);
    member.hear(granted(3, 2));
    expect(member.raft.role).toBe("candidate");
  });

  it("a removed leader goes on until its removal is committed, and does not count itself then (6)", () => {
    const member = leader({ voters: [1, 2, 3], options: { ...options, stepDownOnRemoval: false } });
    member.change([remove(ME)]);
    expect(member.raft.role).toBe("leader");
    member.hear(accepted(2, 2, 3));
    expect(votersOf(member)).toEqual([2, 3]);
    expect(member.raft.status()).toMatchObject({ role: "leader", committed: 3 });
    expect(member.refusalOfProposal()).toMatchObject({ refused: "not-a-member" });
    expect(only("heartbeat", member.tick(1)).map(({ to }) => to)).toEqual([2, 3]);
  });

  it("a removed leader steps down once its removal is committed (6)", () => {
    const member = leader({ voters: [1, 2, 3], options: { ...options, stepDownOnRemoval: true } });
    member.change([remove(ME)]);
    member.propose("behind the removal");
    member.hear(accepted(2, 2, 3));
    expect(member.raft.status()).toMatchObject({ role: "follower", committed: 3 });
    expect(member.tick(100)).toEqual([]);
  });

  it("a server takes entries from a leader that is not in its own configuration (6, thesis 4.1)", () => {
    const member = new OneMember({ voters: [1, 2, 3], options });
    expect(member.hear(append(9, 2, at(1, 1), [2]))).toMatchObject([{ kind: "append-accepted", to: 9 }]);
    expect(member.raft.leader).toBe(9);
  });

  it("a server votes for a candidate that is not in its own configuration (6, thesis 4.1)", () => {
    const member = new OneMember({ voters: [1, 2, 3], options });
    expect(only("vote-reply", member.hear(vote(9, 2, at(1, 1))))).toMatchObject([{ to: 9, granted: true }]);
  });

  it("a server that knows nothing joins when the leader sends it a snapshot, and then the log (7, thesis 4.4)", () => {
    const cluster = new PureCluster({
      voters: [1, 2, 3],
      options: { ...options, takeEarlierSnapshots: true },
    });
    cluster.add(4);
    cluster.elect(1);
    cluster.propose(1, "a");
    cluster.stabilize();
    cluster.snapshot(1);
    cluster.proposeChange(1, [add(4)]);
    cluster.stabilize();
    cluster.run(5);
    expect(cluster.raft(4).log.applied).toBe(cluster.raft(1).log.lastIndex);
    expect(cluster.raft(4).membership.voters).toEqual([1, 2, 3, 4]);
  });
});

describe("changes of membership, beyond the paper", () => {
  it("a change that cannot be made is refused and leaves no trace in the log", () => {
    const member = leader();
    member.change([add(4)]);
    const { last } = member;
    expect(member.change([add(5)])).toMatchObject({ refused: "change-pending" });
    expect(member.last).toEqual(last);
  });

  it("a server that was removed and does not know it cannot disturb those that hear from a leader (6, thesis 4.2.3)", () => {
    const cluster = new PureCluster({ voters: [1, 2, 3, 4], options: { preVote: false } });
    cluster.elect(1);
    cluster.isolate(4);
    cluster.proposeChange(1, [remove(4)]);
    cluster.stabilize();
    cluster.run(5);
    cluster.heal();
    cluster.run(100);
    expect(cluster.raft(4).term).toBeGreaterThan(2);
    expect(cluster.raft(1).status()).toMatchObject({ role: "leader", term: 2 });
  });

  it("a learner becomes a voter only once it is close to the leader (thesis 4.2.1)", () => {
    const member = leader({ voters: [1, 2], learners: [3], options: { learnerLagMax: 2 } });
    for (let count = 0; count < 3; count++) member.propose("a");
    member.hear(accepted(2, 2, 5), accepted(3, 2, 2));
    expect(member.change([add(3)])).toMatchObject({ refused: "learner-not-ready" });
    member.hear(accepted(3, 2, 3));
    expect(member.change([add(3)])).toBeUndefined();
  });

  it("a leader that is removed hands over to the voter that is furthest (thesis 4.2.2)", () => {
    const member = leader({ voters: [1, 2, 3, 4] });
    member.change([remove(ME)]);
    member.hear(accepted(2, 2, 2));
    const sent = [...member.hear(accepted(4, 2, 3)), ...member.hear(accepted(3, 2, 3))];
    expect(only("timeout-now", sent).map(({ to }) => to)).toEqual([3]);
    expect(member.raft.role).toBe("follower");
  });

  it("after a leader is removed the others go on without waiting for a timeout (thesis 4.2.2)", () => {
    const cluster = new PureCluster({ voters: [1, 2, 3] });
    cluster.elect(1);
    cluster.proposeChange(1, [remove(1)]);
    cluster.stabilize();
    expect(cluster.leader).toMatchObject({ id: 2, raft: { term: 3 } });
  });

  it("a voter that is demoted votes in the old half until that is left, and only then becomes a learner (6)", () => {
    const member = leader();
    member.change([addLearner(3), add(4)]);
    member.hear(accepted(2, 2, 3));
    expect(member.raft.membership).toMatchObject({ learners: [], learnersNext: [3], outgoing: [1, 2, 3] });
    member.hearAllAccept();
    member.hearAllAccept();
    expect(member.raft.membership).toMatchObject({ voters: [1, 2, 4], learners: [3], learnersNext: [] });
  });

  it("the leader of a joint configuration needs to hear from a majority of each half (6, thesis 6.2)", () => {
    const member = leader({ membership: JOINT });
    member.tick(10);
    member.hear(heartbeatReply(2, 2), heartbeatReply(3, 2));
    member.tick(10);
    expect(member.raft.role).toBe("follower");
  });
});
