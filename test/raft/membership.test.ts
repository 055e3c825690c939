import { describe, expect, it } from "vitest";
import { EMPTY_BYTES } from "../../src/base/bytes.ts";
import type { MemberChange } from "../../src/raft/membership.ts";
import { LEAVE_JOINT } from "../../src/raft/membership-codec.ts";
import { PureCluster } from "./pure-cluster.ts";

const add = (member: number): MemberChange => ({ kind: "add-voter", member });
const learn = (member: number): MemberChange => ({ kind: "add-learner", member });
const remove = (member: number): MemberChange => ({ kind: "remove", member });

function leadBy1(voters: readonly number[], options = {}): PureCluster {
  const cluster = new PureCluster({ voters, options });
  cluster.elect(1);
  return cluster;
}

describe("a change of membership", () => {
  it("brings in a member that knows nothing: it is sent a snapshot, and then the log", () => {
    const cluster = leadBy1([1]);
    cluster.add(2);
    cluster.proposeChange(1, [add(2)]);
    cluster.run(3);
    expect(cluster.raft(2).membership.voters).toEqual([1, 2]);
    expect(cluster.raft(2).log.applied).toBe(cluster.raft(1).log.applied);
  });

  it("with several members goes through a joint configuration, which the leader leaves by itself", () => {
    const cluster = leadBy1([1, 2, 3]);
    for (const id of [4, 5]) cluster.add(id);
    cluster.proposeChange(1, [remove(2), remove(3), add(4), learn(5)]);
    cluster.run(5);
    for (const id of [1, 4, 5]) {
      expect(cluster.raft(id).membership).toMatchObject({
        voters: [1, 4],
        outgoing: [],
        learners: [5],
        removed: [2, 3],
      });
    }
  });

  it("stays joint when asked to, until it is told to leave", () => {
    const cluster = leadBy1([1, 2, 3]);
    const { raft } = cluster.member(1);
    raft.proposeMembership(90, { transition: "explicit", changes: [remove(3)], context: EMPTY_BYTES });
    cluster.run(3);
    expect(raft.membership).toMatchObject({ voters: [1, 2], outgoing: [1, 2, 3] });
    expect(
      raft.proposeMembership(91, { transition: "auto", changes: [add(7)], context: EMPTY_BYTES }),
    ).toEqual({
      refused: "joint",
    });
    expect(raft.proposeMembership(92, LEAVE_JOINT)).toBeUndefined();
    cluster.run(3);
    expect(raft.membership).toMatchObject({ voters: [1, 2], outgoing: [] });
  });

  it("is refused with a reason, and then leaves no trace in the log", () => {
    const cluster = leadBy1([1, 2, 3]);
    const { raft, outcomes } = cluster.member(1);
    const refusalOf = (changes: readonly MemberChange[]): unknown =>
      outcomes.get(cluster.proposeChange(1, changes));
    const { lastIndex } = raft.log;
    expect(refusalOf([])).toEqual({ refused: "not-joint" });
    expect(refusalOf([remove(1), remove(2), remove(3)])).toMatchObject({ refused: "invalid-change" });
    expect(refusalOf([add(0)])).toMatchObject({ refused: "invalid-change" });
    expect(raft.log.lastIndex).toBe(lastIndex);
  });

  it("is refused while an earlier one is not applied", () => {
    const cluster = leadBy1([1, 2, 3]);
    const first = cluster.proposeChange(1, [learn(4)]);
    const second = cluster.proposeChange(1, [learn(5)]);
    expect(cluster.member(1).outcomes.get(first)).toMatchObject({ index: 3 });
    expect(cluster.member(1).outcomes.get(second)).toMatchObject({ refused: "change-pending" });
  });

  it("is refused for the id of a member that was removed: its old votes may still be under way", () => {
    const cluster = leadBy1([1, 2, 3]);
    cluster.proposeChange(1, [remove(3)]);
    cluster.run(3);
    const request = cluster.proposeChange(1, [learn(3)]);
    expect(cluster.member(1).outcomes.get(request)).toMatchObject({ refused: "removed-id" });
  });

  it("can be made on condition that the configuration is still the one it was made for", () => {
    const cluster = leadBy1([1, 2, 3]);
    const { membership } = cluster.raft(1);
    cluster.proposeChange(1, [learn(4)]);
    cluster.run(3);
    const { outcomes } = cluster.member(1);
    const stale = cluster.proposeChange(1, [learn(5)], membership);
    expect(outcomes.get(stale)).toEqual({ refused: "configuration-changed" });
    const fresh = cluster.proposeChange(1, [learn(5)], cluster.raft(1).membership);
    expect(outcomes.get(fresh)).toMatchObject({ term: 2 });
    const elsewhere = cluster.proposeChange(2, [learn(6)], membership);
    expect(cluster.member(2).outcomes.get(elsewhere)).toEqual({ refused: "not-leader" });
  });

  it("is applied only once the own disk knows that it is committed: a restart does not forget it", () => {
    const cluster = new PureCluster({ voters: [1, 2], slowDisks: true });
    cluster.elect(1);
    cluster.proposeChange(1, [remove(2)]);
    const change = cluster.raft(1).log.lastIndex;
    for (let steps = 0; cluster.raft(1).log.applied < change; steps++) {
      expect(steps).toBeLessThan(100);
      for (const id of [1, 2]) cluster.save(id);
      cluster.deliver();
    }
    cluster.crash(1);
    cluster.restart(1);
    expect(cluster.raft(1).membership.voters).toEqual([1]);
  });

  it("asked for on a follower is forwarded, and the refusal comes back", () => {
    const cluster = leadBy1([1, 2, 3]);
    const request = cluster.proposeChange(2, []);
    cluster.stabilize();
    expect(cluster.member(2).outcomes.get(request)).toEqual({ refused: "not-joint" });
  });
});

describe("a learner", () => {
  it("does not become a voter before it has nearly caught up", () => {
    const cluster = leadBy1([1, 2, 3], { learnerLagMax: 5 });
    cluster.proposeChange(1, [learn(4)]);
    cluster.stabilize();
    for (let count = 0; count < 10; count++) cluster.propose(1, "x");
    cluster.stabilize();
    const tooEarly = cluster.proposeChange(1, [add(4)]);
    expect(cluster.member(1).outcomes.get(tooEarly)).toMatchObject({ refused: "learner-not-ready" });
    cluster.add(4);
    cluster.run(3);
    expect(cluster.raft(1).status().progress[3]).toMatchObject({ id: 4, isLearner: true, isReady: true });
    cluster.proposeChange(1, [add(4)]);
    cluster.run(3);
    expect(cluster.raft(4).membership.voters).toEqual([1, 2, 3, 4]);
  });

  it("becomes a voter by itself, once it has caught up, where that is wanted", () => {
    const cluster = leadBy1([1], { promoteLearners: true });
    cluster.add(2);
    cluster.proposeChange(1, [learn(2)]);
    cluster.run(10);
    expect(cluster.raft(2).membership).toMatchObject({ voters: [1, 2], learners: [] });
  });
});

describe("a leader that is removed", () => {
  it("steps down and hands over, so that nobody waits for a timeout", () => {
    const cluster = leadBy1([1, 2, 3]);
    cluster.proposeChange(1, [remove(1)]);
    cluster.stabilize();
    expect(cluster.raft(1).role).toBe("follower");
    expect([2, 3]).toContain(cluster.leader?.id);
    expect(cluster.leader?.raft.membership.voters).toEqual([2, 3]);
  });

  it("does so only after the joint configuration is left", () => {
    const cluster = leadBy1([1, 2, 3]);
    cluster.add(4);
    cluster.proposeChange(1, [remove(1), add(4)]);
    cluster.run(3);
    expect(cluster.raft(1).role).toBe("follower");
    expect(cluster.leader?.raft.membership).toMatchObject({ voters: [2, 3, 4], outgoing: [], removed: [1] });
  });

  it("does so too when it is made a learner", () => {
    const cluster = leadBy1([1, 2, 3]);
    cluster.proposeChange(1, [learn(1)]);
    cluster.run(2);
    expect(cluster.raft(1).role).toBe("follower");
    expect(cluster.leader?.raft.membership).toMatchObject({ voters: [2, 3], learners: [1] });
  });

  it("goes on leading, without a voice, where that is wanted", () => {
    const cluster = leadBy1([1, 2, 3], { stepDownOnRemoval: false });
    cluster.proposeChange(1, [remove(1)]);
    cluster.stabilize();
    expect(cluster.raft(1).role).toBe("leader");
    const request = cluster.propose(1, "from nobody");
    expect(cluster.member(1).outcomes.get(request)).toEqual({ refused: "not-a-member" });
  });
});
