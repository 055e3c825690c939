import { describe, expect, it } from "vitest";
import type { Proposal } from "../../../src/log/entry.ts";
import { leader, OneMember } from "../one-member.ts";
import {
  accepted,
  append,
  at,
  command,
  granted,
  heartbeat,
  heartbeatReply,
  ME,
  only,
  PROFILES,
  textsOf,
  timeoutNow,
  vote,
} from "../paper-steps.ts";
import { PureCluster } from "../pure-cluster.ts";

const FIVE = [1, 2, 3, 4, 5];

describe.each(PROFILES)("Raft's clients %s", (_name, options) => {
  it("a follower passes a client's command on to the leader (8)", () => {
    const member = new OneMember({ options });
    member.hear(heartbeat(2, 2));
    expect(member.propose("a")).toMatchObject([
      { kind: "propose", from: ME, to: 2, term: 0, proposals: [command("a")] },
    ]);
  });

  it("a server that knows no leader refuses a command, and it leaves no trace (8)", () => {
    const member = new OneMember({ options });
    expect(member.refusalOfProposal()).toEqual({ refused: "no-leader" });
    member.stand();
    expect(member.refusalOfProposal()).toEqual({ refused: "no-leader" });
    expect(member.last).toEqual(at(1, 1));
  });

  it("a server may refuse to pass commands on; it says who leads instead (8)", () => {
    const member = new OneMember({ options: { ...options, forwardProposals: false } });
    member.hear(heartbeat(2, 2));
    expect(member.refusalOfProposal()).toEqual({ refused: "not-leader" });
    expect(member.raft.leader).toBe(2);
  });

  it("commands that are proposed together lie side by side in the log (8)", () => {
    const member = leader({ options });
    member.propose("a", "b", "c");
    expect(member.proposed.at(-1)?.result).toEqual(at(3, 2));
    expect(textsOf(member.raft.log.slice(3, 5, Number.POSITIVE_INFINITY))).toEqual(["a", "b", "c"]);
  });

  it("the leader asks a majority whether it still leads before it answers a read (8, thesis 6.4)", () => {
    const member = leader({ voters: FIVE, options });
    const asked = only("heartbeat", member.read(7));
    expect(asked).toHaveLength(4);
    member.hear(heartbeatReply(2, 2, asked[0]!.readRound));
    expect(member.reads).toEqual([]);
    member.hear(heartbeatReply(3, 2, asked[0]!.readRound));
    expect(member.reads).toEqual([{ request: 7, result: 2 }]);
  });

  it("a read sees all that was committed when it began, and need not see more (thesis 6.4)", () => {
    const member = leader({ options });
    const [asked] = only("heartbeat", member.read(7));
    member.propose("a");
    member.hear(accepted(2, 2, 3));
    expect(member.raft.log.committed).toBe(3);
    member.hear(heartbeatReply(3, 2, asked!.readRound));
    expect(member.reads).toEqual([{ request: 7, result: 2 }]);
  });

  it("a leader that has committed nothing in its term answers no read: it may lack news (8, thesis 6.4)", () => {
    const member = new OneMember({ log: [1, 1, 1], options });
    member.lead();
    expect(only("heartbeat", member.read(7))).toEqual([]);
    const asked = [...member.hear(accepted(2, 2, 4)), ...member.tick(1)];
    member.hear(heartbeatReply(2, 2, only("heartbeat", asked)[0]!.readRound));
    expect(member.reads).toEqual([{ request: 7, result: 4 }]);
  });

  it("a leader that was replaced without knowing answers no read (8, thesis 6.4)", () => {
    const cluster = new PureCluster({ voters: [1, 2, 3], options });
    cluster.elect(1);
    cluster.isolate(1);
    cluster.run(40);
    const next = cluster.leader!;
    expect(next.id).not.toBe(1);
    cluster.propose(next.id, "the old leader cannot know this");
    cluster.stabilize();
    const request = cluster.read(1);
    cluster.stabilize();
    cluster.heal();
    cluster.run(30);
    expect(typeof cluster.member(1).outcomes.get(request)).not.toBe("number");
  });

  it("answers to an earlier question confirm no later read (thesis 6.4)", () => {
    const member = leader({ options });
    const [first] = only("heartbeat", member.read(1));
    member.read(2);
    member.hear(heartbeatReply(2, 2, first!.readRound));
    expect(member.reads.map(({ request }) => request)).toEqual([1]);
  });

  it("reads that arrive together share one question (thesis 6.4)", () => {
    const member = leader({ options });
    const sent = member.does((raft) => {
      for (let request = 1; request <= 10; request++) raft.read(request);
    });
    expect(only("heartbeat", sent)).toHaveLength(2);
    member.hear(heartbeatReply(2, 2, only("heartbeat", sent)[0]!.readRound));
    expect(member.reads).toHaveLength(10);
  });

  it("a follower serves a read at an index that it asks the leader for (thesis 6.4)", () => {
    const cluster = new PureCluster({ voters: [1, 2, 3], learners: [4], options });
    cluster.elect(1);
    cluster.propose(1, "a");
    cluster.stabilize();
    for (const id of [2, 4]) {
      const request = cluster.read(id);
      cluster.stabilize();
      cluster.run(2);
      expect(cluster.member(id).outcomes.get(request)).toBe(3);
    }
  });

  it("a group of one answers reads without asking anyone (thesis 6.4)", () => {
    const member = leader({ voters: [1], options });
    expect(member.read(7)).toEqual([]);
    expect(member.reads).toEqual([{ request: 7, result: 2 }]);
  });
});

describe("reads by lease", () => {
  const options = { leaseReads: true, electionTicks: 10, leaseMarginTicks: 2 };

  it("while a majority has answered of late the leader answers reads at once (thesis 6.4.1)", () => {
    const member = leader({ options });
    const [asked] = only("heartbeat", member.tick(1));
    member.hear(heartbeatReply(2, 2, asked!.readRound));
    expect(member.read(7)).toEqual([]);
    expect(member.reads).toEqual([{ request: 7, result: 2 }]);
  });

  it("the lease counts from when the question was asked, and ends before voters would elect another (thesis 6.4.1)", () => {
    const member = leader({ options });
    const [asked] = only("heartbeat", member.tick(1));
    member.tick(3);
    member.hear(heartbeatReply(2, 2, asked!.readRound));
    member.tick(4);
    member.read(1);
    expect(member.reads).toHaveLength(1);
    member.tick(1);
    member.read(2);
    expect(member.reads).toHaveLength(1);
  });

  it("a leader that hands over has no lease any more (thesis 6.4.1)", () => {
    const member = leader({ options });
    const [asked] = only("heartbeat", member.tick(1));
    member.hear(heartbeatReply(2, 2, asked!.readRound));
    member.transfer(3);
    member.read(7);
    expect(member.reads).toEqual([]);
  });
});

describe.each(PROFILES)("Raft's leadership transfer %s", (_name, options) => {
  it("the leader takes no commands while it hands over (thesis 3.10)", () => {
    const member = leader({ options });
    member.propose("a");
    member.transfer(3);
    expect(member.refusalOfProposal()).toMatchObject({ refused: "transferring" });
  });

  it("the target is brought up to date before it is asked to stand (thesis 3.10)", () => {
    const member = leader({ options });
    member.propose("a");
    expect(only("timeout-now", member.transfer(3))).toEqual([]);
    expect(only("timeout-now", member.hear(accepted(3, 2, 2)))).toEqual([]);
    expect(only("timeout-now", member.hear(accepted(3, 2, 3)))).toMatchObject([{ to: 3, term: 2 }]);
  });

  it("a target that has the whole log is asked at once (thesis 3.10)", () => {
    const member = leader({ options });
    expect(member.transfer(3)).toMatchObject([{ kind: "timeout-now", to: 3, term: 2 }]);
  });

  it("a server that is asked to stand does so at once, in a new term and without pre-vote (thesis 3.10)", () => {
    const member = new OneMember({ term: 2, options });
    member.hear(heartbeat(2, 2));
    const asked = member.hear(timeoutNow(2, 2));
    expect(only("vote", asked)).toMatchObject([2, 3].map((to) => ({ to, term: 3, transfer: true })));
    member.hear(granted(3, 3));
    expect(member.raft.status()).toMatchObject({ role: "leader", term: 3 });
  });

  it("an election for a hand-over passes by the voters' patience with their leader (thesis 4.2.3)", () => {
    const member = new OneMember({ options });
    member.hear(heartbeat(3, 2));
    expect(member.hear(vote(2, 3, at(1, 1), true))).toMatchObject([{ kind: "vote-reply", granted: true }]);
  });

  it("the old leader steps down when the target is elected, and the group goes on (thesis 3.10)", () => {
    const cluster = new PureCluster({ voters: [1, 2, 3], options });
    cluster.elect(1);
    cluster.propose(1, "a");
    cluster.transfer(1, 3);
    cluster.stabilize();
    expect(cluster.raft(3).status()).toMatchObject({ role: "leader", term: 3 });
    expect(cluster.raft(1).status()).toMatchObject({ role: "follower", leader: 3 });
    cluster.propose(3, "b");
    cluster.stabilize();
    expect(cluster.raft(3).log.committed).toBe(5);
  });

  it("a hand-over that takes longer than an election timeout is given up (thesis 3.10)", () => {
    const member = leader({ options });
    member.propose("a");
    member.transfer(3);
    member.hear(heartbeatReply(2, 2));
    member.tick(10);
    expect(member.raft.status()).toMatchObject({ role: "leader", transferTo: undefined });
    expect(member.refusalOfProposal()).toBeUndefined();
  });

  it("leadership goes only to a voter of the group (thesis 3.10)", () => {
    const member = leader({ learners: [4], options });
    for (const target of [4, 9]) member.transfer(target);
    expect(member.raft.status().transferTo).toBeUndefined();
  });

  it("a follower asks its leader to hand over (thesis 3.10)", () => {
    const member = new OneMember({ options });
    member.hear(append(2, 2, at(1, 1), []));
    expect(member.transfer(3)).toMatchObject([{ kind: "transfer-leader", to: 2, target: 3 }]);
  });

  it("a proposal is appended whole or not at all (8)", () => {
    const member = leader({ options: { ...options, uncommittedBytesMax: 100 } });
    member.propose("a");
    const big: Proposal = { kind: "command", data: new Uint8Array(200) };
    expect(member.refusalOfProposal(big)).toMatchObject({ refused: "over-budget" });
    expect(member.last).toEqual(at(3, 2));
  });
});
