import { describe, expect, it } from "vitest";
import type { Role } from "../../../src/raft/role.ts";
import { leader, OneMember, type Start } from "../one-member.ts";
import {
  accepted,
  append,
  at,
  granted,
  heartbeat,
  ME,
  only,
  PROFILES,
  preVote,
  preVoteGranted,
  preVoteRefused,
  refused,
  rejected,
  snapshot,
  vote,
} from "../paper-steps.ts";
import { PureCluster } from "../pure-cluster.ts";

const FIVE = [1, 2, 3, 4, 5];

/** A member in some role, in term 2 or, as a follower that voted, in term 2 as well. */
function inRole(role: Role["kind"], options: Start["options"] = {}): OneMember {
  if (role === "leader") return leader({ options });
  const member = new OneMember({ term: role === "pre-candidate" ? 2 : 1, options });
  if (role === "candidate") member.stand();
  if (role === "pre-candidate") member.timeOut();
  if (role === "follower") member.hear(heartbeat(2, 2));
  return member;
}

describe.each(PROFILES)("Raft's elections %s", (_name, options) => {
  it.each(["follower", "candidate", "leader"] as const)(
    "a %s that hears of a newer term begins it as a follower who has not voted (5.1)",
    (role) => {
      for (const message of [
        append(3, 7, at(1, 1), []),
        heartbeat(3, 7),
        snapshot(3, 7, at(9, 7)),
        refused(3, 7),
        accepted(3, 7, 1),
        rejected(3, 7, 1, at(0, 0)),
      ]) {
        const member = inRole(role, options);
        member.hear(message);
        expect(member.raft.status()).toMatchObject({ role: "follower", term: 7, vote: undefined });
      }
    },
  );

  it.each(["follower", "candidate", "leader"] as const)(
    "a %s takes nothing from an older term (5.1)",
    (role) => {
      for (const message of [
        append(3, 1, at(1, 1), [1]),
        heartbeat(3, 1, 1),
        snapshot(3, 1, at(9, 1)),
        vote(3, 1, at(9, 1)),
        granted(3, 1),
        accepted(3, 1, 1),
      ]) {
        const member = inRole(role, options);
        const { term, vote, role: before, last, committed } = member.raft.status();
        const answers = member.hear(message);
        expect(member.raft.status()).toMatchObject({ role: before, term, vote, last, committed });
        expect(answers.filter((answer) => "granted" in answer && answer.granted)).toEqual([]);
      }
    },
  );

  it("a server starts as a follower that knows no leader (5.2)", () => {
    const member = new OneMember({ term: 4, vote: ME, options });
    expect(member.raft.role).toBe("follower");
    expect(member.raft.leader).toBeUndefined();
  });

  it("a follower remains one as long as it hears from a leader (5.2)", () => {
    const member = new OneMember({ options });
    for (let beat = 0; beat < 30; beat++) {
      member.hear(beat % 2 === 0 ? heartbeat(2, 2) : append(2, 2, at(1, 1), []));
      member.tick(9);
    }
    expect(member.raft.status()).toMatchObject({ role: "follower", term: 2, leader: 2 });
  });

  it("what a former leader sends does not keep a follower from standing (figure 2)", () => {
    const member = new OneMember({ term: 5, options });
    member.tick(5);
    member.hear(heartbeat(2, 3), append(2, 4, at(1, 1), []));
    expect(member.raft.status()).toMatchObject({ electionElapsed: 5, leader: undefined });
  });

  it("a follower that hears nothing stands: a new term, its own vote, and all others asked at once (5.2)", () => {
    const member = new OneMember({ voters: FIVE, log: [1, 2, 2], term: 3, options });
    const asked = member.stand();
    expect(member.raft.status()).toMatchObject({ role: "candidate", term: 4, vote: ME });
    expect(asked).toEqual(
      [2, 3, 4, 5].map((to) => {
        return { kind: "vote", from: ME, to, term: 4, last: at(3, 2), transfer: false };
      }),
    );
  });

  it("a candidate with the votes of a majority leads (5.2)", () => {
    for (const [voters, votesOfOthers] of [
      [[1], 0],
      [[1, 2], 1],
      [[1, 2, 3], 1],
      [[1, 2, 3, 4], 2],
      [FIVE, 2],
      [[1, 2, 3, 4, 5, 6, 7], 3],
    ] as const) {
      const member = new OneMember({ voters, options });
      member.stand();
      for (let voter = 2; voter <= 1 + votesOfOthers; voter++) {
        expect(member.raft.role, `${voter - 1} of ${voters}`).toBe("candidate");
        member.hear(granted(voter, 2));
      }
      expect(member.raft.role, `all of ${voters}`).toBe("leader");
    }
  });

  it("a vote counts once, however often it arrives (5.2)", () => {
    const member = new OneMember({ voters: FIVE, options });
    member.stand();
    member.hear(granted(2, 2), granted(2, 2), granted(2, 2));
    expect(member.raft.role).toBe("candidate");
  });

  it("the votes of an earlier election do not count in the next one (5.2)", () => {
    const member = new OneMember({ voters: FIVE, options });
    member.stand();
    member.hear(granted(2, 2));
    member.stand();
    member.hear(granted(3, 2), granted(4, 3));
    expect(member.raft.status()).toMatchObject({ role: "candidate", term: 3 });
  });

  it("a candidate that a majority refuses waits as a follower (5.2)", () => {
    const member = new OneMember({ voters: FIVE, options });
    member.stand();
    member.hear(refused(2, 2), granted(3, 2), refused(4, 2));
    expect(member.raft.role).toBe("candidate");
    member.hear(refused(5, 2));
    expect(member.raft.status()).toMatchObject({ role: "follower", term: 2, vote: ME });
  });

  it("a server votes for at most one candidate in a given term, first come first served (5.2)", () => {
    const member = new OneMember({ options });
    const answer = { kind: "vote-reply", from: ME, term: 2 };
    expect(only("vote-reply", member.hear(vote(2, 2, at(1, 1))))).toEqual([
      { ...answer, to: 2, granted: true },
    ]);
    expect(only("vote-reply", member.hear(vote(3, 2, at(5, 1))))).toEqual([
      { ...answer, to: 3, granted: false },
    ]);
    expect(only("vote-reply", member.hear(vote(2, 2, at(1, 1))))).toEqual([
      { ...answer, to: 2, granted: true },
    ]);
  });

  it("a candidate has given its vote to itself and gives it to no rival of the same term (5.2)", () => {
    const member = new OneMember({ options });
    member.stand();
    expect(only("vote-reply", member.hear(vote(2, 2, at(9, 1))))).toMatchObject([
      { kind: "vote-reply", granted: false },
    ]);
  });

  it("a server may vote again in the next term (5.2)", () => {
    const member = new OneMember({ options });
    member.hear(vote(2, 2, at(1, 1)));
    expect(only("vote-reply", member.hear(vote(3, 3, at(1, 1))))).toMatchObject([{ term: 3, granted: true }]);
  });

  it("a server that restarts remembers its term and its vote (figure 2, persistent state)", () => {
    const before = new OneMember({ options });
    before.hear(vote(2, 5, at(1, 1)));
    const member = before.restarted({ options });
    expect(member.raft.status()).toMatchObject({ term: 5, vote: 2 });
    expect(only("vote-reply", member.hear(vote(3, 5, at(9, 4))))).toMatchObject([{ granted: false }]);
    expect(only("vote-reply", member.hear(vote(2, 5, at(1, 1))))).toMatchObject([{ granted: true }]);
  });

  it("a server answers a candidate only once its vote would survive a power cut (figure 2)", () => {
    const member = new OneMember({ slowDisk: true, options });
    expect(member.hear(vote(2, 2, at(1, 1)))).toEqual([]);
    expect(member.waiting[0]).toMatchObject({ hardState: { term: 2, vote: 2 }, mustSync: true });
    expect(member.finishSave()).toMatchObject([{ kind: "vote-reply", to: 2, granted: true }]);
  });

  it("a candidate's own vote counts only once it would survive a power cut (figure 2)", () => {
    const member = new OneMember({ voters: [1], slowDisk: true, options });
    member.timeOut();
    expect(member.raft.role).not.toBe("leader");
    member.finishAllSaves();
    expect(member.raft.role).toBe("leader");
  });

  it("a new leader tells all others at once (5.2)", () => {
    const member = new OneMember({ voters: FIVE, options });
    member.stand();
    const sent = [...member.hear(granted(2, 2)), ...member.hear(granted(3, 2))];
    expect(only("append", sent).map(({ to, term }) => [to, term])).toEqual([2, 3, 4, 5].map((to) => [to, 2]));
  });

  it("a leader prevents elections by heartbeats to all, again and again (5.2)", () => {
    const member = leader({ voters: FIVE, options: { ...options, heartbeatTicks: 3 } });
    for (let beat = 0; beat < 3; beat++) {
      expect(member.tick(2)).toEqual([]);
      const sent = only("heartbeat", member.tick());
      expect(sent.map(({ to, term }) => [to, term])).toEqual([2, 3, 4, 5].map((to) => [to, 2]));
    }
  });

  it("a candidate that hears from a leader of its term or of a newer one recognises it (5.2)", () => {
    for (const term of [2, 3]) {
      for (const message of [
        append(3, term, at(1, 1), []),
        heartbeat(3, term),
        snapshot(3, term, at(9, term)),
      ]) {
        const member = inRole("candidate", options);
        member.hear(message);
        expect(member.raft.status()).toMatchObject({ role: "follower", term, leader: 3 });
      }
    }
  });

  it("a candidate that hears from a leader of an older term remains a candidate (5.2)", () => {
    const member = inRole("candidate", options);
    member.hear(append(3, 1, at(1, 1), [1]));
    expect(member.raft.status()).toMatchObject({ role: "candidate", term: 2, last: at(1, 1) });
  });

  it("a follower takes nothing from a second leader of the same term: there can be none (5.2)", () => {
    const member = inRole("follower", options);
    expect(member.refusalOf(append(3, 2, at(1, 1), [2]))).toMatchObject({ refused: "malformed" });
    expect(member.raft.status()).toMatchObject({ leader: 2, last: at(1, 1), refusedMessages: 1 });
  });

  it("a candidate that neither wins nor loses begins another election in a new term (5.2)", () => {
    const member = new OneMember({ options });
    member.stand();
    expect(only("vote", member.stand())).toHaveLength(2);
    expect(member.raft.status()).toMatchObject({ role: "candidate", term: 3, vote: ME });
  });

  it("with the votes split nobody leads in that term (5.2)", () => {
    const cluster = new PureCluster({ voters: [1, 2, 3, 4], options: { ...options, preVote: false } });
    cluster.partition([1, 2], [3, 4]);
    cluster.campaign(1);
    cluster.campaign(3);
    cluster.stabilize();
    cluster.heal();
    cluster.stabilize();
    expect(cluster.leader).toBeNull();
    cluster.run(100);
    expect(cluster.leader).not.toBeNull();
  });

  it("election timeouts are drawn at random from a fixed interval, for each election anew (5.2)", () => {
    const drawn = new Set<number>();
    const first = new Set<number>();
    for (let seed = 1; seed <= 100; seed++) {
      const member = new OneMember({ seed, options: { ...options, electionTicks: 5 } });
      first.add(member.raft.status().electionTimeout);
      for (let election = 0; election < 3; election++) {
        member.stand();
        drawn.add(member.raft.status().electionTimeout);
      }
    }
    expect([...first].sort()).toEqual([5, 6, 7, 8, 9]);
    expect([...drawn].sort()).toEqual([5, 6, 7, 8, 9]);
  });

  it("split votes are rare and resolved quickly (5.2)", () => {
    let firstRound = 0;
    for (let seed = 1; seed <= 40; seed++) {
      const cluster = new PureCluster({ voters: FIVE, seed, options });
      cluster.run(60);
      expect(cluster.leader, `seed ${seed}`).not.toBeNull();
      if (cluster.leader!.raft.term === 2) firstRound += 1;
    }
    expect(firstRound).toBeGreaterThan(25);
  });

  it("a follower that gives its vote waits a full timeout again, one that refuses does not (figure 2)", () => {
    const member = new OneMember({ term: 2, options });
    member.tick(4);
    member.hear(vote(2, 2, at(0, 0)));
    expect(member.raft.status().electionElapsed).toBe(4);
    member.hear(vote(2, 2, at(1, 1)));
    expect(member.raft.status().electionElapsed).toBe(0);
  });

  it("a leader steps down when it discovers a newer term, and its log stays as it is (5.1)", () => {
    const member = leader({ options });
    member.propose("a");
    member.hear({ kind: "vote-reply", from: 2, to: ME, term: 9, granted: false });
    expect(member.raft.status()).toMatchObject({ role: "follower", term: 9, last: at(3, 2) });
  });

  it.each([
    ["whose last term is newer, though its log is shorter", [1, 1, 1], at(2, 2), true],
    ["whose last term is older, though its log is longer", [1, 2], at(9, 1), false],
    ["of the same last term with a longer log", [1, 2], at(3, 2), true],
    ["of the same last term with an equal log", [1, 2], at(2, 2), true],
    ["of the same last term with a shorter log", [1, 2, 2], at(2, 2), false],
  ] as const)(
    "a voter asked by a candidate %s grants its vote only if it lacks nothing (5.4.1)",
    (_, log, last, isGranted) => {
      const member = new OneMember({ log, options });
      expect(only("vote-reply", member.hear(vote(2, 5, last)))).toMatchObject([
        { kind: "vote-reply", to: 2, granted: isGranted },
      ]);
      expect(member.raft.status()).toMatchObject({ term: 5, vote: isGranted ? 2 : undefined });
    },
  );

  it("a leader of the group stays in office while it can reach the others in time (5.6)", () => {
    const cluster = new PureCluster({ voters: [1, 2, 3], options });
    cluster.elect(2);
    cluster.run(300);
    expect(cluster.leader?.id).toBe(2);
    expect(cluster.leader?.raft.term).toBe(2);
  });

  it("when a leader crashes the others elect one that holds all that was committed (5.4.3)", () => {
    for (let seed = 1; seed <= 10; seed++) {
      const cluster = new PureCluster({ voters: FIVE, seed, options });
      cluster.elect(1);
      cluster.partition([1, 2, 3], [4, 5]);
      cluster.propose(1, "agreed by three");
      cluster.stabilize();
      const { committed } = cluster.raft(1).log;
      cluster.crash(1);
      cluster.heal();
      cluster.run(100);
      expect([2, 3]).toContain(cluster.leader?.id);
      expect(cluster.leader!.raft.log.committed).toBeGreaterThan(committed);
    }
  });

  it("a server that is no voter of the group never stands (5.2, thesis 4.1)", () => {
    for (const membership of [{ voters: [2, 3] }, { voters: [2, 3], learners: [ME] }]) {
      const member = new OneMember({ membership, options });
      expect(member.tick(100)).toEqual([]);
      expect(member.raft.role).toBe("follower");
    }
  });
});

describe("pre-vote and the voters' patience", () => {
  it("a server asks whether it would be elected before it begins a term (thesis 9.6)", () => {
    const member = new OneMember({ voters: FIVE, log: [1, 2], term: 3 });
    expect(member.timeOut()).toEqual(
      [2, 3, 4, 5].map((to) => {
        return { kind: "pre-vote", from: ME, to, term: 4, last: at(2, 2) };
      }),
    );
    expect(member.raft.status()).toMatchObject({ role: "pre-candidate", term: 3, vote: undefined });
  });

  it("a server raises its term only once a majority would vote for it (thesis 9.6)", () => {
    const member = new OneMember({ voters: FIVE });
    member.timeOut();
    member.hear(preVoteGranted(2, 2));
    expect(member.raft.status()).toMatchObject({ role: "pre-candidate", term: 1 });
    member.hear(preVoteGranted(3, 2));
    expect(member.raft.status()).toMatchObject({ role: "candidate", term: 2, vote: ME });
  });

  it("a majority that would not vote for it ends its candidacy within the same term (thesis 9.6)", () => {
    const member = new OneMember({ voters: FIVE });
    member.timeOut();
    member.hear(preVoteRefused(2, 1), preVoteRefused(3, 1), preVoteRefused(4, 1));
    expect(member.raft.status()).toMatchObject({ role: "follower", term: 1, vote: undefined });
  });

  it("the promise of a vote is not a vote: it changes nothing, and others get it too (thesis 9.6)", () => {
    const member = new OneMember();
    member.tick(3);
    expect(only("pre-vote-reply", member.hear(preVote(2, 2, at(1, 1))))).toMatchObject([
      { kind: "pre-vote-reply", term: 2, granted: true },
    ]);
    expect(only("pre-vote-reply", member.hear(preVote(3, 2, at(1, 1))))).toMatchObject([
      { kind: "pre-vote-reply", term: 2, granted: true },
    ]);
    expect(member.raft.status()).toMatchObject({ term: 1, vote: undefined, electionElapsed: 3 });
  });

  it("a server that asks around and hears from a leader follows it (thesis 9.6, 5.2)", () => {
    const member = inRole("pre-candidate");
    member.hear(heartbeat(3, 2));
    expect(member.raft.status()).toMatchObject({ role: "follower", term: 2, leader: 3 });
  });

  it("a vote is promised only to a log that lacks nothing (thesis 9.6, 5.4.1)", () => {
    const member = new OneMember({ log: [1, 2, 2] });
    expect(only("pre-vote-reply", member.hear(preVote(2, 5, at(2, 2))))).toMatchObject([
      { term: 2, granted: false },
    ]);
    expect(only("pre-vote-reply", member.hear(preVote(2, 5, at(3, 2))))).toMatchObject([
      { term: 5, granted: true },
    ]);
  });

  it("no vote is promised while a leader is heard (thesis 9.6)", () => {
    const member = new OneMember();
    member.hear(heartbeat(3, 1));
    expect(member.hear(preVote(2, 2, at(9, 1)))).toEqual([]);
    member.raft.overrideElectionTimeout(100);
    member.tick(10);
    expect(only("pre-vote-reply", member.hear(preVote(2, 2, at(9, 1))))).toMatchObject([{ granted: true }]);
  });

  it("a server that was cut off has not raised its term, and disturbs nobody on return (thesis 9.6)", () => {
    const cluster = new PureCluster({ voters: [1, 2, 3] });
    cluster.elect(1);
    cluster.isolate(3);
    cluster.run(200);
    expect(cluster.raft(3).term).toBe(2);
    cluster.heal();
    cluster.run(50);
    expect(cluster.members.get(1)!.raft.status()).toMatchObject({ role: "leader", term: 2 });
    expect(cluster.raft(3).leader).toBe(1);
  });

  it("within the minimum election timeout of hearing from a leader a request for a vote changes nothing (6, thesis 4.2.3)", () => {
    const member = new OneMember();
    member.hear(heartbeat(3, 1));
    member.raft.overrideElectionTimeout(100);
    member.tick(9);
    expect(member.hear(vote(2, 5, at(9, 4)))).toEqual([]);
    expect(member.raft.status()).toMatchObject({ term: 1, vote: undefined, leader: 3 });
    member.tick(1);
    expect(only("vote-reply", member.hear(vote(2, 5, at(9, 4))))).toMatchObject([{ granted: true }]);
  });

  it("a leader itself ignores candidates while it has its majority (6, thesis 4.2.3)", () => {
    const member = leader();
    expect(member.hear(vote(2, 9, at(9, 8)))).toEqual([]);
    expect(member.raft.status()).toMatchObject({ role: "leader", term: 2 });
  });

  it("a leader that reaches no majority for an election timeout steps down (thesis 6.2)", () => {
    const member = leader({ voters: FIVE });
    member.tick(10);
    member.hear(heartbeat(9, 2), accepted(2, 2, 2));
    expect(member.raft.role).toBe("leader");
    member.tick(10);
    expect(member.raft.status()).toMatchObject({ role: "follower", term: 2, leader: undefined });
  });

  it("a leader that reaches a bare majority stays (thesis 6.2)", () => {
    const member = leader({ voters: FIVE });
    for (let round = 0; round < 10; round++) {
      member.tick(10);
      member.hear(accepted(2, 2, 2), accepted(5, 2, 2));
    }
    expect(member.raft.role).toBe("leader");
  });
});
