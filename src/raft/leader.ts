import { EMPTY_BYTES } from "../base/bytes.ts";
import type { EntryId, MemberId, Proposal } from "../log/entry.ts";
import type { Core } from "./core.ts";
import { becomeFollower } from "./election.ts";
import { encodeMembershipChange } from "./membership-codec.ts";
import type { AppendAcceptedMessage, AppendRejectedMessage, HeartbeatReplyMessage } from "./message.ts";
import type { Progress } from "./progress.ts";
import { voteResult } from "./quorum.ts";
import { beginRoundWithHeartbeat, confirmRounds } from "./reads.ts";
import { admitChanges, learnerToPromote } from "./reconfiguration.ts";
import type { Refusal } from "./refusal.ts";
import {
  announce,
  appendProposals,
  broadcastHeartbeat,
  commitByQuorum,
  sendAllAppends,
  sendAppend,
} from "./replication.ts";
import { type Leader, progressOf } from "./role.ts";
import { maybeFallAsleep } from "./sleep.ts";
import { endTransfer, maybeFinishTransfer } from "./transfer.ts";

/** Leaving a joint configuration takes no data, so that no budget can refuse it. */
const LEAVE: readonly Proposal[] = [{ kind: "membership", data: EMPTY_BYTES }];

/** Appends what was proposed and sends it on. Gives the place of the first proposal; the others follow it. */
export function proposeAsLeader(
  core: Core,
  leader: Leader,
  proposals: readonly Proposal[],
): EntryId | Refusal {
  if (leader.own === null) return drop(core, { refused: "not-a-member" }, undefined);
  if (leader.transferTo !== null) return drop(core, { refused: "transferring" }, leader.transferTo);
  const pendingBefore = leader.pendingChange;
  const admitted = admitChanges(core, leader, proposals);
  if ("refused" in admitted) return drop(core, admitted, undefined);

  const first = appendProposals(core, leader, admitted);
  if (first === null) {
    leader.pendingChange = pendingBefore;
    return drop(core, { refused: "over-budget", detail: `${leader.uncommittedBytes} bytes wait` }, undefined);
  }
  announce(core, leader);
  return first;
}

function drop(core: Core, refusal: Refusal, other: MemberId | undefined): Refusal {
  core.trace?.({ kind: "proposal-dropped", reason: refusal.refused, other, term: core.term });
  return refusal;
}

/** A follower holds our log up to `matched` (5.3). */
export function receiveAccepted(core: Core, leader: Leader, message: AppendAcceptedMessage): void {
  const progress = progressOf(leader, message.from);
  if (progress === undefined) return;
  progress.isActive = true;
  // An answer without news is still one to a probe: it shows that the stream may flow again.
  const isAnswer = progress.matched === message.matched && progress.state === "probe";
  if (!progress.maybeMatch(message.matched) && !isAnswer) return;

  advance(core, progress);
  if (core.settings.coalesce) {
    commitByQuorum(core, leader);
    leader.isAppendDue = true;
  } else {
    sendOnward(core, leader, progress);
  }
  maybeFinishTransfer(core, leader, progress);
}

function advance(core: Core, progress: Progress): void {
  if (progress.state === "replicate") {
    progress.inflight.freeTo(progress.matched);
  } else if (progress.state === "probe") {
    progress.becomeReplicate();
  } else if (progress.matched + 1 >= core.log.firstIndex) {
    // It has come within reach of our log, by our snapshot or by another.
    core.trace?.({ kind: "peer-recovered", from: progress.id, progress });
    progress.becomeProbe();
    progress.becomeReplicate();
  }
}

function sendOnward(core: Core, leader: Leader, progress: Progress): void {
  const isOther = progress.id !== core.id;
  if (commitByQuorum(core, leader)) announce(core, leader);
  else if (isOther && progress.needsCommit(core.log.committed)) sendAppend(core, progress, true);
  if (isOther) sendAllAppends(core, progress);
}

/** A follower lacks what our append builds on: we look for the place where the logs agree (5.3). */
export function receiveRejected(core: Core, leader: Leader, message: AppendRejectedMessage): void {
  const progress = progressOf(leader, message.from);
  if (progress === undefined) return;
  progress.isActive = true;
  const { from, rejected, hint } = message;
  core.trace?.({ kind: "peer-rejected", from, rejected, hint });

  // Its log up to the hint is of the hint's term at most, so whatever is newer in ours cannot be in its log.
  const agreement = hint.term > 0 ? core.log.findAgreement(hint.index, hint.term).index : hint.index;
  if (!progress.maybeDecrease(rejected, agreement)) return;
  core.trace?.({ kind: "peer-decreased", from, progress });
  if (progress.state === "replicate") progress.becomeProbe();
  sendAppend(core, progress, true);
}

export function receiveHeartbeatReply(core: Core, leader: Leader, message: HeartbeatReplyMessage): void {
  const progress = progressOf(leader, message.from);
  if (progress === undefined) return;
  progress.isActive = true;
  progress.resume();
  // It lives, so what it has not acknowledged may be lost: an append, even an empty one, will tell.
  if (progress.matched < core.log.lastIndex || progress.state === "probe") sendAppend(core, progress, true);

  if (message.readRound <= progress.readRound) return;
  progress.readRound = message.readRound;
  confirmRounds(core, leader);
}

/** Lets a tick pass for a leader: checks its quorum, ends hand-overs that take too long, sends heartbeats. */
export function tickLeader(core: Core, leader: Leader): void {
  const { electionTicks, heartbeatTicks, checkQuorum } = core.settings;
  core.heartbeatElapsed += 1;
  core.electionElapsed += 1;
  if (core.electionElapsed >= electionTicks) {
    core.electionElapsed = 0;
    if (checkQuorum && !hasQuorum(core, leader)) return;
    endTransfer(core, leader);
  }
  if (core.heartbeatElapsed < heartbeatTicks) return;
  core.heartbeatElapsed = 0;
  if (core.settings.promoteLearners) promote(core, leader);
  maybeLeaveJoint(core, leader);
  if (maybeFallAsleep(core, leader)) return;
  beginRoundWithHeartbeat(core, leader);
  broadcastHeartbeat(core, leader);
}

/**
 * Whether a majority was heard from since the last check. A leader without one steps down: clients would wait in vain,
 * and members that hear only from it could elect no other (thesis, 6.2).
 */
function hasQuorum(core: Core, leader: Leader): boolean {
  const heard = new Map<MemberId, boolean>();
  for (const { id, isActive } of leader.progress) heard.set(id, isActive);
  for (const progress of leader.progress) progress.isActive = progress.id === core.id;
  if (voteResult(core.membership, heard) === "won") return true;
  core.trace?.({ kind: "quorum-lost", term: core.term });
  becomeFollower(core, core.term, undefined);
  return false;
}

function promote(core: Core, leader: Leader): void {
  const member = learnerToPromote(core, leader);
  if (member === null) return;
  const change = {
    transition: "auto",
    changes: [{ kind: "add-voter", member }],
    context: EMPTY_BYTES,
  } as const;
  proposeAsLeader(core, leader, [{ kind: "membership", data: encodeMembershipChange(change) }]);
}

/** Leaves a joint configuration by itself, once it is in force. Refused during a hand-over, and tried again with the next heartbeat. */
export function maybeLeaveJoint(core: Core, leader: Leader): void {
  const { membership, log } = core;
  if (!membership.autoLeave || log.applied < leader.pendingChange) return;
  if ("refused" in proposeAsLeader(core, leader, LEAVE)) return;
  core.trace?.({ kind: "leave-proposed", membership });
}

export function reportUnreachable(core: Core, leader: Leader, peer: MemberId): void {
  const progress = progressOf(leader, peer);
  if (progress === undefined) return;
  // What was in flight is probably lost: no more is sent until it answers.
  if (progress.state === "replicate") progress.becomeProbe();
  core.trace?.({ kind: "peer-unreachable", from: peer, progress });
}

export function reportSnapshot(core: Core, leader: Leader, peer: MemberId, succeeded: boolean): void {
  const progress = progressOf(leader, peer);
  if (progress?.state !== "snapshot") return;
  progress.endSnapshot(succeeded);
  core.trace?.({ kind: "snapshot-reported", from: peer, succeeded, progress });
}
