import type { MemberId } from "../log/entry.ts";

/**
 * Who takes part, as it is agreed, stored and printed. Each list is ascending and without repeats.
 * While `outgoing` is not empty the configuration is joint: every decision needs a majority of `voters` and a
 * majority of `outgoing` (Raft, section 6). A member is in `voters` or in `learners`, never in both.
 */
export interface Membership {
  readonly voters: readonly MemberId[];
  readonly outgoing: readonly MemberId[];
  readonly learners: readonly MemberId[];
  /** Voters of the outgoing half that become learners when the joint configuration is left. */
  readonly learnersNext: readonly MemberId[];
  /** Whether the leader leaves the joint configuration by itself. */
  readonly autoLeave: boolean;
  /**
   * Ids of members that were removed, the longest ago first, at most `REMOVED_MEMBERS_MAX`. Such an id is not given to
   * anyone again: it may have voted, and its old messages may still be under way.
   */
  readonly removed: readonly MemberId[];
}

/** How many removed ids are remembered. */
export const REMOVED_MEMBERS_MAX = 1024;

/** A membership without any member: that of a member that has not joined a cluster yet. */
export const EMPTY_MEMBERSHIP: Membership = {
  voters: [],
  outgoing: [],
  learners: [],
  learnersNext: [],
  autoLeave: false,
  removed: [],
};

/** One step of a change of membership. `update` changes what is recorded about a member, not its role. */
export interface MemberChange {
  readonly kind: "add-voter" | "add-learner" | "remove" | "update";
  readonly member: MemberId;
}

/**
 * A change of membership. `auto` takes the simple path when there is one change, and otherwise a joint configuration
 * that the leader leaves by itself; `implicit` always goes through a joint configuration, left in the same way;
 * `explicit` stays joint until a change without `changes` and with `auto` asks to leave.
 */
export interface MembershipChange {
  readonly transition: "auto" | "implicit" | "explicit";
  readonly changes: readonly MemberChange[];
  /** Opaque for the core: what the host wants to know of the members that come, their names and addresses. */
  readonly context: Uint8Array;
}

/** Whether the member's voice counts in either half of the configuration. */
export function isVoter(membership: Membership, member: MemberId): boolean {
  return membership.voters.includes(member) || membership.outgoing.includes(member);
}

/** Whether nobody else's voice counts, in neither half of the configuration. */
export function isOnlyVoter(membership: Membership, member: MemberId): boolean {
  const voters = voterIds(membership);
  return voters.length === 1 && voters[0] === member;
}

export function isMember(membership: Membership, member: MemberId): boolean {
  return isVoter(membership, member) || membership.learners.includes(member);
}

/** Whether the configuration is between two others, so that both must agree. */
export function isJoint(membership: Membership): boolean {
  return membership.outgoing.length > 0;
}

/** Everyone who takes part, ascending. */
export function memberIds(membership: Membership): MemberId[] {
  return ascending([...membership.voters, ...membership.outgoing, ...membership.learners]);
}

/** Everyone who votes, ascending. */
export function voterIds(membership: Membership): MemberId[] {
  return ascending([...membership.voters, ...membership.outgoing]);
}

/** The same ids, ascending and without repeats. */
export function ascending(ids: Iterable<MemberId>): MemberId[] {
  return [...new Set(ids)].sort((left, right) => left - right);
}

/** Whether the same members take part in the same way. Who was removed in the past makes no difference. */
export function sameMembership(left: Membership, right: Membership): boolean {
  return (
    sameIds(left.voters, right.voters) &&
    sameIds(left.outgoing, right.outgoing) &&
    sameIds(left.learners, right.learners) &&
    sameIds(left.learnersNext, right.learnersNext) &&
    left.autoLeave === right.autoLeave
  );
}

function sameIds(left: readonly MemberId[], right: readonly MemberId[]): boolean {
  return left.length === right.length && left.every((id, at) => id === right[at]);
}
