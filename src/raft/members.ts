import type { MemberId } from "../log/entry.ts";
import {
  ascending,
  isJoint,
  type MemberChange,
  type Membership,
  type MembershipChange,
  memberIds,
  REMOVED_MEMBERS_MAX,
} from "./membership.ts";
import { isLeaveJoint } from "./membership-codec.ts";

/** Why a change gives no valid configuration. */
export type ChangeProblem =
  /** A joint configuration is entered from a joint one. */
  | "already-joint"
  /** A joint configuration is entered from one without voters. */
  | "no-voters"
  /** A joint configuration is left that is not joint. */
  | "not-joint"
  /** A simple change is made to a joint configuration. */
  | "joint"
  /** A simple change would touch several voters; two majorities might not meet (section 6). */
  | "several-voters"
  /** Nobody could decide anything any more. */
  | "no-voters-left";

/** The configuration that follows, by the way that the change asks for. */
export function changeMembership(
  membership: Membership,
  change: MembershipChange,
): Membership | ChangeProblem {
  if (isLeaveJoint(change)) return leaveJoint(membership);
  if (change.transition !== "auto" || change.changes.length > 1) {
    return enterJoint(membership, change.changes, change.transition !== "explicit");
  }
  return changeSimply(membership, change.changes);
}

/** Changes one voter at most, and any number of learners, in one step. */
export function changeSimply(
  membership: Membership,
  changes: readonly MemberChange[],
): Membership | ChangeProblem {
  if (isJoint(membership)) return "joint";
  const draft = new Draft(membership);
  if (!draft.apply(changes)) return "no-voters-left";
  if (countDifferences(membership.voters, draft.voters) > 1) return "several-voters";
  return draft.finish(membership);
}

/** Puts the changed configuration beside the present one: from now on both must agree (section 6). */
export function enterJoint(
  membership: Membership,
  changes: readonly MemberChange[],
  autoLeave: boolean,
): Membership | ChangeProblem {
  if (isJoint(membership)) return "already-joint";
  if (membership.voters.length === 0) return "no-voters";
  const draft = new Draft({ ...membership, outgoing: membership.voters, autoLeave });
  if (!draft.apply(changes)) return "no-voters-left";
  return draft.finish(membership);
}

/** Ends the joint configuration. Voters that were demoted become learners only now. */
export function leaveJoint(membership: Membership): Membership | ChangeProblem {
  if (!isJoint(membership)) return "not-joint";
  const after: Membership = {
    voters: membership.voters,
    outgoing: [],
    learners: ascending([...membership.learners, ...membership.learnersNext]),
    learnersNext: [],
    autoLeave: false,
    removed: membership.removed,
  };
  return { ...after, removed: removedSince(membership, after) };
}

/** A configuration while changes are made to it. Each of them may be repeated, and may undo an earlier one. */
class Draft {
  readonly voters: Set<MemberId>;
  readonly #outgoing: readonly MemberId[];
  readonly #learners: Set<MemberId>;
  readonly #learnersNext: Set<MemberId>;
  readonly #autoLeave: boolean;

  constructor(membership: Membership) {
    this.voters = new Set(membership.voters);
    this.#outgoing = membership.outgoing;
    this.#learners = new Set(membership.learners);
    this.#learnersNext = new Set(membership.learnersNext);
    this.#autoLeave = membership.autoLeave;
  }

  /** False when no voter is left. */
  apply(changes: readonly MemberChange[]): boolean {
    for (const { kind, member } of changes) {
      if (member === 0) continue; // Nobody: etcd blanks the id of a change that was refused when it was applied.
      if (kind === "add-voter") this.#addVoter(member);
      else if (kind === "add-learner") this.#addLearner(member);
      else if (kind === "remove") this.#remove(member);
    }
    return this.voters.size > 0;
  }

  finish(before: Membership): Membership {
    const after: Membership = {
      voters: ascending(this.voters),
      outgoing: this.#outgoing,
      learners: ascending(this.#learners),
      learnersNext: ascending(this.#learnersNext),
      autoLeave: this.#autoLeave,
      removed: before.removed,
    };
    return { ...after, removed: removedSince(before, after) };
  }

  #addVoter(member: MemberId): void {
    this.#remove(member);
    this.voters.add(member);
  }

  #addLearner(member: MemberId): void {
    if (this.#learners.has(member)) return;
    this.#remove(member);
    // While the member votes in the outgoing half it cannot be a learner: it becomes one when that half is left.
    if (this.#outgoing.includes(member)) this.#learnersNext.add(member);
    else this.#learners.add(member);
  }

  #remove(member: MemberId): void {
    this.voters.delete(member);
    this.#learners.delete(member);
    this.#learnersNext.delete(member);
  }
}

/** The removed ids after a step from one configuration to the next. */
function removedSince(before: Membership, after: Membership): MemberId[] {
  const members = memberIds(after);
  const gone = memberIds(before).filter((id) => !members.includes(id));
  const removed = [...before.removed.filter((id) => !members.includes(id)), ...gone];
  return removed.slice(-REMOVED_MEMBERS_MAX);
}

function countDifferences(left: readonly MemberId[], right: ReadonlySet<MemberId>): number {
  const kept = left.filter((id) => right.has(id)).length;
  return left.length - kept + (right.size - kept);
}
