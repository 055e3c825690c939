import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EMPTY_BYTES } from "../../../src/base/bytes.ts";
import type { Entry, Index, MemberId, Term } from "../../../src/log/entry.ts";
import { type MembershipChange, voterIds } from "../../../src/raft/membership.ts";
import { encodeMembershipChange } from "../../../src/raft/membership-codec.ts";
import type { Message } from "../../../src/raft/message.ts";
import { leader, OneMember } from "../one-member.ts";
import {
  accepted,
  add,
  addLearner,
  append,
  at,
  command,
  granted,
  heartbeat,
  heartbeatReply,
  ME,
  only,
  PROFILES,
  remove,
  snapshot,
  timeoutNow,
} from "../paper-steps.ts";
import { PureCluster } from "../pure-cluster.ts";

// What other implementations got wrong, numbered as in our notes on them: 28 to 38. Where a part does not apply:
//
// | 29 | configurations that take effect when they are appended, and their roll-back | here they do when applied |
// | 37 | a wiped disk that returns under its old id | storage and replica: the core sees only ids that were removed |

/** Between the voters 1, 2, 3 and the voters 1, 2, 4, to be left by the leader itself. */
const JOINT = { voters: [1, 2, 4], outgoing: [1, 2, 3], autoLeave: true };

describe("pitfalls of membership", () => {
  it("pitfall 28: no change is appended before all earlier ones are applied (etcd#7625)", () => {
    const member = new OneMember({ slowMachine: true });
    member.lead();
    member.hearAllAccept();
    member.finishApply();
    expect(member.change([remove(3)])).toBeUndefined();
    member.hearAllAccept();
    expect(member.raft.log).toMatchObject({ committed: 3, applied: 2 });
    expect(member.change([remove(2)])).toMatchObject({ refused: "change-pending" });
    member.finishApply();
    expect(member.change([remove(2)])).toBeUndefined();
  });

  it("pitfall 28: several changes in one proposal are several changes, of which the second is refused", () => {
    const member = leader();
    const proposals = [remove(2), remove(3)].map((change) => membership([change]));
    expect(member.raft.propose(1, proposals)).toMatchObject({ refused: "change-pending" });
    expect(member.last).toEqual(at(2, 2));
  });

  it("pitfall 28: nobody stands while a committed change waits to be applied (etcd#7280)", () => {
    const member = new OneMember({ slowMachine: true });
    member.hear(changeFrom(2, 2, { index: 2, term: 2 }, remove(3)), heartbeat(2, 2, 2));
    expect(member.raft.log).toMatchObject({ committed: 2, applied: 1 });
    expect(member.timeOut()).toEqual([]);
    expect(member.raft.campaign()).toMatchObject({ refused: "not-promotable" });
    member.finishApply();
    expect(member.timeOut()).toMatchObject([{ kind: "pre-vote", to: 2 }]);
  });

  it("pitfall 28: who is handed the leadership meanwhile stands as soon as it has applied the change (etcd#7280)", () => {
    const member = new OneMember({ slowMachine: true });
    member.hear(changeFrom(2, 2, { index: 2, term: 2 }, remove(3)), heartbeat(2, 2, 2));
    expect(member.hear(timeoutNow(2, 2))).toEqual([]);
    expect(only("vote", member.finishApply())).toMatchObject([{ to: 2, transfer: true }]);
  });

  it("pitfall 28: a leader that proposes two removals cannot become a majority of its own (etcd#11284)", () => {
    const cluster = new PureCluster({ voters: [1, 2, 3] });
    cluster.elect(1);
    cluster.isolate(1);
    cluster.proposeChange(1, [remove(3)]);
    cluster.proposeChange(1, [remove(2)]);
    cluster.stabilize();
    cluster.run(40);
    expect(cluster.raft(1).log.committed).toBe(2);
    expect(cluster.leader?.raft.membership.voters).toEqual([1, 2, 3]);
  });

  it("pitfall 29: a new leader makes no change before it has applied all that it inherited (raft-dev, 2015)", () => {
    const member = new OneMember({ log: [1, 2, 2] });
    member.lead();
    expect(member.change([add(4)])).toMatchObject({ refused: "change-pending" });
    member.hear(accepted(2, 3, 4));
    expect(member.change([add(4)])).toBeUndefined();
  });

  it("pitfall 29: leaders of different terms whose changes cross do not end in two majorities (raft-dev, 2015)", () => {
    const cluster = new PureCluster({ voters: [1, 2, 3, 4] });
    cluster.add(5);
    cluster.elect(1);
    cluster.partition([1, 5], [2, 3, 4]);
    cluster.proposeChange(1, [add(5)]);
    cluster.run(60);
    const next = cluster.leader!;
    expect([2, 3, 4]).toContain(next.id);
    cluster.proposeChange(next.id, [remove(4)]);
    cluster.stabilize();
    cluster.run(3);
    expect(next.raft.membership.voters).toEqual([1, 2, 3]);
    cluster.partition([1, 4, 5], [2, 3]);
    cluster.run(60);
    expect([1, 4, 5].map((id) => cluster.raft(id).role)).not.toContain("leader");
    cluster.heal();
    cluster.run(60);
    expect([1, 2, 3].map((id) => cluster.raft(id).membership.voters)).toEqual(new Array(3).fill([1, 2, 3]));
  });

  it("pitfall 30: a snapshot brings its configuration with it, in force at once (openraft#1808)", () => {
    const member = new OneMember({ voters: [1, 2, 3] });
    member.hear(changeFrom(2, 2, { index: 2, term: 2 }, add(9)));
    member.hear(snapshot(2, 2, at(9, 2), { voters: [1, 4, 5] }));
    expect(member.raft.membership.voters).toEqual([1, 4, 5]);
    expect(only("vote", member.stand()).map(({ to }) => to)).toEqual([4, 5]);
  });

  it("pitfall 30: a member does not stand while a snapshot is being restored (etcd#11510)", () => {
    const member = new OneMember({ slowDisk: true });
    member.hear(snapshot(2, 2, at(9, 2), { voters: [1, 4, 5] }));
    expect(member.tick(50)).toEqual([]);
    expect(member.raft.campaign()).toMatchObject({ refused: "not-promotable" });
    member.finishAllSaves();
    expect(member.timeOut()).not.toEqual([]);
  });

  it.each(PROFILES)(
    "pitfall 31: a joint configuration is left once, whatever is applied meanwhile (etcd#11046), %s",
    (_name, options) => {
      const member = leader({ options });
      member.change([add(4), remove(3)]);
      member.propose("a", "b");
      for (const index of [3, 4, 5]) {
        member.hear(accepted(2, 2, index));
        expect(member.raft.membership).toMatchObject({ voters: [1, 2, 4], outgoing: [1, 2, 3] });
        expect(member.last.index).toBe(6);
      }
      member.hearAllAccept();
      expect(leavesIn(member)).toBe(1);
      expect(member.last.index).toBe(6);
      expect(member.raft.membership).toMatchObject({ voters: [1, 2, 4], outgoing: [] });
    },
  );

  it("pitfall 31: a new leader leaves the joint configuration that it inherits, and once (etcd#12136)", () => {
    const member = new OneMember({ membership: JOINT, log: [1, 2] });
    member.lead();
    member.hearAllAccept();
    member.hearAllAccept();
    expect(leavesIn(member)).toBe(1);
    expect(member.raft.membership).toMatchObject({ voters: [1, 2, 4], outgoing: [], autoLeave: false });
  });

  it("pitfall 31: leaving is never refused for the budget (etcd#14545)", () => {
    const member = leader({ options: { uncommittedBytesMax: 1 } });
    member.change([add(4), remove(3)]);
    member.propose("a");
    for (let round = 0; round < 4; round++) member.hearAllAccept();
    expect(member.raft.membership.outgoing).toEqual([]);
  });

  it("pitfall 31: leaving is refused during a hand-over and made good for once that is given up", () => {
    const member = leader();
    member.change([add(4), remove(3)]);
    member.transfer(2);
    member.hear(accepted(3, 2, 3), accepted(2, 2, 3));
    expect(leavesIn(member)).toBe(0);
    member.hear(heartbeatReply(2, 2), heartbeatReply(4, 2));
    member.tick(10);
    expect(member.raft.status().transferTo).toBeUndefined();
    member.tick(1);
    member.hearAllAccept();
    expect(leavesIn(member)).toBe(1);
    expect(member.raft.membership.outgoing).toEqual([]);
  });

  it("pitfall 31: to leave a configuration that is not joint is refused and harms nobody (etcd#12582)", () => {
    const member = leader();
    expect(member.change([])).toMatchObject({ refused: "not-joint" });
    expect(member.last).toEqual(at(2, 2));
  });

  it("pitfall 32: a recovered joint configuration is not left before what was inherited is committed (camunda#60086)", () => {
    const member = new OneMember({
      membership: JOINT,
      log: [1, 2, 2, 2],
      commit: 2,
      applied: 1,
      slowMachine: true,
    });
    member.lead();
    member.does((raft) => raft.applied(2));
    expect(leavesIn(member)).toBe(0);
    member.hearAllAccept();
    member.finishApply();
    expect(leavesIn(member)).toBe(1);
  });

  it("pitfall 33: nobody votes and learns at once, whatever changes are made (formancehq/ledger#1468)", () => {
    const change = fc.record({
      kind: fc.constantFrom("add-voter" as const, "add-learner" as const, "remove" as const),
      member: fc.integer({ min: 1, max: 6 }),
    });
    fc.assert(
      fc.property(fc.array(fc.array(change, { minLength: 1, maxLength: 4 }), { maxLength: 8 }), (changes) => {
        const member = leader({ options: { stepDownOnRemoval: false, learnerLagMax: 1_000 } });
        for (const some of changes) {
          member.change(some);
          for (let round = 0; round < 3; round++) member.hearAllAccept();
          const { learners, learnersNext, voters, outgoing } = member.raft.membership;
          expect(learners.filter((id) => voters.includes(id) || outgoing.includes(id))).toEqual([]);
          expect(learnersNext.filter((id) => voters.includes(id) || !outgoing.includes(id))).toEqual([]);
          expect(voters).not.toEqual([]);
        }
      }),
      { numRuns: 100 },
    );
  });

  it.each([
    ["a member that both votes and learns", { voters: [1, 2], learners: [2] }],
    ["a member twice", { voters: [1, 1, 2] }],
    ["a member to be demoted that does not vote", { voters: [1, 2], learnersNext: [3] }],
    ["the member 0", { voters: [0, 1, 2] }],
  ])(
    "pitfall 33: a configuration with %s is no state to start from, and no snapshot to take",
    (_what, membership) => {
      expect(() => new OneMember({ membership })).toThrow(
        expect.objectContaining({ code: "ERR_INVALID_ARGUMENT" }),
      );
      const member = new OneMember();
      expect(member.refusalOf(snapshot(2, 2, at(9, 2), membership))).toMatchObject({ refused: "malformed" });
    },
  );

  it("pitfall 34: in a joint configuration each half is judged by its own voters, in either order (etcd#12123)", () => {
    const half = fc.uniqueArray(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 5 });
    const acks = fc.array(fc.tuple(fc.integer({ min: 2, max: 6 }), fc.integer({ min: 2, max: 5 })), {
      maxLength: 12,
    });
    fc.assert(
      fc.property(half, half, acks, (one, other, acks) => {
        const voters = [...new Set([ME, ...one])].sort();
        const outgoing = [...other].sort();
        const committed = [
          { voters, outgoing },
          { voters: outgoing, outgoing: voters },
        ].map((membership) => {
          const member = leaderOf(membership);
          for (const [id, index] of acks) member.hear(accepted(id, 2, index));
          expect(member.raft.log.committed).toBe(
            Math.min(...[voters, outgoing].map((ids) => reached(member, ids))),
          );
          return member.raft.log.committed;
        });
        expect(committed[0]).toBe(committed[1]);
      }),
      { numRuns: 100 },
    );
  });

  it("pitfall 35: after the leader of two was removed the other one goes on alone (etcd#10563)", () => {
    const cluster = new PureCluster({ voters: [1, 2] });
    cluster.elect(1);
    cluster.proposeChange(1, [remove(1)]);
    cluster.stabilize();
    cluster.run(30);
    expect(cluster.leader).toMatchObject({ id: 2 });
    cluster.propose(2, "alone");
    cluster.stabilize();
    expect(cluster.raft(2).log.applied).toBe(cluster.raft(2).log.lastIndex);
  });

  it("pitfall 35: also when the last words of the removed leader were lost (etcd#10563)", () => {
    const cluster = new PureCluster({ voters: [1, 2] });
    cluster.elect(1);
    cluster.proposeChange(1, [remove(1)]);
    while (cluster.raft(1).role === "leader" && cluster.network.length > 0) cluster.deliver();
    expect(cluster.raft(1).role).toBe("follower");
    cluster.network = [];
    expect(cluster.raft(2).membership.voters).toEqual([1, 2]);
    cluster.run(100);
    expect(cluster.leader).toMatchObject({ id: 2, raft: { membership: { voters: [2] } } });
  });

  it("pitfall 35: a leader that was removed does not count itself for what it goes on to lead", () => {
    const member = new OneMember({ voters: [1, 2, 3, 4], options: { stepDownOnRemoval: false } });
    member.lead();
    member.hearAllAccept();
    member.change([remove(ME)]);
    member.propose("behind the removal");
    member.hear(accepted(2, 2, 3), accepted(3, 2, 3));
    expect(member.raft.membership.voters).toEqual([2, 3, 4]);
    member.hear(accepted(2, 2, 4));
    expect(member.raft.log.committed).toBe(3);
    member.hear(accepted(4, 2, 4));
    expect(member.raft.log.committed).toBe(4);
  });

  it("pitfall 36: a removed member that does not know it disturbs nobody (hashicorp/raft#524)", () => {
    const cluster = new PureCluster({ voters: [1, 2, 3, 4] });
    cluster.elect(1);
    cluster.isolate(4);
    cluster.proposeChange(1, [remove(4)]);
    cluster.stabilize();
    cluster.heal();
    cluster.run(200);
    expect(cluster.raft(1).status()).toMatchObject({ role: "leader", term: 2 });
    expect(cluster.raft(4).term).toBe(2);
  });

  it("pitfall 37: the id of a removed member is given to nobody again (etcd#2746)", () => {
    const member = leader();
    member.change([remove(3)]);
    member.hearAllAccept();
    expect(member.change([add(3)])).toMatchObject({ refused: "removed-id" });
    expect(member.change([addLearner(3)])).toMatchObject({ refused: "removed-id" });
    expect(member.change([add(4)])).toBeUndefined();
  });

  it("pitfall 38: a learner that becomes a voter goes on where it was, and so does a voter that becomes a learner (openraft 2896b98e)", () => {
    const member = leader({ learners: [4] });
    member.change([add(4)]);
    member.hearAllAccept();
    expect(member.peer(4)).toMatchObject({ isLearner: false, matched: 3, state: "replicate" });
    member.change([addLearner(4)]);
    member.hearAllAccept();
    expect(member.peer(4)).toMatchObject({ isLearner: true, matched: 4, state: "replicate" });
    expect(only("append", member.propose("a")).map(({ to }) => to)).toEqual([2, 3, 4]);
  });

  it("pitfall 38: learners count in no quorum: not for votes, commits, reads or the check of the quorum (openraft d882e743)", () => {
    const member = new OneMember({ voters: [1, 2, 3], learners: [4, 5, 6] });
    const learners = [4, 5, 6];
    member.stand();
    member.hear(...learners.map((id) => granted(id, 2)));
    expect(member.raft.role).toBe("candidate");
    member.hear(granted(2, 2), accepted(2, 2, 2), accepted(3, 2, 2));
    member.propose("a");
    member.hear(...learners.map((id) => accepted(id, 2, 3)));
    expect(member.raft.log.committed).toBe(2);
    const [asked] = only("heartbeat", member.read(7));
    member.hear(...learners.map((id) => heartbeatReply(id, 2, asked!.readRound)));
    expect(member.reads).toEqual([]);
    member.tick(10);
    member.hear(...learners.map((id) => heartbeatReply(id, 2)));
    member.tick(10);
    expect(member.raft.role).toBe("follower");
  });

  it("a change is made for a certain configuration only, when the caller says which", () => {
    const member = leader();
    const before = member.raft.membership;
    member.change([add(4)]);
    member.hearAllAccept();
    expect(member.change([add(5)], "auto", before)).toMatchObject({ refused: "configuration-changed" });
    expect(member.change([add(5)], "auto", member.raft.membership)).toBeUndefined();
  });

  it("an append that carries a change is like any other until it is applied", () => {
    const member = new OneMember();
    member.hear(changeFrom(2, 2, { index: 2, term: 2 }, add(4)));
    expect(member.raft.membership.voters).toEqual([1, 2, 3]);
    member.hear(append(2, 2, at(2, 2), [], 2));
    expect(member.raft.membership.voters).toEqual([1, 2, 3, 4]);
  });
});

function membership(changes: MembershipChange["changes"]): { kind: "membership"; data: Uint8Array } {
  return {
    kind: "membership",
    data: encodeMembershipChange({ transition: "auto", changes, context: EMPTY_BYTES }),
  };
}

/** An append with a change of membership, right behind the founding entry. */
function changeFrom(
  from: MemberId,
  term: Term,
  place: { index: Index; term: Term },
  change: MembershipChange["changes"][number],
): Message {
  const entry: Entry = { ...place, ...membership([change]) };
  return { kind: "append", from, to: ME, term, previous: at(1, 1), entries: [entry], commit: 0 };
}

/** How many entries of the log ask to leave a joint configuration. */
function leavesIn(member: OneMember): number {
  const { log } = member.raft;
  const all = log.slice(log.firstIndex, log.lastIndex, Number.POSITIVE_INFINITY);
  return all.filter(({ kind, data }) => kind === "membership" && data.length === 0).length;
}

/** A leader of such a configuration with entries up to 5, of which only its own copy is known. */
function leaderOf(configuration: { voters: readonly MemberId[]; outgoing: readonly MemberId[] }): OneMember {
  const member = new OneMember({ membership: configuration });
  member.stand();
  for (const id of voterIds(member.raft.membership)) if (id !== ME) member.hear(granted(id, 2));
  for (let count = 0; count < 3; count++) member.raft.propose(count, [command("a")]);
  member.does(() => {});
  return member;
}

/** The index that a majority of these has reached, by counting. */
function reached(member: OneMember, ids: readonly MemberId[]): Index {
  const { committed } = member.raft.log;
  for (let index = member.last.index; index > 1; index--) {
    const holders = ids.filter((id) => member.peer(id).matched >= index);
    if (holders.length * 2 > ids.length) return index;
  }
  return Math.min(committed, 1);
}
