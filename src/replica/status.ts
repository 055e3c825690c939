import type { Index, MemberId, Term } from "../log/entry.ts";
import type { RoleKind } from "../raft/effects.ts";
import type { Membership } from "../raft/membership.ts";
import type { RaftStatus } from "../raft/status.ts";
import type { MemberRecord } from "./directory.ts";

/** One member's view of itself and of the group, at one moment. */
export interface ReplicaStatus {
  readonly name: string;
  readonly id: MemberId;
  readonly clusterId: string;
  readonly state: "open" | "closing" | "closed" | "failed";
  readonly role: RoleKind;
  /** The leader's name, or null when none is known. */
  readonly leader: string | null;
  readonly term: Term;
  readonly commit: Index;
  readonly applied: Index;
  /** The newest snapshot's index, or 0. */
  readonly snapshot: Index;
  readonly members: readonly MemberRecord[];
  readonly membership: Membership;
  /** Commands that wait here. */
  readonly proposals: number;
  /** Frames that were dropped because they were malformed or came from nobody we know. */
  readonly framesRefused: number;
  /** The core's own view: progress of each peer, budgets, reads. */
  readonly raft: RaftStatus;
}
