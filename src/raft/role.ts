import type { Index, MemberId } from "../log/entry.ts";
import type { ForwardedReads } from "./forwarded-reads.ts";
import type { Progress } from "./progress.ts";
import type { ReadBarrier } from "./read-barrier.ts";

/** Follows a leader, or waits for one. Learners are always followers. */
export interface Follower {
  readonly kind: "follower";
  leader: MemberId | undefined;
  readonly reads: ForwardedReads;
  /** Why this member stands as soon as it has applied a change of membership; null when it does not. */
  standOnceApplied: Candidacy | null;
}

/** Why a member stands for election: its leader asked it to, or it does so by itself. */
export type Candidacy = "hand-over" | "own";

/** Asks for votes; as a pre-candidate only whether it would get them. */
export interface Candidate {
  readonly kind: "pre-candidate" | "candidate";
  readonly votes: Map<MemberId, boolean>;
}

/** Decides what the log says in its term. */
export interface Leader {
  readonly kind: "leader";
  /** Everyone who takes part, ascending by id. */
  progress: Progress[];
  /** Our own among them; null once we were removed. */
  own: Progress | null;
  /** No change of membership is proposed until everything up to this index is applied: one may be among it. */
  pendingChange: Index;
  /** What the entries weigh that are not applied yet. */
  uncommittedBytes: number;
  /** The member that we are handing over to. */
  transferTo: MemberId | null;
  readonly reads: ReadBarrier;
  /** When the newest round that a quorum confirmed began; null while there is no lease. */
  leaseTick: number | null;
  /** Set once we asked someone to stand: it could be elected while voters still hear from us. */
  isLeaseOver: boolean;
  /** Appends or commit indexes wait for the next hand-out of effects. */
  isAppendDue: boolean;
  /** A commit index waits for entries to travel with, until the hand-out after the next. */
  isCommitDue: boolean;
  /** Ticks without anything to do. */
  idleTicks: number;
  /** For the quorum: an array to sort in. */
  readonly scratch: number[];
}

export type Role = Follower | Candidate | Leader;

export function progressOf(leader: Leader, member: MemberId): Progress | undefined {
  for (const progress of leader.progress) if (progress.id === member) return progress;
  return undefined;
}
