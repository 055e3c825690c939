import type { Core } from "./core.ts";
import { askForVotes, becomeFollower, becomeLeader } from "./election.ts";
import { isVoter } from "./membership.ts";
import type { PreVoteReplyMessage, VoteReplyMessage } from "./message.ts";
import { type VoteResult, voteResult } from "./quorum.ts";
import { announce } from "./replication.ts";
import type { Candidate } from "./role.ts";
import type { Ballot } from "./trace.ts";
import { tellCommit } from "./voter.ts";

/** Counts an answer; with enough of them the election is decided (5.2). */
export function receiveVote(
  core: Core,
  candidate: Candidate,
  reply: VoteReplyMessage | PreVoteReplyMessage,
): void {
  const ballot: Ballot = candidate.kind === "candidate" ? "vote" : "pre-vote";
  // An answer to the other question: it was asked before our role changed.
  if ((reply.kind === "vote-reply") !== (ballot === "vote")) return;

  const { from, granted } = reply;
  core.trace?.({ kind: "vote-received", ballot, from, granted, term: core.term });
  // The first answer counts: messages may be repeated.
  if (!candidate.votes.has(from)) candidate.votes.set(from, granted);
  traceCount(core, candidate, ballot);
  if (!granted) tellCommit(core, from);

  const result = countVotes(core, candidate);
  if (result === "lost") becomeFollower(core, core.term, undefined);
  if (result === "won") win(core, candidate);
}

function win(core: Core, candidate: Candidate): void {
  if (candidate.kind === "pre-candidate") askForVotes(core, false);
  else announce(core, becomeLeader(core));
}

function countVotes(core: Core, candidate: Candidate): VoteResult {
  const result = voteResult(core.membership, candidate.votes);
  const lacksOwn = candidate.kind === "candidate" && !candidate.votes.has(core.id);
  return result === "won" && lacksOwn && core.settings.ownVoteFirst ? "pending" : result;
}

function traceCount(core: Core, candidate: Candidate, ballot: Ballot): void {
  if (core.trace === undefined) return;
  let granted = 0;
  let rejected = 0;
  for (const [voter, vote] of candidate.votes) {
    if (!isVoter(core.membership, voter)) continue;
    if (vote) granted += 1;
    else rejected += 1;
  }
  core.trace({ kind: "votes-counted", ballot, granted, rejected });
}
