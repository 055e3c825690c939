import type { MemberId } from "../log/entry.ts";
import type { Core } from "./core.ts";
import type { PreVoteMessage, VoteMessage } from "./message.ts";

type VoteRequest = VoteMessage | PreVoteMessage;

/**
 * Whether a candidate is to be ignored because we still hear from a leader: a member that was cut off, or removed
 * without noticing, would otherwise end a term for no reason (6, thesis 4.2.3).
 */
export function mustIgnoreCandidate(core: Core, request: VoteRequest): boolean {
  if (isHandOver(request)) return false;
  const { checkQuorum, electionTicks } = core.settings;
  if (checkQuorum && core.leader !== undefined && core.electionElapsed < electionTicks) return true;
  return core.isPatient;
}

/** Whether the leader itself has asked the candidate to stand: it gave up its lease before. */
function isHandOver(request: VoteRequest): boolean {
  return request.kind === "vote" && request.transfer;
}

/** Gives this member's vote, or refuses it. Learners vote too: this one may have been promoted without knowing it yet. */
export function castVote(core: Core, request: VoteRequest): void {
  const { from, kind: ballot } = request;
  const isFree = core.vote === from || (core.vote === undefined && core.leader === undefined);
  // The request's term may be ours already: we can have learnt of it while we still wait for an older leader.
  const isPromised = core.isPatient && !isHandOver(request);
  const isAsked = !isPromised && (isFree || (ballot === "pre-vote" && request.term > core.term));
  // Whoever lacks something that may be committed must not lead (5.4.1); our own log tells it only if it is whole.
  const granted = isAsked && !core.isRepairing && core.log.isUpToDate(request.last);
  traceVote(core, request, granted);

  replyToCandidate(core, request, granted);
  if (granted && ballot === "vote") {
    core.electionElapsed = 0;
    core.vote = from;
  }
}

/** Tells a pre-candidate of an older term that there is a newer one: silence could leave the group without a leader. */
export function rejectPreVote(core: Core, request: PreVoteMessage): void {
  traceVote(core, request, false);
  replyToCandidate(core, request, false);
}

/** A granted vote carries the term that was asked for, a refusal our own: it is how the candidate learns of it. */
function replyToCandidate(core: Core, request: VoteRequest, granted: boolean): void {
  const kind = request.kind === "vote" ? "vote-reply" : "pre-vote-reply";
  const term = granted ? request.term : core.term;
  core.outbox.sendSaved({ kind, from: core.id, to: request.from, term, granted });
  if (!granted) tellCommit(core, request.from);
}

/**
 * Between a candidate and a voter that refuses it: either may lack the news that a change of membership is committed,
 * which removed the other, or made itself a voter. Without it neither of them could ever be elected.
 */
export function tellCommit(core: Core, to: MemberId): void {
  const { id: from, log, outbox, settings } = core;
  if (!settings.commitNews) return;
  const committed = { index: log.committed, term: log.termAt(log.committed)! };
  // True in every term, and the two may be in different ones.
  outbox.send({ kind: "commit-news", from, to, term: 0, committed });
}

function traceVote(core: Core, request: VoteRequest, granted: boolean): void {
  core.trace?.({
    kind: "vote-cast",
    ballot: request.kind,
    granted,
    from: request.from,
    theirs: request.last,
    ours: core.log.last,
    vote: core.vote,
    term: core.term,
  });
}
