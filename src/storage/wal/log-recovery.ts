import { QuorateError } from "../../base/errors.ts";
import type { Entry, EntryId, Index } from "../../log/entry.ts";
import type { HardState } from "../../raft/effects.ts";
import { corrupt } from "../files/corrupt.ts";
import type { Files } from "../files/files.ts";
import type { Slices } from "../files/slices.ts";
import { SNAPSHOT_DIRECTORY, WAL_DIRECTORY } from "../layout/data-dir.ts";
import type { SnapshotListing } from "../layout/manifest.ts";
import { verifySnapshot } from "../snapshots/snapshot-reader.ts";
import type { Snapshot } from "../storage.ts";
import type { Replay } from "./replay.ts";

/** What a snapshot and the log say together. */
export interface JoinedLog {
  readonly hardState: HardState;
  readonly entries: readonly Entry[];
  /** Set when the log gives way to the snapshot and does not say so yet. */
  readonly restart: EntryId | null;
}

export interface RecoveredLog extends JoinedLog {
  readonly snapshot: Snapshot | undefined;
  /** Those that can be read, oldest first. */
  readonly snapshots: readonly SnapshotListing[];
}

/** Throws ERR_CORRUPT where snapshots and log do not fit together without a gap, or no snapshot can be read. */
export function recoverLog(
  listings: readonly SnapshotListing[],
  found: FoundSnapshot,
  replay: Replay,
): RecoveredLog {
  const { snapshot, at, damage } = found;
  if (damage !== null && (snapshot === undefined || !leads(replay, listings[at]!, listings.at(-1)!)))
    throw damage;
  checkCommit(replay, snapshot);
  return { snapshot, snapshots: listings.slice(0, at + 1), ...joinLog(replay, snapshot) };
}

/** A member commits only what its storage was given before, so that no frame speaks of entries that come after it. */
function checkCommit({ hardState, entries, restart }: Replay, snapshot: Snapshot | undefined): void {
  const last = Math.max(entries.at(-1)?.index ?? 0, restart?.index ?? 0, snapshot?.metadata.index ?? 0);
  if (hardState.commit <= last) return;
  const reason = `the log ends at entry ${last}, though entry ${hardState.commit} was committed`;
  throw corrupt({ file: WAL_DIRECTORY, offset: 0, reason, index: last + 1 });
}

/** Throws ERR_CORRUPT where they do not fit together without a gap. */
export function joinLog(replay: Replay, snapshot: Snapshot | undefined): JoinedLog {
  return { ...connect(replay, snapshot), hardState: raise(replay.hardState, snapshot) };
}

/** The newest snapshot that can be read. */
export interface FoundSnapshot {
  /** Null where there is none. */
  readonly snapshot: Snapshot | undefined;
  /** Its place among the listings, or -1. */
  readonly at: number;
  /** Why the newest of the listings cannot be read, if it cannot. */
  readonly damage: QuorateError | null;
}

/** Looks for it before the WAL is read, which then need not keep what the snapshot covers. Throws ERR_DISK. */
export function* findSnapshot(files: Files, listings: readonly SnapshotListing[]): Slices<FoundSnapshot> {
  let damage: QuorateError | null = null;
  for (let at = listings.length - 1; at >= 0; at--) {
    try {
      return { snapshot: yield* verifySnapshot(files, listings[at]!), at, damage };
    } catch (error) {
      if (!QuorateError.is(error, "ERR_CORRUPT")) throw error;
      damage ??= error;
    }
  }
  return { snapshot: undefined, at: -1, damage };
}

/** The index up to which entries need not be kept. */
export function coveredIndex({ snapshot }: FoundSnapshot): Index {
  return snapshot?.metadata.index ?? 0;
}

/** Whether the log leads without a gap from one snapshot to where a later one stood. */
function leads({ entries, restart }: Replay, from: EntryId, to: EntryId): boolean {
  const first = entries[0];
  if (first === undefined || first.index > from.index + 1) return false;
  if (restart !== null && restart.index > from.index) return false;
  const last = first.index + entries.length - 1;
  const at = entries[from.index - first.index];
  return last >= to.index && (at === undefined || at.term === from.term);
}

/**
 * The entries that go with the snapshot. Where the log does not contain the snapshot's last entry, the snapshot came
 * from a leader and the log is another history, or ends before it: it gives way (Raft, section 7).
 */
function connect(
  { entries, restart }: Replay,
  snapshot: Snapshot | undefined,
): { entries: Entry[]; restart: EntryId | null } {
  const index = snapshot?.metadata.index ?? 0;
  const first = entries[0];
  if (restart !== null && restart.index > index) {
    throw corrupt({ file: SNAPSHOT_DIRECTORY, offset: 0, reason: "a snapshot is missing", ...restart });
  }
  if (first !== undefined && first.index > index + 1) {
    throw corrupt({ file: WAL_DIRECTORY, offset: 0, reason: "the log begins too late", index: index + 1 });
  }
  if (snapshot === undefined) return { entries, restart: null };

  const { term } = snapshot.metadata;
  if (first === undefined)
    return { entries, restart: restart === null || restart.index === index ? null : { index, term } };
  const contains = first.index === index + 1 || entries[index - first.index]?.term === term;
  return contains ? { entries, restart: null } : { entries: [], restart: { index, term } };
}

/** A snapshot of a later term means that this term has come; a vote belongs to its own term. */
function raise(hardState: HardState, snapshot: Snapshot | undefined): HardState {
  if (snapshot === undefined) return hardState;
  const { index, term } = snapshot.metadata;
  return {
    term: Math.max(hardState.term, term),
    vote: hardState.term >= term ? hardState.vote : undefined,
    commit: Math.max(hardState.commit, index),
  };
}
