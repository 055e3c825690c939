import type { EntryId, Index, MemberId, Term } from "../log/entry.ts";
import type { Core } from "./core.ts";
import type { RoleKind } from "./effects.ts";
import type { Membership } from "./membership.ts";
import type { Progress, ProgressState } from "./progress.ts";
import { isReady } from "./reconfiguration.ts";

/** What a leader knows of one member, itself included. */
export interface PeerStatus {
  readonly id: MemberId;
  readonly state: ProgressState;
  /** Its log equals ours up to here, durably. */
  readonly matched: Index;
  /** The entry to be sent to it next. */
  readonly next: Index;
  readonly isLearner: boolean;
  /** A learner that is close enough to become a voter; true for voters. */
  readonly isReady: boolean;
  /** Heard from since the last check of the quorum. */
  readonly isActive: boolean;
  /** Nothing is sent until it answers. */
  readonly isPaused: boolean;
  /** The index of the snapshot on its way; 0 when there is none. */
  readonly pendingSnapshot: Index;
  readonly inflightMessages: number;
  readonly inflightBytes: number;
  readonly isWindowFull: boolean;
}

/** One member as it is now. Made on demand; nothing in it changes afterwards. */
export interface RaftStatus {
  readonly id: MemberId;
  readonly term: Term;
  readonly vote: MemberId | undefined;
  readonly role: RoleKind;
  readonly leader: MemberId | undefined;
  readonly membership: Membership;
  /** The first and the last entry in memory. */
  readonly first: Index;
  readonly last: EntryId;
  readonly committed: Index;
  readonly applying: Index;
  readonly applied: Index;
  readonly saving: Index;
  readonly saved: Index;
  /** The snapshot that is being saved and restored. */
  readonly restoring: EntryId | undefined;
  /** Everyone who takes part, ascending by id. Empty but on the leader. */
  readonly progress: readonly PeerStatus[];
  readonly transferTo: MemberId | undefined;
  /** Bytes in the leader's log that are not applied, against `uncommittedBytesMax`. */
  readonly uncommittedBytes: number;
  /** Bytes handed out to be applied, against `committedBytesMax`. */
  readonly applyingBytes: number;
  /** Reads that wait, against `readsMax`. */
  readonly pendingReads: number;
  /** Ticks since the leader was last heard from, and how many of them make an election. */
  readonly electionElapsed: number;
  readonly electionTimeout: number;
  readonly isAsleep: boolean;
  /** Messages refused because no correct member could have sent them. */
  readonly refusedMessages: number;
}

export function statusOf(core: Core): RaftStatus {
  const { log, role } = core;
  const leader = role.kind === "leader" ? role : null;
  return {
    id: core.id,
    term: core.term,
    vote: core.vote,
    role: role.kind,
    leader: core.leader,
    membership: core.membership,
    first: log.firstIndex,
    ...core.cursors(),
    restoring: log.restoring,
    progress: leader?.progress.map((progress) => peerStatusOf(core, progress)) ?? [],
    transferTo: leader?.transferTo ?? undefined,
    uncommittedBytes: leader?.uncommittedBytes ?? 0,
    applyingBytes: log.applyingBytes,
    pendingReads: "reads" in role ? role.reads.count : 0,
    electionElapsed: core.electionElapsed,
    electionTimeout: core.electionTimeout,
    isAsleep: core.isAsleep,
    refusedMessages: core.refusedMessages,
  };
}

function peerStatusOf(core: Core, progress: Progress): PeerStatus {
  const { id, state, matched, next, isLearner, isActive, isPaused, pendingSnapshot, inflight } = progress;
  return {
    id,
    state,
    matched,
    next,
    isLearner,
    isReady: !isLearner || isReady(core, progress),
    isActive,
    isPaused,
    pendingSnapshot,
    inflightMessages: inflight.count,
    inflightBytes: inflight.bytes,
    isWindowFull: inflight.isFull,
  };
}
