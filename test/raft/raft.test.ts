import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { QuorateError } from "../../src/base/errors.ts";
import { Random } from "../../src/base/random.ts";
import type { Entry } from "../../src/log/entry.ts";
import { EMPTY_MEMBERSHIP } from "../../src/raft/membership.ts";
import type { AppendMessage, Message } from "../../src/raft/message.ts";
import type { RaftOptions } from "../../src/raft/options.ts";
import { Raft, type RaftState } from "../../src/raft/raft.ts";
import { command, PureCluster } from "./pure-cluster.ts";

const FIRST = { index: 1, term: 1, membership: { ...EMPTY_MEMBERSHIP, voters: [1, 2, 3] } };
const STATE: RaftState = {
  hardState: { term: 1, vote: undefined, commit: 1 },
  snapshot: FIRST,
  entries: [],
  applied: 1,
};

function makeRaft(options: Partial<RaftOptions> = {}, state: Partial<RaftState> = {}): Raft {
  return new Raft(
    { id: 1, ...options },
    { ...STATE, ...state },
    { random: new Random(1), latestSnapshot: () => undefined },
  );
}

function entries(terms: readonly number[], from = 2): Entry[] {
  return terms.map((term, at) => ({ index: from + at, term, kind: "command", data: Uint8Array.of(term) }));
}

function append(term: number, from: number, sent: readonly Entry[], commit = 1): AppendMessage {
  const first = sent[0]!;
  const previous = { index: first.index - 1, term: first.index === 2 ? 1 : first.term };
  return { kind: "append", from, to: 1, term, previous, entries: sent, commit };
}

describe("a core", () => {
  it("starts with what it saved, and refuses to start with less than it promised", () => {
    const raft = makeRaft({}, { entries: entries([1, 1, 1]), hardState: { term: 3, vote: 2, commit: 3 } });
    expect(raft.status()).toMatchObject({
      term: 3,
      vote: 2,
      committed: 3,
      applied: 1,
      last: { index: 4, term: 1 },
    });
    expect(raft.takeEffects().apply.map(({ index }) => index)).toEqual([2, 3]);
    const lost = { hardState: { term: 3, vote: 2, commit: 9 } };
    expect(() => makeRaft({}, lost)).toThrow(QuorateError);
  });

  it("keeps the entries that lie before its snapshot, and drops a log that the snapshot replaced", () => {
    const snapshot = { ...FIRST, index: 4, term: 1 };
    const kept = makeRaft({}, { snapshot, applied: 4, entries: entries([1, 1, 1, 2]) });
    expect(kept.status()).toMatchObject({ first: 3, last: { index: 5, term: 2 }, applied: 4 });
    const dropped = makeRaft(
      {},
      { snapshot: { ...snapshot, term: 3 }, applied: 4, entries: entries([1, 1, 1, 2]) },
    );
    expect(dropped.status()).toMatchObject({ first: 5, last: { index: 4, term: 3 } });
  });

  it("refuses options that cannot work", () => {
    const cases: Partial<RaftOptions>[] = [
      { id: 0 },
      { electionTicks: 1 },
      { heartbeatTicks: 10 },
      { readsMax: 0 },
      { leaseReads: true, checkQuorum: false },
      { leaseReads: true, quiesceTicks: 5 },
    ];
    for (const options of cases) expect(() => makeRaft(options)).toThrow(QuorateError);
    expect(() => makeRaft({ electionTick: 3 } as Partial<RaftOptions>)).toThrow("no such option");
  });

  it("hands out nothing while there is nothing to do", () => {
    const raft = makeRaft();
    expect(raft.hasEffects()).toBe(false);
    expect(raft.takeEffects()).toMatchObject({
      sendNow: [],
      save: undefined,
      apply: [],
      reads: [],
      proposed: [],
      state: undefined,
    });
  });

  it("never throws, whatever it is sent, and counts what no member could have sent", () => {
    const index = fc.oneof(
      fc.nat(8),
      fc.constantFrom(-1, 1.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY),
    );
    const id = fc.record({ index, term: index });
    const entry = fc.record({
      index,
      term: index,
      kind: fc.constant("command"),
      data: fc.uint8Array({ maxLength: 2 }),
    });
    const message = fc.record({
      kind: fc.constantFrom(
        ...([
          "append",
          "append-accepted",
          "append-rejected",
          "heartbeat-reply",
          "vote",
          "vote-reply",
        ] as const),
        ...(["pre-vote", "pre-vote-reply", "snapshot", "timeout-now", "transfer-leader", "propose"] as const),
        ...(["propose-reply", "read-index", "read-index-reply", "quiesce", "commit-news"] as const),
      ),
      from: fc.nat(4),
      to: fc.constant(1),
      term: index,
      previous: id,
      entries: fc.array(entry, { maxLength: 3 }),
      commit: index,
      matched: index,
      rejected: index,
      hint: id,
      readRound: index,
      last: id,
      committed: fc.constant({ index: 1, term: 1 }),
      transfer: fc.boolean(),
      granted: fc.boolean(),
      snapshot: fc.record({ index, term: index, membership: fc.constant(FIRST.membership) }),
      target: index,
      request: index,
      proposals: fc.array(
        fc.record({ kind: fc.constantFrom("command", "membership"), data: fc.uint8Array({ maxLength: 4 }) }),
      ),
      result: fc.oneof(index, id, fc.constant({ refused: "no-leader" })),
    });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 40 }), fc.boolean(), (messages, isLeader) => {
        const raft = makeRaft({ preVote: false });
        if (isLeader) lead(raft);
        for (const each of messages) {
          raft.step(each as unknown as Message);
          const { save } = raft.takeEffects();
          if (save !== undefined) raft.saved(save);
        }
        expect(raft.failure).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });

  it("fails, with a reason and a dump, when it lacks what it had acknowledged; and takes nothing more", () => {
    const raft = makeRaft();
    raft.step({ kind: "heartbeat", from: 2, to: 1, term: 2, commit: 50, readRound: 0 });
    expect(raft.failure?.reason).toContain("entry 50 was acknowledged, and the log ends at 1");
    expect(raft.failure?.dump).toMatchObject({ status: { id: 1, term: 2 } });
    expect(raft.campaign()).toMatchObject({ refused: "failed" });
    expect(raft.propose(1, [command("x")])).toMatchObject({ refused: "failed" });
    expect(raft.hasEffects()).toBe(false);
    raft.tick();
    raft.compactTo(1);
    expect(raft.takeEffects().sendNow).toEqual([]);
  });

  it("refuses a second leader in a term", () => {
    const raft = makeRaft();
    raft.step({ kind: "heartbeat", from: 2, to: 1, term: 2, commit: 1, readRound: 0 });
    const second = raft.step({ kind: "heartbeat", from: 3, to: 1, term: 2, commit: 1, readRound: 0 });
    expect(second).toMatchObject({ refused: "malformed" });
    expect(raft.leader).toBe(2);
    expect(raft.status().refusedMessages).toBe(1);
  });
});

function lead(raft: Raft): void {
  raft.campaign();
  raft.saved(raft.takeEffects().save!);
  raft.step({ kind: "vote-reply", from: 2, to: 1, term: raft.term, granted: true });
  raft.saved(raft.takeEffects().save!);
}

describe("saves", () => {
  it("may be several under way; what they promise is sent as each of them is done", () => {
    const raft = makeRaft();
    raft.step(append(2, 2, entries([2])));
    const first = raft.takeEffects().save!;
    raft.step(append(2, 2, entries([2], 3)));
    const second = raft.takeEffects().save!;
    raft.saved(first);
    expect(raft.takeEffects().sendNow).toMatchObject([{ kind: "append-accepted", matched: 2 }]);
    raft.saved(second);
    expect(raft.takeEffects().sendNow).toMatchObject([{ kind: "append-accepted", matched: 3 }]);
  });

  it("of entries that were replaced and put back do not count for the later write (A-B-A)", () => {
    const raft = makeRaft();
    raft.step(append(2, 2, entries([2])));
    const a = raft.takeEffects().save!;
    raft.step(append(3, 3, entries([3])));
    const b = raft.takeEffects().save!;
    raft.step(append(4, 2, [{ ...entries([2])[0]! }]));
    const again = raft.takeEffects().save!;
    expect(raft.log.termAt(2)).toBe(2);
    raft.saved(a);
    expect(raft.log.saved).toBe(1); // The disk is about to write B over it.
    raft.saved(b);
    expect(raft.log.saved).toBe(1);
    raft.saved(again);
    expect(raft.log.saved).toBe(2);
  });

  it("come before what is applied: an entry is applied only once the own disk holds it", () => {
    const raft = makeRaft();
    raft.step(append(2, 2, entries([2]), 2));
    const { save, apply } = raft.takeEffects();
    expect(apply).toEqual([]);
    raft.saved(save!);
    expect(raft.takeEffects().apply.map(({ index }) => index)).toEqual([2]);
  });

  it("need no sync of their own when only the commit index has moved", () => {
    const raft = makeRaft();
    raft.step(append(2, 2, entries([2])));
    const first = raft.takeEffects().save!;
    expect(first.mustSync).toBe(true);
    raft.saved(first);
    raft.step({ kind: "heartbeat", from: 2, to: 1, term: 2, commit: 2, readRound: 0 });
    expect(raft.takeEffects().save).toMatchObject({ mustSync: false, hardState: { commit: 2 } });
  });

  it("with a snapshot hold back everything that is to be applied until it is restored", () => {
    const raft = makeRaft();
    raft.step({ kind: "snapshot", from: 2, to: 1, term: 2, snapshot: { ...FIRST, index: 9, term: 2 } });
    const { save } = raft.takeEffects();
    expect(save).toMatchObject({ snapshot: { index: 9 }, mustSync: true });
    expect(raft.campaign()).toMatchObject({ refused: "not-promotable" });
    raft.step(append(2, 2, entries([2], 10), 10));
    const next = raft.takeEffects();
    raft.saved(next.save!);
    expect(raft.takeEffects().apply).toEqual([]);
    raft.saved(save!);
    expect(raft.log.applied).toBe(9);
    expect(raft.takeEffects().apply.map(({ index }) => index)).toEqual([10]);
  });
});

describe("proposals", () => {
  it("get their places side by side, named under the caller's number", () => {
    const cluster = new PureCluster({ voters: [1, 2, 3] });
    cluster.elect(1);
    const { raft, outcomes } = cluster.member(1);
    const request = cluster.propose(1, "a");
    expect(outcomes.get(request)).toEqual({ index: 3, term: 2 });
    expect(raft.propose(70, [])).toMatchObject({ refused: "malformed" });
  });

  it("made on a follower are forwarded, and the leader's answer comes back", () => {
    const cluster = new PureCluster({ voters: [1, 2, 3] });
    cluster.elect(1);
    const request = cluster.propose(2, "a");
    cluster.stabilize();
    expect(cluster.member(2).outcomes.get(request)).toEqual({ index: 3, term: 2 });
    expect(cluster.member(3).applied).toBe(3);
  });

  it("are refused where nobody leads, where forwarding is off, and by a member that does not lead", () => {
    const lost = makeRaft();
    expect(lost.propose(1, [command("a")])).toEqual({ refused: "no-leader" });
    const shy = makeRaft({ forwardProposals: false });
    shy.step({ kind: "heartbeat", from: 2, to: 1, term: 2, commit: 1, readRound: 0 });
    expect(shy.propose(1, [command("a")])).toEqual({ refused: "not-leader" });
    shy.takeEffects();
    shy.step({ kind: "propose", from: 3, to: 1, term: 0, request: 8, proposals: [command("a")] });
    expect(shy.takeEffects().sendNow).toEqual([
      { kind: "propose-reply", from: 1, to: 3, term: 0, request: 8, result: { refused: "not-leader" } },
    ]);
  });

  it("are refused when too many bytes wait for a majority, but for one and for those without data", () => {
    const cluster = new PureCluster({ voters: [1, 2, 3], options: { uncommittedBytesMax: 100 } });
    cluster.elect(1);
    cluster.isolate(1);
    const outcome = (text: string): unknown => cluster.member(1).outcomes.get(cluster.propose(1, text));
    expect(outcome("x".repeat(500))).toMatchObject({ index: 3 });
    expect(outcome("x")).toMatchObject({ refused: "over-budget" });
    expect(outcome("")).toMatchObject({ index: 4 });
    cluster.heal();
    cluster.run(3);
    expect(cluster.raft(1).status().uncommittedBytes).toBe(0);
    expect(outcome("x")).toMatchObject({ index: 5 });
  });
});

describe("a group that has nothing to do", () => {
  it("falls asleep, so that ticks send nothing, and wakes when someone asks for something", () => {
    const cluster = new PureCluster({ voters: [1, 2, 3], options: { quiesceTicks: 5 } });
    cluster.elect(1);
    cluster.run(10);
    expect([1, 2, 3].map((id) => cluster.raft(id).status().isAsleep)).toEqual([true, true, true]);
    for (let tick = 0; tick < 100; tick++) for (const id of [1, 2, 3]) cluster.tick(id);
    expect(cluster.network).toEqual([]);
    cluster.propose(2, "good morning");
    cluster.run(1);
    expect(cluster.member(3).applied).toBe(3);
    expect(cluster.leader?.id).toBe(1);
  });

  it("finds out that its leader died in its sleep once someone asks", () => {
    const cluster = new PureCluster({ voters: [1, 2, 3], options: { quiesceTicks: 5 } });
    cluster.elect(1);
    cluster.run(10);
    cluster.crash(1);
    cluster.propose(2, "is anybody there?");
    cluster.run(80);
    expect([2, 3]).toContain(cluster.leader?.id);
  });

  it("is found by a learner that starts anew, though it can wake nobody by standing for election", () => {
    const cluster = new PureCluster({ voters: [1, 2, 3], learners: [4], options: { quiesceTicks: 5 } });
    cluster.elect(1);
    cluster.run(10);
    cluster.crash(4);
    cluster.restart(4);
    cluster.run(40);
    expect(cluster.raft(4).status().leader).toBe(1);
    expect([1, 2, 3, 4].map((id) => cluster.raft(id).status().isAsleep)).toEqual([true, true, true, true]);
  });
});

describe("snapshots to followers", () => {
  it("bring back a follower that lacks what is compacted away", () => {
    const cluster = new PureCluster({ voters: [1, 2, 3] });
    cluster.elect(1);
    cluster.crash(3);
    for (let count = 0; count < 5; count++) cluster.propose(1, "x");
    cluster.stabilize();
    cluster.snapshot(1);
    cluster.restart(3);
    cluster.run(3);
    expect(cluster.raft(3).log).toMatchObject({ applied: 7, firstIndex: 8 });
    expect(cluster.raft(1).status().progress[2]).toMatchObject({ state: "replicate", matched: 7 });
  });

  it("are sent again after the host says that one was lost", () => {
    const cluster = new PureCluster({ voters: [1, 2, 3] });
    cluster.elect(1);
    cluster.crash(3);
    cluster.propose(1, "x");
    cluster.stabilize();
    cluster.snapshot(1);
    cluster.restart(3);
    const { raft } = cluster.member(1);
    while (raft.status().progress[2]!.state !== "snapshot") {
      cluster.tick(1);
      while (cluster.network.length > 0 && cluster.network[0]!.kind !== "snapshot") cluster.deliver();
    }
    cluster.network = [];
    cluster.run(5);
    expect(raft.status().progress[2]).toMatchObject({ state: "snapshot", pendingSnapshot: 3 });
    raft.reportSnapshot(3, false);
    cluster.run(3);
    expect(cluster.raft(3).log.applied).toBe(3);
  });
});
