import type { EntryId, Index, MemberId, Term } from "../log/entry.ts";
import type { RoleKind, Save } from "./effects.ts";
import type { Membership, MembershipChange } from "./membership.ts";
import type { Message } from "./message.ts";
import type { Progress } from "./progress.ts";
import type { RefusalReason } from "./refusal.ts";
import type { SnapshotMetadata } from "./snapshot-metadata.ts";

/** Which of the two kinds of vote. */
export type Ballot = "vote" | "pre-vote";

/** How much of the log was where, at some moment. */
export interface LogCursors {
  readonly last: EntryId;
  readonly committed: Index;
  readonly applying: Index;
  readonly applied: Index;
  readonly saving: Index;
  readonly saved: Index;
}

/**
 * What the core decided, and why, for whoever wants to watch it think. Given to `RaftEnvironment.trace` at the moment
 * it happens; the objects inside may change afterwards. Nothing is made when nobody listens.
 */
export type TraceEvent =
  | {
      readonly kind: "started";
      readonly voters: readonly MemberId[];
      readonly term: Term;
      readonly log: LogCursors;
    }
  | { readonly kind: "membership-switched"; readonly membership: Membership }
  | { readonly kind: "role-changed"; readonly role: RoleKind; readonly term: Term }
  // Elections
  | { readonly kind: "election-started"; readonly term: Term }
  | {
      readonly kind: "election-ignored";
      readonly reason: "leading" | "not-promotable" | "change-unapplied";
      readonly term: Term;
    }
  | {
      readonly kind: "vote-asked";
      readonly ballot: Ballot;
      readonly to: MemberId;
      readonly last: EntryId;
      readonly term: Term;
    }
  | {
      readonly kind: "vote-received";
      readonly ballot: Ballot;
      readonly from: MemberId;
      readonly granted: boolean;
      readonly term: Term;
    }
  | {
      readonly kind: "votes-counted";
      readonly ballot: Ballot;
      readonly granted: number;
      readonly rejected: number;
    }
  | {
      readonly kind: "vote-cast";
      readonly ballot: Ballot;
      readonly granted: boolean;
      readonly from: MemberId;
      readonly theirs: EntryId;
      readonly ours: EntryId;
      readonly vote: MemberId | undefined;
      readonly term: Term;
    }
  | {
      readonly kind: "vote-ignored";
      readonly ballot: Ballot;
      readonly from: MemberId;
      readonly theirs: EntryId;
      readonly ours: EntryId;
      readonly vote: MemberId | undefined;
      readonly term: Term;
      readonly remainingTicks: number;
    }
  | { readonly kind: "quorum-lost"; readonly term: Term }
  | { readonly kind: "leader-forgotten"; readonly leader: MemberId; readonly term: Term }
  | { readonly kind: "forgetting-refused" }
  | { readonly kind: "fell-asleep" }
  | { readonly kind: "woke-up" }
  // Terms
  | { readonly kind: "higher-term"; readonly message: Message; readonly term: Term }
  | { readonly kind: "lower-term"; readonly message: Message; readonly term: Term }
  | { readonly kind: "message-refused"; readonly message: Message; readonly detail: string }
  // Hand-over
  | { readonly kind: "transfer-started"; readonly to: MemberId; readonly term: Term }
  | {
      readonly kind: "transfer-ignored";
      readonly to: MemberId;
      readonly reason: "learner" | "repeated" | "self";
      readonly term: Term;
    }
  | { readonly kind: "transfer-ended"; readonly to: MemberId; readonly term: Term }
  | { readonly kind: "timeout-now-sent"; readonly to: MemberId; readonly immediately: boolean }
  | { readonly kind: "timeout-now-received"; readonly from: MemberId; readonly term: Term }
  // Proposals
  | {
      readonly kind: "proposal-dropped";
      readonly reason: RefusalReason;
      readonly other: MemberId | undefined;
      readonly term: Term;
    }
  | {
      readonly kind: "change-refused";
      readonly change: MembershipChange;
      readonly membership: Membership;
      readonly reason: RefusalReason;
      readonly pendingChange: Index;
      readonly applied: Index;
    }
  | { readonly kind: "leave-proposed"; readonly membership: Membership }
  // Following
  | {
      readonly kind: "append-rejected";
      readonly from: MemberId;
      readonly previous: EntryId;
      readonly ourTerm: Term | undefined;
    }
  | {
      readonly kind: "conflict-found";
      readonly index: Index;
      readonly existingTerm: Term;
      readonly conflictingTerm: Term;
    }
  | { readonly kind: "unsaved-replaced"; readonly from: Index }
  | { readonly kind: "unsaved-truncated"; readonly from: Index }
  | { readonly kind: "restore-started"; readonly log: LogCursors; readonly snapshot: EntryId }
  | { readonly kind: "restored"; readonly log: LogCursors; readonly snapshot: EntryId }
  | { readonly kind: "restore-skipped"; readonly log: LogCursors; readonly snapshot: EntryId }
  | { readonly kind: "snapshot-accepted"; readonly committed: Index; readonly snapshot: EntryId }
  | { readonly kind: "snapshot-ignored"; readonly committed: Index; readonly snapshot: EntryId }
  // Leading
  | { readonly kind: "snapshot-unsent"; readonly to: MemberId; readonly reason: "inactive" | "unavailable" }
  | {
      readonly kind: "snapshot-sent";
      readonly to: MemberId;
      readonly first: Index;
      readonly committed: Index;
      readonly snapshot: SnapshotMetadata;
      readonly progress: Progress;
    }
  | { readonly kind: "peer-paused"; readonly to: MemberId; readonly progress: Progress }
  | { readonly kind: "peer-recovered"; readonly from: MemberId; readonly progress: Progress }
  | {
      readonly kind: "peer-rejected";
      readonly from: MemberId;
      readonly rejected: Index;
      readonly hint: EntryId;
    }
  | { readonly kind: "peer-decreased"; readonly from: MemberId; readonly progress: Progress }
  | { readonly kind: "peer-unreachable"; readonly from: MemberId; readonly progress: Progress }
  | {
      readonly kind: "snapshot-reported";
      readonly from: MemberId;
      readonly succeeded: boolean;
      readonly progress: Progress;
    }
  // The disk
  | { readonly kind: "save-outdated"; readonly save: Save; readonly term: Term }
  | {
      readonly kind: "save-unmatched";
      readonly last: EntryId;
      readonly news: "missing" | "restoring" | "replaced";
      readonly ourTerm: Term | undefined;
    };
