import { assert } from "../base/assert.ts";
import { EMPTY_BYTES } from "../base/bytes.ts";
import type { MemberId, Proposal, Term } from "../log/entry.ts";
import type { Core } from "./core.ts";
import { ForwardedReads } from "./forwarded-reads.ts";
import { memberIds, voterIds } from "./membership.ts";
import type { VoteMessage } from "./message.ts";
import { Progress } from "./progress.ts";
import { ReadBarrier } from "./read-barrier.ts";
import { abandonReads } from "./reads.ts";
import type { Refusal } from "./refusal.ts";
import { appendProposals } from "./replication.ts";
import type { Candidacy, Follower, Leader, Role } from "./role.ts";

/** A leader's first entry: committing it commits all that earlier terms left behind (5.4.2). */
const FIRST_OF_TERM: readonly Proposal[] = [{ kind: "command", data: EMPTY_BYTES }];

export function becomeFollower(core: Core, term: Term, leader: MemberId | undefined): void {
  enter(core, term, { kind: "follower", leader, reads: new ForwardedReads(), standOnceApplied: null });
  core.trace?.({ kind: "role-changed", role: "follower", term });
}

/** Asks around before the term is begun: nothing that others would notice changes, not even our clock. */
function becomePreCandidate(core: Core): void {
  // The old leader is forgotten: otherwise two pre-candidates that both remember it would refuse each other for ever.
  abandonReads(core, core.role);
  core.role = { kind: "pre-candidate", votes: new Map() };
  core.trace?.({ kind: "role-changed", role: "pre-candidate", term: core.term });
}

function becomeCandidate(core: Core): void {
  enter(core, core.term + 1, { kind: "candidate", votes: new Map() });
  core.vote = core.id;
  core.trace?.({ kind: "role-changed", role: "candidate", term: core.term });
}

export function becomeLeader(core: Core): Leader {
  const leader = newLeader(core);
  enter(core, core.term, leader);
  // A change of membership may lie among what earlier leaders left: none is proposed before all of it is applied.
  leader.pendingChange = core.log.lastIndex;
  const first = appendProposals(core, leader, FIRST_OF_TERM);
  assert(first !== null, "an entry without data is never refused");
  core.trace?.({ kind: "role-changed", role: "leader", term: core.term });
  return leader;
}

function newLeader(core: Core): Leader {
  const { log, membership, settings } = core;
  const progress = memberIds(membership).map((id) => {
    return new Progress(id, log.lastIndex + 1, membership.learners.includes(id), false, settings);
  });
  const own = progress.find(({ id }) => id === core.id) ?? null;
  assert(own !== null, "only a member is elected");
  own.maybeMatch(log.lastIndex);
  own.becomeReplicate();
  own.isActive = true;
  return {
    kind: "leader",
    progress,
    own,
    pendingChange: 0,
    uncommittedBytes: log.bytesAfter(log.applied),
    transferTo: null,
    reads: new ReadBarrier(),
    leaseTick: null,
    isLeaseOver: false,
    isAppendDue: false,
    isCommitDue: false,
    idleTicks: 0,
    scratch: [],
  };
}

function enter(core: Core, term: Term, role: Role): void {
  if (core.term !== term) {
    core.term = term;
    core.vote = undefined;
  }
  abandonReads(core, core.role);
  core.role = role;
  core.electionElapsed = 0;
  core.heartbeatElapsed = 0;
  core.isAsleep = false;
  drawElectionTimeout(core);
}

function drawElectionTimeout(core: Core): void {
  const { electionTicks, priority } = core.settings;
  core.electionTimeout = core.random.between(electionTicks, 2 * electionTicks - 1) + priority * electionTicks;
}

/** Stands for election (5.2), if this member may lead. A hand-over needs no pre-vote: the leader itself asked for it. */
export function campaign(core: Core, candidacy: Candidacy): Refusal | undefined {
  const { term } = core;
  if (core.role.kind === "leader") {
    core.trace?.({ kind: "election-ignored", reason: "leading", term });
    return undefined;
  }
  if (!core.isPromotable) {
    core.trace?.({ kind: "election-ignored", reason: "not-promotable", term });
    return { refused: "not-promotable" };
  }
  // Elected by an outdated configuration, we might not meet the majority that elects someone else by the new one.
  if (hasUnappliedChange(core)) {
    core.trace?.({ kind: "election-ignored", reason: "change-unapplied", term });
    return { refused: "not-promotable", detail: "a committed change of membership is not applied yet" };
  }
  // It would vote for itself, and then for others, before the lease of a leader is over that relies on it.
  if (candidacy === "own" && core.isPatient) return { refused: "lease" };
  core.trace?.({ kind: "election-started", term });
  if (core.settings.preVote && candidacy === "own") askForPreVotes(core);
  else askForVotes(core, candidacy === "hand-over");
  return undefined;
}

/** Stands now or, where only a change of membership that waits to be applied is in the way, as soon as it is in force. */
export function campaignOrWait(core: Core, candidacy: Candidacy): Refusal | undefined {
  const refusal = campaign(core, candidacy);
  const { role } = core;
  const isWaiting =
    refusal !== undefined && role.kind === "follower" && core.isPromotable && hasUnappliedChange(core);
  if (isWaiting && role.standOnceApplied !== "hand-over") role.standOnceApplied = candidacy;
  return refusal;
}

/** After something was applied: stands if this member waited for it, and no leader was heard from since. */
export function campaignIfWaiting(core: Core, follower: Follower): void {
  const { standOnceApplied: candidacy, leader } = follower;
  if (candidacy === null || (core.isPromotable && hasUnappliedChange(core))) return;
  follower.standOnceApplied = null;
  if (candidacy === "hand-over" || leader === undefined) campaign(core, candidacy);
}

/** Whether a change of membership is committed and not in force here yet. */
export function hasUnappliedChange(core: Core): boolean {
  const { log } = core;
  for (let index = log.applied + 1; index <= log.committed; index++) {
    if (log.entryAt(index).kind === "membership") return true;
  }
  return false;
}

function askForPreVotes(core: Core): void {
  becomePreCandidate(core);
  const { id: from, outbox, trace } = core;
  const { last } = core.log;
  const term = core.term + 1;
  for (const to of voterIds(core.membership)) {
    if (to === from) {
      outbox.sendSaved({ kind: "pre-vote-reply", from, to, term, granted: true });
    } else {
      trace?.({ kind: "vote-asked", ballot: "pre-vote", to, last, term: core.term });
      outbox.send({ kind: "pre-vote", from, to, term, last });
    }
  }
}

export function askForVotes(core: Core, transfer: boolean): void {
  becomeCandidate(core);
  const { id: from, outbox, settings, term, trace } = core;
  const { last } = core.log;
  for (const to of voterIds(core.membership)) {
    if (to === from) {
      // Our own vote counts once our own disk holds it.
      outbox.sendSaved({ kind: "vote-reply", from, to, term, granted: true });
    } else {
      trace?.({ kind: "vote-asked", ballot: "vote", to, last, term });
      const request: VoteMessage = { kind: "vote", from, to, term, last, transfer };
      if (settings.ownVoteFirst) outbox.sendSaved(request);
      else outbox.send(request);
    }
  }
}
