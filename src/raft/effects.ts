import type { Entry, EntryId, Index, MemberId, Term } from "../log/entry.ts";
import type { Message } from "./message.ts";
import type { Refusal } from "./refusal.ts";
import type { SnapshotMetadata } from "./snapshot-metadata.ts";

export type { SnapshotMetadata } from "./snapshot-metadata.ts";

/** What a member must never forget: with a vote forgotten there could be two leaders in one term (5.2). */
export interface HardState {
  readonly term: Term;
  readonly vote: MemberId | undefined;
  /** Kept for a quick restart, and so that no applied change of membership is forgotten; safety does not need it. */
  readonly commit: Index;
}

/**
 * One step for the disk, to be kept whole or not at all. `snapshot`, when there is one, replaces the log up to and
 * beyond it. `entries` replace what the log held from the first of them on.
 *
 * Its duty: `sendAfter` may leave only when the step would survive a power cut. A vote or an acknowledgement that
 * is sent earlier is a promise that a power cut breaks.
 */
export interface Save {
  readonly hardState: HardState | undefined;
  readonly entries: readonly Entry[];
  readonly snapshot: SnapshotMetadata | undefined;
  /** False when only the commit index moved: such a step need not be synced by itself. */
  readonly mustSync: boolean;
  /** Released by `Raft.saved`. Some are addressed to this member itself: its own votes and acknowledgements. */
  readonly sendAfter: readonly Message[];
  /** The last entry of the log at this step, which names the save; null when nothing in the log waits for the disk. */
  readonly last: EntryId | undefined;
  /** The term at this step. */
  readonly term: Term;
}

/** A linearizable read may be served once `index` is applied; or why it may not. */
export interface ReadReady {
  readonly request: number;
  readonly result: Index | Refusal;
}

/** What became of proposals that this member forwarded. */
export interface ProposeResult {
  readonly request: number;
  readonly result: EntryId | Refusal;
}

/**
 * The role of a member in its term (Raft §5.1). A pre-candidate asks whether it could win, before it raises
 * the term.
 */
export type RoleKind = "follower" | "pre-candidate" | "candidate" | "leader";

/**
 * The part of a member's state that need not be on the disk: it is found again after a restart. `leader` is
 * undefined while no leader is known.
 */
export interface SoftState {
  readonly role: RoleKind;
  readonly leader: MemberId | undefined;
  readonly term: Term;
}

/** What the core wants done, in the order of its fields. */
export interface Effects {
  /** May leave at once, while our own disk still writes. */
  readonly sendNow: readonly Message[];
  readonly save: Save | undefined;
  /** Committed and ready for the state machine, in order, each handed out once. Answer with `Raft.applied`. */
  readonly apply: readonly Entry[];
  readonly reads: readonly ReadReady[];
  readonly proposed: readonly ProposeResult[];
  /** Set when role, leader or term changed. */
  readonly state: SoftState | undefined;
}
