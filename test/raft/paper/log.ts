import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Term } from "../../../src/log/entry.ts";
import type { Message } from "../../../src/raft/message.ts";
import { converse, leader, OneMember } from "../one-member.ts";
import {
  accepted,
  append,
  at,
  granted,
  heartbeat,
  heartbeatReply,
  ME,
  only,
  PROFILES,
  rejected,
  textsOf,
  to,
} from "../paper-steps.ts";
import { PureCluster } from "../pure-cluster.ts";

const FIVE = [1, 2, 3, 4, 5];

describe.each(PROFILES)("Raft's log %s", (_name, options) => {
  it("a leader appends a command to its own log and sends it to all others side by side (5.3)", () => {
    const member = leader({ voters: FIVE, options });
    const sent = only("append", member.propose("a"));
    expect(member.last).toEqual(at(3, 2));
    expect(sent.map(({ to, previous, entries }) => [to, previous, textsOf(entries)])).toEqual(
      [2, 3, 4, 5].map((to) => [to, at(2, 2), ["a"]]),
    );
  });

  it("a leader sends entries while its own disk still writes them (thesis 10.2.1)", () => {
    const member = new OneMember({ slowDisk: true, options: { ...options, preVote: false } });
    member.timeOut();
    member.finishAllSaves();
    const sent = only("append", member.hear(granted(2, 2)));
    expect(sent.map(({ to }) => to)).toEqual([2, 3]);
    expect(member.waiting.at(-1)?.entries).toMatchObject([at(2, 2)]);
  });

  it("a leader does not wait for an acknowledgement before it sends the next entries (thesis 10.2.2)", () => {
    const member = leader({ options });
    const sent = [...member.propose("a"), ...member.propose("b"), ...member.propose("c")];
    expect(only("append", to(3, sent)).map(({ previous }) => previous)).toEqual([
      at(2, 2),
      at(3, 2),
      at(4, 2),
    ]);
  });

  it("an entry carries its index and the term in which the leader received it (5.3)", () => {
    const member = leader({ log: [1, 1], term: 4, options });
    const [sent] = only("append", member.propose("a", "b"));
    expect(sent?.entries).toMatchObject([at(4, 5), at(5, 5)]);
  });

  it("an entry is committed once a majority holds it, and then applied by the leader (5.3)", () => {
    const member = leader({ voters: FIVE, options });
    member.propose("a");
    member.hear(accepted(2, 2, 3));
    expect(member.raft.log.committed).toBe(2);
    member.hear(accepted(3, 2, 3));
    expect(member.raft.log.committed).toBe(3);
    expect(textsOf(member.applied)).toEqual(["", "a"]);
  });

  it("a follower's acknowledgement counts once, however often it arrives (5.3)", () => {
    const member = leader({ voters: FIVE, options });
    member.propose("a");
    member.hear(accepted(2, 2, 3), accepted(2, 2, 3), accepted(2, 2, 3));
    expect(member.raft.log.committed).toBe(2);
  });

  it("the leader's own copy counts only once its own disk holds it (5.3)", () => {
    const member = new OneMember({ slowDisk: true, options: { ...options, preVote: false } });
    member.timeOut();
    member.finishAllSaves();
    member.hear(granted(2, 2), accepted(2, 2, 2));
    expect(member.raft.status()).toMatchObject({ role: "leader", committed: 1 });
    member.finishAllSaves();
    expect(member.raft.log.committed).toBe(2);
  });

  it("committing an entry commits all before it, also those of earlier leaders (5.3)", () => {
    const member = new OneMember({ log: [1, 1, 2, 2], commit: 1, options });
    member.lead();
    member.hear(accepted(2, 3, 5));
    expect(member.raft.log.committed).toBe(5);
    expect(member.applied.map(({ index, term }) => [index, term])).toEqual([
      [2, 1],
      [3, 2],
      [4, 2],
      [5, 3],
    ]);
  });

  it("a leader tells the commit index with its appends or heartbeats, and followers then apply (5.3)", () => {
    const cluster = new PureCluster({ voters: [1, 2, 3], options });
    cluster.elect(1);
    cluster.propose(1, "a");
    cluster.stabilize();
    cluster.run(2);
    for (const { applied, raft } of cluster.members.values()) {
      expect(applied).toBe(3);
      expect(raft.log.committed).toBe(3);
    }
  });

  it("a follower applies what the leader says is committed, in the order of the log (5.3)", () => {
    const member = new OneMember({ options });
    member.hear(append(2, 2, at(1, 1), [2, 2, 2], 1));
    expect(member.applied).toEqual([]);
    member.hear(append(2, 2, at(4, 2), [], 3));
    expect(textsOf(member.applied)).toEqual(["2@2", "3@2"]);
    member.hear(heartbeat(2, 2, 4));
    expect(textsOf(member.applied)).toEqual(["2@2", "3@2", "4@2"]);
  });

  it("a slow minority does not keep the others from committing (5.3)", () => {
    const cluster = new PureCluster({ voters: FIVE, options });
    cluster.elect(1);
    cluster.crash(4);
    cluster.crash(5);
    cluster.propose(1, "a");
    cluster.stabilize();
    expect(cluster.raft(1).log.committed).toBe(3);
  });

  it("a leader sends again, without end, what a follower has not acknowledged (5.3)", () => {
    const member = leader({ options });
    member.hear(accepted(3, 2, 2));
    member.does((raft) => raft.reportUnreachable(3));
    for (let time = 0; time < 5; time++) {
      if (time === 0) member.propose("a");
      member.tick(1);
      const sent = only("append", member.hear(heartbeatReply(3, 2)));
      expect(sent).toMatchObject([{ to: 3, previous: at(2, 2), entries: [at(3, 2)] }]);
    }
  });

  it("a follower refuses entries whose predecessor it lacks, or has of another term (5.3)", () => {
    for (const previous of [at(3, 2), at(2, 2)]) {
      const member = new OneMember({ log: [1, 1], options });
      const [answer] = member.hear(append(2, 2, previous, [2]));
      expect(answer).toMatchObject({ kind: "append-rejected", term: 2, rejected: previous.index });
      expect(member.terms).toEqual([1, 1]);
    }
  });

  it("a follower appends entries that it lacks, and says up to where the logs are equal (figure 2)", () => {
    const member = new OneMember({ log: [1, 1], options });
    expect(member.hear(append(2, 3, at(2, 1), [2, 3]))).toEqual([
      { kind: "append-accepted", from: ME, to: 2, term: 3, matched: 4 },
    ]);
    expect(member.terms).toEqual([1, 1, 2, 3]);
  });

  it("a follower removes an entry that conflicts with the leader's, and all that follow it (5.3)", () => {
    const member = new OneMember({ log: [1, 1, 2, 2, 2], options });
    member.hear(append(2, 3, at(2, 1), [3]));
    expect(member.terms).toEqual([1, 1, 3]);
    expect(member.saves.at(-1)?.entries).toMatchObject([at(3, 3)]);
  });

  it("a follower keeps entries that do not conflict, also those beyond what it was sent (figure 2)", () => {
    const member = new OneMember({ log: [1, 1, 2, 2, 2], options });
    expect(member.hear(append(2, 3, at(1, 1), [1, 2]))).toMatchObject([{ matched: 3 }]);
    expect(member.terms).toEqual([1, 1, 2, 2, 2]);
    expect(member.saves.flatMap(({ entries }) => entries)).toEqual([]);
  });

  it("an append may be repeated without effect (5.5)", () => {
    const member = new OneMember({ options });
    const message = append(2, 2, at(1, 1), [2, 2], 3);
    const first = member.hear(message);
    const { last, committed, term } = member.raft.status();
    expect(member.hear(message)).toMatchObject([{ kind: "append-accepted" }]);
    expect(first).toMatchObject([{ matched: 3 }]);
    expect(member.raft.status()).toMatchObject({ last, committed, term });
    expect(textsOf(member.applied)).toEqual(["2@2", "3@2"]);
  });

  it("a follower commits no further than the last entry it was sent (figure 2)", () => {
    const member = new OneMember({ log: [1, 1, 1, 1], options });
    member.hear(append(2, 2, at(1, 1), [1], 9));
    expect(member.raft.log.committed).toBe(2);
  });

  it("a commit index never goes back (figure 2)", () => {
    const member = new OneMember({ options });
    member.hear(append(2, 2, at(1, 1), [2, 2], 3));
    member.hear(append(2, 2, at(3, 2), [2], 2), heartbeat(2, 2, 1));
    expect(member.raft.log.committed).toBe(3);
  });

  it("a follower acknowledges entries only once they would survive a power cut (figure 2)", () => {
    const member = new OneMember({ slowDisk: true, options });
    expect(member.hear(append(2, 2, at(1, 1), [2]))).toEqual([]);
    expect(member.waiting).toMatchObject([{ mustSync: true, entries: [at(2, 2)] }]);
    expect(member.finishSave()).toMatchObject([{ kind: "append-accepted", matched: 2 }]);
  });

  it("a new leader supposes that all logs are like its own, and knows of nothing that they hold (figure 2)", () => {
    const member = new OneMember({ log: [1, 2, 2], options });
    member.lead();
    for (const id of [2, 3]) expect(member.peer(id)).toMatchObject({ matched: 0, next: 4 });
  });

  it("after a refusal the leader goes back and tries again, until the logs agree (5.3)", () => {
    const member = new OneMember({ log: [1, 2, 3], options });
    const sent = to(2, member.lead());
    expect(sent).toMatchObject([{ previous: at(3, 3) }]);
    expect(to(2, member.hear(rejected(2, 4, 3, at(2, 0))))).toMatchObject([{ previous: at(2, 2) }]);
    expect(to(2, member.hear(rejected(2, 4, 2, at(1, 0))))).toMatchObject([{ previous: at(1, 1) }]);
    member.hear(accepted(2, 4, 4));
    expect(member.peer(2)).toMatchObject({ matched: 4, next: 5, state: "replicate" });
  });

  it("a refusal that arrives late moves nothing (5.3)", () => {
    const member = leader({ log: [1, 2, 3], options });
    expect(member.hear(rejected(2, 4, 3, at(0, 0)))).toEqual([]);
    expect(member.peer(2)).toMatchObject({ matched: 4, next: 5 });
  });

  it("one refusal is enough for each term in which the logs differ (5.3)", () => {
    const mine = [1, ...new Array<Term>(50).fill(5), 6];
    const theirs = [1, ...new Array<Term>(80).fill(2), ...new Array<Term>(90).fill(4)];
    const member = new OneMember({ log: mine, options });
    const follower = new OneMember({ id: 2, log: theirs, options });
    let refusals = 0;
    let sent = to(2, member.lead());
    while (sent.length > 0) {
      const answers = follower.hear(...sent);
      refusals += only("append-rejected", answers).length;
      sent = to(2, member.hear(...answers));
    }
    expect(follower.terms).toEqual(member.terms);
    expect(refusals).toBeLessThanOrEqual(2);
  });

  it.each([
    ["a", "lacks an entry", [1, 1, 1, 4, 4, 5, 5, 6, 6]],
    ["b", "lacks many entries", [1, 1, 1, 4]],
    ["c", "has one too many of the same term", [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6]],
    ["d", "has two of a newer term", [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7]],
    ["e", "has old ones in the place of newer", [1, 1, 1, 4, 4, 4, 4]],
    ["f", "has old ones of other leaders", [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3]],
  ])(
    "a leader makes the log of follower %s equal to its own, though it %s (figure 7)",
    (_letter, _what, log) => {
      const member = new OneMember({ log: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6], term: 7, options });
      const follower = new OneMember({ id: 2, log, term: 7, options });
      converse(member.lead(), member, follower);
      expect(follower.terms).toEqual([1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 8]);
      expect(member.peer(2)).toMatchObject({ matched: 11, state: "replicate" });
    },
  );

  it("whatever two logs hold, the follower's ends up equal to the leader's (5.3)", () => {
    const steps = fc.array(fc.constantFrom(0, 0, 0, 2, 4), { maxLength: 20 });
    fc.assert(
      fc.property(steps, steps, steps, (both, mine, theirs) => {
        const shared = [1, ...termsFrom(1, both)];
        const fork = shared.at(-1)!;
        // Behind the fork no term is in both logs, since a leader fills its term alone.
        const member = new OneMember({ log: [...shared, ...termsFrom(fork + 1, mine)], term: 100, options });
        const log = [...shared, ...termsFrom(fork + 2, theirs)];
        const follower = new OneMember({ id: 2, log, term: 100, options });
        converse(member.lead(), member, follower);
        converse(member.tick(2), member, follower);
        expect(follower.terms).toEqual(member.terms);
        expect(follower.raft.log.committed).toBe(member.raft.log.committed);
      }),
      { numRuns: 100 },
    );
  });

  it("a leader never overwrites or removes entries of its own log (5.3, Leader Append-Only)", () => {
    const member = leader({ log: [1, 1], options });
    member.propose("a");
    const before = member.terms;
    const refusal = member.refusalOf(append(3, 2, at(1, 1), [2, 2, 2]));
    expect(refusal).toMatchObject({ refused: "malformed" });
    member.hear(rejected(2, 2, 4, at(0, 0)));
    expect(member.terms).toEqual(before);
  });

  it("a leader does not commit an entry of an earlier term by counting copies (5.4.2)", () => {
    const member = new OneMember({ voters: FIVE, log: [1, 2], term: 3, options });
    member.lead();
    member.hear(accepted(2, 4, 2), accepted(3, 4, 2), accepted(4, 4, 2), accepted(5, 4, 2));
    expect(member.raft.log.committed).toBe(1);
    member.hear(accepted(2, 4, 3), accepted(3, 4, 3));
    expect(member.raft.log.committed).toBe(3);
  });

  it("an entry that a majority holds can still be replaced, so it was not committed (figure 8)", () => {
    const cluster = new PureCluster({
      voters: FIVE,
      options: { ...options, preVote: false, checkQuorum: false, messageBytesMax: 1 },
    });
    cluster.elect(1);
    // (a) The leader of term 2 brings an entry to one other.
    cluster.partition([1, 2], [3, 4, 5]);
    cluster.propose(1, "replaced in the end");
    cluster.stabilize();
    cluster.crash(1);
    // (b) Another, elected in term 3, writes its first entry in the same place, and tells nobody.
    cluster.campaign(5);
    deliverBut(cluster, ({ kind }) => kind === "append");
    expect(cluster.raft(5).log.last).toEqual(at(3, 3));
    cluster.crash(5);
    // (c) The first leads again, in term 4, and brings its old entry to a majority; its new one gets lost.
    cluster.restart(1);
    cluster.partition([1, 3, 4], [2, 5]);
    for (let election = 0; election < 2; election++) {
      cluster.campaign(1);
      deliverBut(cluster, ({ kind, to }) => kind === "append" && cluster.raft(to).log.lastIndex === 3);
    }
    for (const id of [1, 3, 4]) expect(cluster.raft(id).log.termAt(3)).toBe(2);
    expect(cluster.raft(1).status()).toMatchObject({ role: "leader", term: 4, committed: 2 });
    expect([3, 4].map((id) => cluster.raft(1).status().progress[id - 1]?.matched)).toEqual([3, 3]);
    cluster.crash(1);
    // (d) The other leads again, with the votes of those whose last entry is older, and replaces it everywhere.
    cluster.restart(5);
    cluster.heal();
    for (let election = 0; election < 2; election++) {
      cluster.campaign(5);
      cluster.stabilize();
    }
    for (const id of [2, 3, 4, 5]) expect(cluster.raft(id).log.termAt(3)).toBe(3);
    expect(cluster.raft(5).log.committed).toBe(4);
  });

  it("an elected leader holds every committed entry, or it is not elected (5.4.3, Leader Completeness)", () => {
    const cluster = new PureCluster({
      voters: FIVE,
      options: { ...options, preVote: false, checkQuorum: false },
    });
    cluster.elect(1);
    cluster.partition([1, 2, 3], [4, 5]);
    cluster.propose(1, "agreed");
    cluster.stabilize();
    cluster.crash(1);
    cluster.heal();
    for (const id of [4, 5, 4, 5]) {
      cluster.campaign(id);
      cluster.stabilize();
      expect(cluster.raft(id).role).not.toBe("leader");
    }
    cluster.campaign(2);
    cluster.stabilize();
    expect(cluster.raft(2).role).toBe("leader");
    expect(cluster.raft(2).log.committed).toBe(4);
  });

  it("a leader's first act is a blank entry, whose commitment shows it what was committed before (8)", () => {
    const member = new OneMember({ log: [1, 2, 2], commit: 2, options });
    const [sent] = only("append", member.lead());
    expect(sent?.entries).toMatchObject([{ ...at(4, 3), kind: "command", data: new Uint8Array(0) }]);
    member.hear(accepted(2, 3, 4));
    expect(member.raft.log.committed).toBe(4);
  });

  it("a follower that was down is brought up to date when it returns (5.5)", () => {
    const cluster = new PureCluster({ voters: [1, 2, 3], options });
    cluster.elect(1);
    cluster.crash(3);
    for (let count = 0; count < 20; count++) cluster.propose(1, `entry ${count}`);
    cluster.stabilize();
    cluster.restart(3);
    cluster.run(5);
    expect(cluster.raft(3).log.applied).toBe(22);
  });

  it("a server that restarts applies no entry before it knows again that it is committed (figure 2, volatile state)", () => {
    const before = new OneMember({ options });
    before.hear(append(2, 2, at(1, 1), [2, 2, 2], 2));
    const member = before.restarted({ options });
    member.tick(1);
    expect(textsOf(member.applied)).toEqual(["2@2"]);
    member.hear(append(2, 2, at(4, 2), [], 4));
    expect(textsOf(member.applied)).toEqual(["2@2", "3@2", "4@2"]);
  });

  it("no server applies another entry at an index that one has applied (5.4.3, State Machine Safety)", () => {
    const cluster = new PureCluster({ voters: [1, 2, 3], options });
    cluster.elect(1);
    cluster.isolate(1);
    cluster.propose(1, "never agreed");
    cluster.stabilize();
    cluster.run(30);
    const next = cluster.leader!;
    expect(next.id).not.toBe(1);
    cluster.propose(next.id, "agreed");
    cluster.stabilize();
    cluster.heal();
    cluster.run(20);
    const logs = [1, 2, 3].map((id) => {
      const { log } = cluster.raft(id);
      return textsOf(log.slice(3, log.committed, Number.POSITIVE_INFINITY));
    });
    expect(logs[0]).toContain("agreed");
    expect(logs[0]).not.toContain("never agreed");
    expect(logs[1]).toEqual(logs[0]);
    expect(logs[2]).toEqual(logs[0]);
  });
});

/** Delivers all messages but those that get lost. */
function deliverBut(cluster: PureCluster, isLost: (message: Message) => boolean): void {
  while (cluster.network.length > 0) {
    if (isLost(cluster.network[0]!)) cluster.drop(0);
    else cluster.deliver(0);
  }
}

/** Terms that rise by these steps from a first term. */
function termsFrom(first: Term, steps: readonly number[]): Term[] {
  let term = first;
  return steps.map((step) => {
    term += step;
    return term;
  });
}
