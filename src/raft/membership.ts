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
}

export const EMPTY_MEMBERSHIP: Membership = {
  voters: [],
  outgoing: [],
  learners: [],
  learnersNext: [],
  autoLeave: false,
};

export interface MemberChange {
  readonly kind: "add-voter" | "add-learner" | "remove" | "update";
  readonly member: MemberId;
}

/**
 * A change of membership. `auto` takes the simple path where one voter at most changes and a joint configuration
 * otherwise; `implicit` always goes through a joint configuration and leaves it by itself; `explicit` stays joint
 * until a change without `changes` and with `auto` asks to leave.
 */
export interface MembershipChange {
  readonly transition: "auto" | "implicit" | "explicit";
  readonly changes: readonly MemberChange[];
  /** Opaque for the core: what the host wants to know of the members that come, their names and addresses. */
  readonly context: Uint8Array;
}
