import { describe, expect, it } from "vitest";
import type { Entry } from "../../src/log/entry.ts";
import { EMPTY_MEMBERSHIP, type MemberChange, type Membership } from "../../src/raft/membership.ts";
import { encodeMembershipChange } from "../../src/raft/membership-codec.ts";
import type { Message } from "../../src/raft/message.ts";
import type { RaftState } from "../../src/raft/raft.ts";
import { leader, OneMember, type Start } from "./one-member.ts";
import {
  accepted,
  add,
  addLearner,
  append,
  at,
  heartbeat,
  heartbeatReply,
  only,
  preVote,
  preVoteRefused,
  refused,
  rejected,
  remove,
  snapshot,
  timeoutNow,
  vote,
} from "./paper-steps.ts";

const LEASES = { leaseReads: true, electionTicks: 10 };

/** A follower of member 2 in term 2, past the time after its start in which it votes for nobody. */
function follower(options: Start["options"] = {}): OneMember {
  const member = new OneMember({ options: { ...LEASES, ...options } });
  member.tick(9);
  member.hear(append(2, 2, at(1, 1), [2], 2));
  return member;
}

const hasVotedFor = (candidate: number, sent: readonly Message[]): boolean =>
  only("vote-reply", sent).some(({ granted, to }) => granted && to === candidate);

/** By which a member can learn of term 3 from member 3. */
const NEWS: readonly (readonly [string, Message])[] = [
  ["a refused pre-vote", preVoteRefused(3, 3)],
  ["a refused vote", refused(3, 3)],
  ["a rejected append", rejected(3, 3, 2, at(1, 1))],
  ["an acknowledged append", accepted(3, 3, 0)],
  ["an answer to a heartbeat", heartbeatReply(3, 3)],
  ["a request to hand over", { kind: "transfer-leader", from: 3, to: 1, term: 3, target: 3 }],
];

describe("where leaders have leases, a member that heard from one", () => {
  it.each(NEWS)(
    "votes for nobody for an election timeout, also once it learnt of a newer term by %s",
    (_, news) => {
      const member = follower();
      member.hear(news);
      expect(member.raft).toMatchObject({ term: 3, leader: undefined });
      for (let tick = 0; tick < 10; tick++) {
        expect(hasVotedFor(3, member.hear(vote(3, 3, at(9, 2))))).toBe(false);
        expect(hasVotedFor(3, member.hear(vote(3, 4, at(9, 2))))).toBe(false);
        expect(
          only("pre-vote-reply", member.hear(preVote(3, 3, at(9, 2)))).some(({ granted }) => granted),
        ).toBe(false);
        expect(member.raft.campaign()).toMatchObject({ refused: "lease" });
        member.tick();
      }
      expect(member.raft.term).toBe(3);
      expect(hasVotedFor(3, member.hear(vote(3, 3, at(9, 2))))).toBe(true);
    },
  );

  it("votes at once for the one that this leader has asked to stand", () => {
    const member = follower();
    member.hear(heartbeatReply(3, 3));
    expect(hasVotedFor(3, member.hear(vote(3, 3, at(9, 2), true)))).toBe(true);
  });

  it("stands at once when this leader asks for it", () => {
    const member = follower();
    expect(only("vote", member.hear(timeoutNow(2, 2))).map(({ transfer }) => transfer)).toEqual([true, true]);
  });

  it("counts from the last word of a leader, whichever it was: append, heartbeat or snapshot", () => {
    const words = [append(2, 2, at(2, 2), [2]), heartbeat(2, 2), snapshot(2, 2, at(9, 2))];
    for (const word of words) {
      const member = follower();
      member.tick(8);
      member.hear(word, heartbeatReply(3, 3));
      member.tick(9);
      expect(hasVotedFor(3, member.hear(vote(3, 3, at(9, 2))))).toBe(false);
      member.tick();
      expect(hasVotedFor(3, member.hear(vote(3, 3, at(9, 2))))).toBe(true);
    }
  });

  it("does not stand even if its own election timeout is over sooner", () => {
    const member = follower();
    member.does((raft) => raft.overrideElectionTimeout(3));
    expect(member.tick(9)).toEqual([]);
    expect(member.raft.role).toBe("follower");
  });

  it("may have done so before it started: it votes for nobody for an election timeout after a start", () => {
    const starts: readonly (readonly [string, Start])[] = [
      ["as one of several voters", {}],
      ["as a learner, which may be a voter by now", { voters: [2, 3], learners: [1] }],
      ["knowing nothing, as one that was added as a voter and has saved nothing yet", { state: NOTHING }],
      [
        "as the only voter, but its log says that another was added",
        alone([{ kind: "add-voter", member: 2 }], 1),
      ],
      ["the same, when it knows that the change is committed", alone([{ kind: "add-voter", member: 2 }], 2)],
      ["between two configurations", { membership: { voters: [1], outgoing: [1, 2] } }],
      ["as the only voter, with a disk that has lost something", lossy()],
    ];
    for (const [how, start] of starts) {
      const member = new OneMember({ ...start, options: LEASES });
      member.tick(9);
      expect([how, hasVotedFor(3, member.hear(vote(3, 5, at(9, 4))))]).toEqual([how, false]);
      expect([how, member.raft.term < 5]).toEqual([how, true]);
    }
  });
});

const NOTHING: RaftState = {
  hardState: { term: 0, vote: undefined, commit: 0 },
  snapshot: undefined,
  entries: [],
  applied: 0,
};

/** A member that was the only voter when its snapshot was taken, and whose log holds these changes. */
function alone(changes: readonly MemberChange[], commit: number, start: Partial<Membership> = {}): Start {
  const membership: Membership = { ...EMPTY_MEMBERSHIP, voters: [1], ...start };
  const entries = changes.map((change, place): Entry => {
    const data = encodeMembershipChange({
      transition: "auto",
      changes: [change],
      context: new Uint8Array(0),
    });
    return { index: 2 + place, term: 1, kind: "membership", data };
  });
  const hardState = { term: 1, vote: undefined, commit };
  return { state: { hardState, snapshot: { index: 1, term: 1, membership }, entries, applied: 1 } };
}

function lossy(): Start {
  return { state: { ...alone([], 1).state!, lostTerm: 1 } };
}

describe("the only voter", () => {
  const starts: readonly (readonly [string, Start])[] = [
    ["of a group of one", alone([], 1)],
    ["beside learners", alone([], 1, { learners: [2, 3] })],
    ["between two configurations of the same voter", alone([], 1, { outgoing: [1], learners: [2] })],
    ["whose log brings a learner", alone([{ kind: "add-learner", member: 2 }], 1)],
    ["whose log brings news of a member", alone([{ kind: "update", member: 1 }], 1)],
    ["with a committed change to apply", alone([{ kind: "update", member: 1 }], 2)],
    ["that others have left", alone([remove(2), remove(3)], 3, { voters: [1, 2, 3] })],
  ];

  it.each(
    starts.flatMap(([name, start]) => [false, true].map((leaseReads) => [name, leaseReads, start] as const)),
  )("%s leads as soon as its host wants it to (with leases: %s)", (_, leaseReads, start) => {
    const member = new OneMember({ ...start, options: { leaseReads }, slowMachine: true });
    member.does((raft) => raft.campaign());
    member.finishApply();
    expect(member.raft.role).toBe("leader");
  });

  it("that heard from a leader waits for it all the same", () => {
    const member = new OneMember({ ...alone([], 1), options: LEASES });
    member.hear(append(2, 2, at(1, 1), [2], 2));
    expect(member.raft.campaign()).toMatchObject({ refused: "lease" });
  });

  it("does not stand late when a leader was heard from before its change was applied", () => {
    const start = alone([{ kind: "update", member: 1 }], 2, { voters: [1, 2] });
    const member = new OneMember({ ...start, slowMachine: true });
    expect(member.raft.campaign()).toMatchObject({ refused: "not-promotable" });
    member.hear(heartbeat(2, 2));
    expect(member.finishApply()).toEqual([]);
    expect(member.raft).toMatchObject({ role: "follower", leader: 2 });
  });
});

describe("a leader", () => {
  it("has no lease once it is not a voter any more, even if it goes on leading", () => {
    const member = leader({ options: { ...LEASES, leaseGuard: false, stepDownOnRemoval: false } });
    member.change([remove(1)]);
    member.hearAllAccept();
    for (let tick = 0; tick < 3; tick++) {
      const [asked] = only("heartbeat", member.tick());
      member.hear(heartbeatReply(2, 2, asked!.readRound), heartbeatReply(3, 2, asked!.readRound));
    }
    expect(member.raft.role).toBe("leader");
    member.read(7);
    expect(member.reads).toEqual([]);
  });

  it("asks both halves of a joint configuration before it reads: the new one alone could not know (6)", () => {
    for (const changes of [
      [add(4), add(5), remove(2), remove(3)],
      [add(4), addLearner(2), addLearner(3)],
    ]) {
      const member = leader();
      member.change(changes, "explicit");
      member.hear(accepted(2, 2, 3));
      expect(member.raft.membership.outgoing).toEqual([1, 2, 3]);
      const [asked] = only("heartbeat", member.read(7));
      member.hear(heartbeatReply(4, 2, asked!.readRound), heartbeatReply(5, 2, asked!.readRound));
      expect(member.reads).toEqual([]);
      member.hear(heartbeatReply(2, 2, asked!.readRound));
      expect(member.reads).toEqual([{ request: 7, result: 3 }]);
    }
  });

  it("asks both halves of a joint configuration before it reads: the old one alone could not know either", () => {
    const member = leader();
    member.change([add(4), add(5), remove(2), remove(3)], "explicit");
    member.hear(accepted(2, 2, 3));
    const [asked] = only("heartbeat", member.read(7));
    member.hear(heartbeatReply(2, 2, asked!.readRound), heartbeatReply(3, 2, asked!.readRound));
    expect(member.reads).toEqual([]);
    member.hear(heartbeatReply(5, 2, asked!.readRound));
    expect(member.reads).toEqual([{ request: 7, result: 3 }]);
  });
});
