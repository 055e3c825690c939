import { assert } from "../base/assert.ts";
import { EMPTY_BYTES, MalformedBytes } from "../base/bytes.ts";
import type { Index, MemberId, Proposal } from "../log/entry.ts";
import type { Core } from "./core.ts";
import { becomeFollower } from "./election.ts";
import { changeMembership } from "./members.ts";
import { isJoint, isVoter, type Membership, type MembershipChange, memberIds } from "./membership.ts";
import { decodeMembershipChange, isLeaveJoint } from "./membership-codec.ts";
import { Progress } from "./progress.ts";
import { confirmRounds } from "./reads.ts";
import type { Refusal } from "./refusal.ts";
import { announce, commitByQuorum, sendAppend } from "./replication.ts";
import { type Leader, progressOf } from "./role.ts";
import { endTransfer, handOver } from "./transfer.ts";

/** What stands for a refused change in the log when the host wants it as etcd has it. */
const NOTHING: Proposal = { kind: "command", data: EMPTY_BYTES };

/**
 * Looks at the changes of membership among the proposals. Gives the proposals that may be appended, or the reason why
 * they may not.
 *
 * A change takes effect when it is applied. That is safe under three rules: no change is appended before all earlier
 * ones are applied (here); nobody stands for election while a committed change waits to be applied (`stand`); and a new
 * leader counts all that it inherits as such a change (`becomeLeader`).
 */
export function admitChanges(
  core: Core,
  leader: Leader,
  proposals: readonly Proposal[],
): readonly Proposal[] | Refusal {
  if (!proposals.some(({ kind }) => kind === "membership")) return proposals;
  const admitted: Proposal[] = [];
  let pendingChange = leader.pendingChange;
  for (const proposal of proposals) {
    const refusal =
      proposal.kind === "membership" ? checkChange(core, leader, proposal.data, pendingChange) : null;
    if (refusal !== null && core.settings.refusedChange === "refuse") return refusal;
    admitted.push(refusal === null ? proposal : NOTHING);
    if (refusal === null && proposal.kind === "membership")
      pendingChange = core.log.lastIndex + admitted.length;
  }
  leader.pendingChange = pendingChange;
  return admitted;
}

function checkChange(core: Core, leader: Leader, data: Uint8Array, pendingChange: Index): Refusal | null {
  let change: MembershipChange;
  try {
    change = decodeMembershipChange(data);
  } catch (error) {
    if (error instanceof MalformedBytes) return { refused: "malformed", detail: error.message };
    throw error;
  }
  if (!core.settings.validateChanges) return null;
  const refusal = checkOrder(core, change, pendingChange) ?? checkSense(core, leader, change);
  if (refusal !== null) {
    const { membership, log } = core;
    const reason = refusal.refused;
    core.trace?.({ kind: "change-refused", change, membership, reason, pendingChange, applied: log.applied });
  }
  return refusal;
}

/** Whether a change may be made now. */
function checkOrder(core: Core, change: MembershipChange, pendingChange: Index): Refusal | null {
  const { applied } = core.log;
  if (pendingChange > applied) {
    return { refused: "change-pending", detail: `at index ${pendingChange}, applied up to ${applied}` };
  }
  const isInside = isJoint(core.membership);
  if (isInside && !isLeaveJoint(change)) return { refused: "joint" };
  if (!isInside && isLeaveJoint(change)) return { refused: "not-joint" };
  return null;
}

/** Whether the change is a wise one. etcd does not ask, and neither do we when its ways are asked for. */
function checkSense(core: Core, leader: Leader, change: MembershipChange): Refusal | null {
  if (core.settings.refusedChange !== "refuse") return null;
  const { membership } = core;
  for (const { kind, member } of change.changes) {
    if (member < 1) return { refused: "invalid-change", detail: "a member's id is above 0" };
    if (kind === "remove" || kind === "update") continue;
    if (membership.removed.includes(member)) return { refused: "removed-id", detail: `member ${member}` };
    const progress = progressOf(leader, member);
    if (kind === "add-voter" && progress?.isLearner && !isReady(core, progress)) {
      return { refused: "learner-not-ready", detail: `member ${member} is at ${progress.matched}` };
    }
  }
  const after = changeMembership(membership, change);
  return typeof after === "string" ? { refused: "invalid-change", detail: after } : null;
}

/** Whether a learner is close enough to the leader that, as a voter, it would not hold up the group. */
export function isReady(core: Core, progress: Progress): boolean {
  const lag = core.log.lastIndex - progress.matched;
  return progress.isActive && progress.state === "replicate" && lag <= core.settings.learnerLagMax;
}

/** Makes a committed change effective. */
export function applyChange(core: Core, change: MembershipChange): Membership {
  const after = changeMembership(core.membership, change);
  assert(
    typeof after !== "string",
    () => `a committed change of membership cannot be made: ${String(after)}`,
  );
  core.membership = after;
  core.trace?.({ kind: "membership-switched", membership: after });
  if (core.role.kind === "leader") switchAsLeader(core, core.role);
  return after;
}

function switchAsLeader(core: Core, leader: Leader): void {
  leader.progress = progressFor(core, leader);
  leader.own = progressOf(leader, core.id) ?? null;
  leader.leaseTick = null; // A majority of the old configuration confirmed it.
  if (!isVoter(core.membership, core.id)) stepDown(core, leader);
  else goOn(core, leader);
}

function goOn(core: Core, leader: Leader): void {
  // Fewer may be needed now for what waits.
  if (commitByQuorum(core, leader)) announce(core, leader);
  else probeNewcomers(core, leader);
  confirmRounds(core, leader);
  if (leader.transferTo !== null && !isVoter(core.membership, leader.transferTo)) endTransfer(core, leader);
}

function progressFor(core: Core, leader: Leader): Progress[] {
  const { log, membership, settings } = core;
  return memberIds(membership).map((id) => {
    const isLearner = membership.learners.includes(id);
    const known = progressOf(leader, id);
    // A newcomer counts as heard from, or the next check of the quorum would hold its silence against us.
    if (known === undefined) return new Progress(id, Math.max(log.lastIndex, 1), isLearner, true, settings);
    known.isLearner = isLearner;
    return known;
  });
}

/** Leads no longer, once removed or demoted; by then any joint configuration is left. */
function stepDown(core: Core, leader: Leader): void {
  if (!core.settings.stepDownOnRemoval) return;
  if (core.settings.handOver) {
    // The heir must know that the change is committed, or it will not stand.
    for (const progress of leader.progress) {
      if (progress.id !== core.id) sendAppend(core, progress, progress.needsCommit(core.log.committed));
    }
    handOver(core, leader);
  }
  becomeFollower(core, core.term, undefined);
}

function probeNewcomers(core: Core, leader: Leader): void {
  for (const progress of leader.progress) {
    if (progress.id !== core.id) sendAppend(core, progress, false);
  }
}

/** The learner that has waited longest among those that are ready to vote; null when none may be promoted now. */
export function learnerToPromote(core: Core, leader: Leader): MemberId | null {
  if (isJoint(core.membership) || leader.pendingChange > core.log.applied) return null;
  return leader.progress.find((progress) => progress.isLearner && isReady(core, progress))?.id ?? null;
}
