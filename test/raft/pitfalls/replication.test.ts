import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Term } from "../../../src/log/entry.ts";
import { converse, leader, OneMember } from "../one-member.ts";
import {
  accepted,
  append,
  at,
  command,
  entries,
  heartbeat,
  heartbeatReply,
  ME,
  only,
  rejected,
  snapshot,
  to,
} from "../paper-steps.ts";
import { PureCluster } from "../pure-cluster.ts";

// What other implementations got wrong, numbered as in our notes on them: 11 to 21. Where a part does not apply:
//
// | 21 | a leader whose log cannot be read | the log is in memory; what is checked on receipt is tested here |

describe("pitfalls of replication", () => {
  it("pitfall 11: a new leader's blank entry commits what it inherited, since counting old copies must not (5.4.2)", () => {
    const member = new OneMember({ log: [1, 2, 2] });
    member.lead();
    member.hear(accepted(2, 3, 3), accepted(3, 3, 3));
    expect(member.raft.log.committed).toBe(1);
    member.hear(accepted(2, 3, 4));
    expect(member.raft.log.committed).toBe(4);
  });

  it("pitfall 12: a heartbeat tells no commit index beyond what the follower is known to hold (etcd#1203)", () => {
    const member = leader();
    member.propose("a");
    member.hear(accepted(2, 2, 3));
    const sent = only("heartbeat", member.tick(1));
    expect(sent.map(({ to, commit }) => [to, commit])).toEqual([
      [2, 3],
      [3, 2],
    ]);
  });

  it("pitfall 13: a follower with stale entries does not commit them on an empty append (etcd#1203)", () => {
    const member = new OneMember({ log: [1, 1, 1] });
    member.hear(append(2, 2, at(1, 1), [], 3));
    expect(member.raft.log.committed).toBe(1);
  });

  it("pitfall 14: older appends that arrive late do not shorten the log (openraft 9540c904)", () => {
    const member = new OneMember();
    const first = append(2, 2, at(1, 1), [2]);
    const second = append(2, 2, at(1, 1), [2, 2, 2]);
    member.hear(second, first);
    expect(member.terms).toEqual([1, 2, 2, 2]);
    expect(member.raft.log.saved).toBe(4);
  });

  it("pitfall 14: an append that begins in the compacted part is answered, and cuts nothing (openraft 71a290cd)", () => {
    const member = new OneMember({ log: [1, 1, 1, 1, 1], commit: 4 });
    member.tick(1);
    member.compact();
    expect(member.raft.log.firstIndex).toBe(5);
    expect(member.hear(append(2, 2, at(1, 1), [1, 1], 2))).toMatchObject([
      { kind: "append-accepted", matched: 4 },
    ]);
    expect(member.raft.log.lastIndex).toBe(5);
  });

  it("pitfall 15: to find where logs part takes at most one probe for each term in either (etcd-io/raft)", () => {
    const runs = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(runs, runs, (mine, theirs) => {
        const member = new OneMember({ log: termsInRuns(mine, 2), term: 50 });
        const follower = new OneMember({ id: 2, log: termsInRuns(theirs, 3), term: 50 });
        let refusals = 0;
        let sent = to(2, member.lead());
        while (sent.length > 0) {
          const answers = follower.hear(...sent);
          refusals += only("append-rejected", answers).length;
          sent = to(2, member.hear(...answers));
        }
        expect(follower.terms).toEqual(member.terms);
        expect(refusals).toBeLessThanOrEqual(Math.min(mine.length, theirs.length) + 1);
      }),
      { numRuns: 50 },
    );
  });

  it.each([true, false])(
    "pitfall 16: a full window does not leak one more message with every heartbeat or proposal (etcd#14633), coalescing: %s",
    (coalesce) => {
      const member = leader({ voters: [1, 2], options: { inflightMessagesMax: 2, coalesce } });
      const filled = [...member.propose("a"), ...member.propose("b")];
      expect(only("append", filled).flatMap(({ entries }) => entries)).toHaveLength(2);
      for (let round = 0; round < 5; round++) {
        const sent = [...member.propose("more"), ...member.tick(1), ...member.hear(heartbeatReply(2, 2))];
        expect(only("append", sent)).toMatchObject([{ entries: [] }]);
      }
      expect(member.peer(2)).toMatchObject({ inflightMessages: 2, next: 5, isWindowFull: true });
    },
  );

  it("pitfall 16: when all acknowledgements are lost an empty append finds it out, and the window frees (etcd#2544)", () => {
    const member = leader({ voters: [1, 2], options: { inflightMessagesMax: 2 } });
    member.propose("a");
    member.propose("b");
    member.propose("c");
    const [probe] = only("append", member.hear(heartbeatReply(2, 2)));
    expect(probe).toMatchObject({ previous: at(4, 2), entries: [] });
    const sent = only("append", member.hear(accepted(2, 2, 4)));
    expect(sent.flatMap(({ entries }) => entries)).toMatchObject([at(5, 2)]);
    expect(member.peer(2)).toMatchObject({ inflightMessages: 1, isWindowFull: false });
  });

  it("pitfall 16: the bytes in flight are counted back when they arrive and when the stream begins anew (etcd-io/raft#54)", () => {
    const member = leader({ voters: [1, 2], options: { inflightBytesMax: 50 } });
    member.propose("x".repeat(40));
    expect(member.peer(2)).toMatchObject({ inflightBytes: 61, isWindowFull: true });
    member.hear(accepted(2, 2, 3));
    expect(member.peer(2)).toMatchObject({ inflightBytes: 0, isWindowFull: false });
    member.propose("x".repeat(40));
    member.does((raft) => raft.reportUnreachable(2));
    expect(member.peer(2)).toMatchObject({ state: "probe", inflightBytes: 0, inflightMessages: 0 });
  });

  it("pitfall 17: a follower that has everything leaves the probe state with its next answer", () => {
    const member = leader();
    member.does((raft) => raft.reportUnreachable(2));
    expect(member.peer(2).state).toBe("probe");
    expect(only("append", member.hear(heartbeatReply(2, 2)))).toMatchObject([{ to: 2, entries: [] }]);
    member.hear(accepted(2, 2, 2));
    expect(member.peer(2)).toMatchObject({ state: "replicate", matched: 2, next: 3 });
  });

  it("pitfall 17: a follower whose snapshot ends the log leaves the snapshot state (etcd#10308)", () => {
    const member = new OneMember();
    member.lead();
    member.hear(accepted(3, 2, 2));
    member.compact();
    expect(only("snapshot", member.hear(heartbeatReply(2, 2)))).toHaveLength(1);
    member.does((raft) => raft.reportSnapshot(2, true));
    member.hear(accepted(2, 2, 2));
    expect(member.peer(2)).toMatchObject({ state: "replicate", matched: 2, next: 3, pendingSnapshot: 0 });
  });

  it("pitfall 18: whatever answers come, the next entry lies behind what the follower holds (etcd-io/raft#149)", () => {
    const index = fc.integer({ min: 0, max: 8 });
    const answer = fc.oneof(
      index.map((matched) => accepted(2, 2, matched)),
      fc.tuple(index, index).map(([refused, hint]) => rejected(2, 2, refused, at(hint, 0))),
      fc.constant(heartbeatReply(2, 2)),
    );
    fc.assert(
      fc.property(fc.array(answer, { maxLength: 20 }), (answers) => {
        const member = leader();
        for (let count = 0; count < 6; count++) member.propose("a");
        let before = 2;
        for (const message of answers) {
          member.hear(message);
          const { matched, next } = member.peer(2);
          expect(matched).toBeGreaterThanOrEqual(before);
          expect(next).toBeGreaterThan(matched);
          expect(next).toBeLessThanOrEqual(member.last.index + 1);
          before = matched;
        }
      }),
      { numRuns: 100 },
    );
  });

  it("pitfall 19: a commit index that was refused or lost is told again (etcd#3111, etcd-io/raft#171)", () => {
    const member = new OneMember();
    const follower = new OneMember({ id: 3 });
    converse(member.lead(), member, follower);
    member.propose("a"); // Lost on its way to 3.
    const news = to(3, member.hear(accepted(2, 2, 3)));
    expect(news).toMatchObject([{ kind: "append", commit: 3 }]);
    converse(news, member, follower);
    expect(follower.raft.log.committed).toBe(3);

    const cluster = new PureCluster({ voters: [1, 2, 3] });
    cluster.elect(1);
    cluster.propose(1, "a");
    while (cluster.raft(1).log.committed < 3 && cluster.network.length > 0) cluster.deliver();
    cluster.network = [];
    cluster.run(2);
    expect([2, 3].map((id) => cluster.raft(id).log.committed)).toEqual([3, 3]);
  });

  it("pitfall 19: what was under way when a peer could not be reached counts as untold (etcd-io/raft#171)", () => {
    const member = leader();
    member.propose("a");
    expect(to(2, member.hear(accepted(3, 2, 3)))).toMatchObject([{ kind: "append", entries: [], commit: 3 }]);
    member.does((raft) => raft.reportUnreachable(2));
    expect(to(2, member.hear(accepted(2, 2, 3)))).toMatchObject([{ kind: "append", entries: [], commit: 3 }]);
  });

  it("pitfall 20: the budget for entries that wait is freed by what is applied, and only by that (etcd#10199)", () => {
    const member = leader({ options: { uncommittedBytesMax: 100 } });
    member.propose("x".repeat(60));
    expect(member.refusalOfProposal(command("x".repeat(60)))).toMatchObject({ refused: "over-budget" });
    member.hear(accepted(2, 2, 3));
    expect(member.raft.status().uncommittedBytes).toBe(0);
    expect(member.refusalOfProposal(command("x".repeat(60)))).toBeUndefined();
  });

  it("pitfall 20: a new leader counts what it inherits against the budget (etcd-io/raft#11)", () => {
    const member = new OneMember({ log: [1, 2, 2, 2], options: { uncommittedBytesMax: 50 } });
    member.lead();
    expect(member.raft.status().uncommittedBytes).toBe(4 * 21 + 3 * "2@2".length);
    expect(member.refusalOfProposal()).toMatchObject({ refused: "over-budget" });
    member.hear(accepted(2, 3, 5));
    expect(member.raft.status().uncommittedBytes).toBe(0);
  });

  it("pitfall 20: a leader's blank entry is never refused for the budget, nor anything forwarded counted twice", () => {
    const member = new OneMember({ log: [1, 2, 2, 2], options: { uncommittedBytesMax: 1 } });
    member.lead();
    expect(member.last).toEqual(at(5, 3));
    const follower = new OneMember({ options: { uncommittedBytesMax: 1 } });
    follower.hear(heartbeat(2, 2));
    expect(only("propose", follower.propose("x".repeat(60)))).toHaveLength(1);
    expect(only("propose", follower.propose("x".repeat(60)))).toHaveLength(1);
    expect(follower.raft.status().uncommittedBytes).toBe(0);
  });

  it("pitfall 20: a single proposal above the budget is taken when nothing else waits", () => {
    const member = leader({ options: { uncommittedBytesMax: 10 } });
    expect(member.refusalOfProposal(command("x".repeat(60)))).toBeUndefined();
  });

  it("pitfall 21: entries that do not follow their predecessor are refused, and counted (openraft#1795)", () => {
    const member = new OneMember({ log: [1, 1] });
    const message = { kind: "append", from: 2, to: ME, term: 2, previous: at(2, 1), commit: 0 } as const;
    for (const wrong of [
      entries(3, 2),
      entries(1, 2),
      [...entries(2, 2), ...entries(4, 2)],
      entries(2, 2, 1),
      entries(2, 3),
    ]) {
      expect(member.refusalOf({ ...message, entries: wrong })).toMatchObject({ refused: "malformed" });
    }
    expect(member.terms).toEqual([1, 1]);
    expect(member.raft.status()).toMatchObject({ refusedMessages: 5, term: 1 });
  });

  it("pitfall 21: what a leader sends follows what it says it follows, whatever was sent before", () => {
    const member = leader({ voters: [1, 2], options: { messageBytesMax: 60, inflightMessagesMax: 3 } });
    for (let count = 0; count < 20; count++) member.propose(`entry ${count}`);
    const follower = new OneMember({ id: 2 });
    const sent = member.tick(1);
    follower.hear({ ...snapshot(1, 2, at(2, 2)), to: 2 });
    converse(sent, member, follower);
    for (let round = 0; round < 30; round++) converse(member.tick(1), member, follower);
    expect(follower.last).toEqual(member.last);
    expect(follower.raft.status().refusedMessages).toBe(0);
  });
});

/** The terms of a log in runs of these lengths; the terms of two logs with other first terms never meet. */
function termsInRuns(lengths: readonly number[], first: Term): Term[] {
  return [1, ...lengths.flatMap((length, run) => new Array<Term>(length).fill(first + 2 * run))];
}
