import fc from "fast-check";
import { expect, it } from "vitest";
import type { Message } from "../../src/raft/message.ts";
import { OneMember } from "./one-member.ts";
import {
  accepted,
  append,
  at,
  heartbeat,
  heartbeatReply,
  only,
  preVote,
  preVoteGranted,
  preVoteRefused,
  refused,
  rejected,
  timeoutNow,
  vote,
} from "./paper-steps.ts";

const ELECTION_TICKS = 6;
const NEWEST = at(99, 1);

/** What others may say to member 1 in a term; each of 2 to 5 leads in the terms that its number divides into. */
const said: fc.Arbitrary<Message> = fc
  .tuple(fc.integer({ min: 2, max: 5 }), fc.integer({ min: 1, max: 8 }), fc.nat(11))
  .map(([from, term, what]) => {
    const leader = 2 + (term % 4);
    const messages: readonly Message[] = [
      heartbeat(leader, term, 0, 1),
      heartbeat(leader, term, 0, 2),
      append(leader, term, at(1, 1), []),
      vote(from, term, NEWEST),
      vote(from, term, NEWEST),
      preVote(from, term, NEWEST),
      preVoteRefused(from, term),
      preVoteGranted(from, term),
      refused(from, term),
      rejected(from, term, 1, at(0, 0)),
      heartbeatReply(from, term),
      accepted(from, term, 1),
    ];
    return messages[what]!;
  });

const step = fc.oneof(
  { weight: 8, arbitrary: said.map((message) => ({ message })) },
  { weight: 6, arbitrary: fc.constant("tick" as const) },
  { weight: 1, arbitrary: fc.constant("restart" as const) },
  { weight: 1, arbitrary: fc.constant("campaign" as const) },
  { weight: 1, arbitrary: fc.constant("hand-over" as const) },
);

it("a member that has answered a leader gives its vote to nobody, itself included, for an election timeout, but for hand-overs", () => {
  const options = { leaseReads: true, electionTicks: ELECTION_TICKS };
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.array(step, { minLength: 20, maxLength: 120, size: "max" }),
      (preVoting, steps) => {
        let member = new OneMember({ voters: [1, 2, 3, 4, 5], options: { ...options, preVote: preVoting } });
        let ticksSinceAnswer = Number.POSITIVE_INFINITY;
        for (const next of steps) {
          if (next === "restart") {
            member = member.restarted({ options: { ...options, preVote: preVoting } });
            continue;
          }
          if (next === "tick") ticksSinceAnswer += 1;
          const isHandOver = next === "hand-over";
          const sent = act(member, next);
          if (hasPromised(sent)) ticksSinceAnswer = 0;
          if (isHandOver || !hasVoted(sent, member)) continue;
          expect(ticksSinceAnswer).toBeGreaterThanOrEqual(ELECTION_TICKS);
        }
      },
    ),
    { numRuns: Number(process.env["RAFT_RUNS"] ?? 1000) },
  );
});

function act(
  member: OneMember,
  next: { readonly message: Message } | "tick" | "campaign" | "hand-over",
): Message[] {
  if (next === "tick") return member.tick();
  if (next === "campaign") return member.campaign();
  if (next === "hand-over")
    return member.hear(timeoutNow(member.raft.leader ?? 2, Math.max(member.raft.term, 1)));
  return member.hear(next.message);
}

/** On these a leader counts: they say that this member has heard from it in its term. */
function hasPromised(sent: readonly Message[]): boolean {
  return (
    only("heartbeat-reply", sent).length > 0 ||
    only("append-accepted", sent).some(({ matched }) => matched > 0)
  );
}

/** Whether it has voted for another, or asks for votes, having voted for itself. */
function hasVoted(sent: readonly Message[], member: OneMember): boolean {
  const isCandidate = member.raft.role === "candidate" && only("vote", sent).length > 0;
  return isCandidate || only("vote-reply", sent).some(({ granted }) => granted);
}
