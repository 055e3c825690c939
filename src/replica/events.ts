import type { QuorateError } from "../base/errors.ts";
import type { Index, MemberId } from "../log/entry.ts";
import type { RoleKind } from "../raft/effects.ts";
import type { MemberRecord } from "./members/directory.ts";
import type { SnapshotTaken } from "./snapshots/snapshotter.ts";

/**
 * What a member reports of itself. Each is a change of state; `error` is fatal, and the member has stopped. Listeners are
 * called after the work that brought the event about, so they may call anything. What one throws surfaces as an uncaught
 * exception; an `error` that nobody listens to is a warning of the process.
 */
export type ReplicaEvents = {
  role: (role: RoleKind, term: number) => void;
  leader: (name: string | undefined, term: number) => void;
  members: (members: readonly MemberRecord[]) => void;
  snapshot: (taken: SnapshotTaken) => void;
  /** A connection to a peer stands, was lost, or was refused. */
  peer: (name: string, state: "up" | "down") => void;
  /** A save has been under way for an election timeout; a leader hands over. */
  slow: (what: "disk", ms: number) => void;
  /** The disk has no room for more, and writes are refused (true); or it has room again (false). */
  diskFull: (isFull: boolean) => void;
  /** The disk was damaged, as found by this start (undefined: by an earlier one); this member has no vote until `repaired`. */
  repairing: (damage: QuorateError | undefined) => void;
  /** This member holds again all that it may have acknowledged. */
  repaired: () => void;
  /** That member's log or state is not that of the others, as of an entry: it stops as soon as it finds out itself. */
  diverged: (member: MemberId, index: Index) => void;
  refused: (reason: QuorateError) => void;
  error: (error: QuorateError) => void;
  close: () => void;
};

/** The names of all events. */
export const REPLICA_EVENTS: Readonly<Record<keyof ReplicaEvents, true>> = {
  role: true,
  leader: true,
  members: true,
  snapshot: true,
  peer: true,
  slow: true,
  diskFull: true,
  repairing: true,
  repaired: true,
  diverged: true,
  refused: true,
  error: true,
  close: true,
};
