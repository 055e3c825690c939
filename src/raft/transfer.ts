import type { MemberId } from "../log/entry.ts";
import type { Core } from "./core.ts";
import { isVoter } from "./membership.ts";
import type { Progress } from "./progress.ts";
import type { Refusal } from "./refusal.ts";
import { sendAppend } from "./replication.ts";
import { type Leader, progressOf } from "./role.ts";

/**
 * Begins to hand over (thesis, 3.10): nothing more is proposed; once the target holds the whole log it is asked to
 * stand. Given up after an election timeout. A later request for another target replaces this one.
 */
export function startTransfer(core: Core, leader: Leader, to: MemberId): Refusal | undefined {
  const { term, trace } = core;
  const target = progressOf(leader, to);
  if (target === undefined) return { refused: "not-a-member" };
  if (target.isLearner) {
    trace?.({ kind: "transfer-ignored", to, reason: "learner", term });
    return { refused: "learner" };
  }
  if (leader.transferTo === to) {
    trace?.({ kind: "transfer-ignored", to, reason: "repeated", term });
    return undefined;
  }
  endTransfer(core, leader);
  if (to === core.id) {
    trace?.({ kind: "transfer-ignored", to, reason: "self", term });
    return undefined;
  }
  trace?.({ kind: "transfer-started", to, term });
  core.electionElapsed = 0; // It has a full election timeout.
  leader.transferTo = to;
  if (target.matched === core.log.lastIndex) sendTimeoutNow(core, leader, to, true);
  else sendAppend(core, target, true);
  return undefined;
}

/** The target may have caught up with its latest acknowledgement. */
export function maybeFinishTransfer(core: Core, leader: Leader, progress: Progress): void {
  if (progress.id !== leader.transferTo || progress.matched !== core.log.lastIndex) return;
  sendTimeoutNow(core, leader, progress.id, false);
}

export function endTransfer(core: Core, leader: Leader): void {
  if (leader.transferTo === null) return;
  core.trace?.({ kind: "transfer-ended", to: leader.transferTo, term: core.term });
  leader.transferTo = null;
}

/**
 * A leader that goes for good asks a voter to stand at once, so that nobody waits for a timeout: the one that is
 * furthest, among those that were heard from lately.
 */
export function handOver(core: Core, leader: Leader): void {
  let heir: Progress | null = null;
  for (const progress of leader.progress) {
    if (progress.id === core.id || !isVoter(core.membership, progress.id)) continue;
    if (heir === null || isBetterHeir(progress, heir)) heir = progress;
  }
  if (heir !== null) sendTimeoutNow(core, leader, heir.id, true);
}

function isBetterHeir(candidate: Progress, heir: Progress): boolean {
  if (candidate.isActive !== heir.isActive) return candidate.isActive;
  return candidate.matched > heir.matched;
}

function sendTimeoutNow(core: Core, leader: Leader, to: MemberId, immediately: boolean): void {
  // Its candidacy passes by the voters' patience with us, on which our lease rests.
  leader.isLeaseOver = true;
  core.outbox.send({ kind: "timeout-now", from: core.id, to, term: core.term });
  core.trace?.({ kind: "timeout-now-sent", to, immediately });
}
