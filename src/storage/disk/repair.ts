import { ByteWriter } from "../../base/bytes.ts";
import { QuorateError } from "../../base/errors.ts";
import type { Entry, EntryId, Term } from "../../log/entry.ts";
import type { HardState } from "../../raft/effects.ts";
import type { Files } from "../files/files.ts";
import type { Slices } from "../files/slices.ts";
import { DAMAGED_DIRECTORY, removeLeftovers, SNAPSHOT_DIRECTORY, WAL_DIRECTORY } from "../layout/data-dir.ts";
import { checksumSeed, FRAME_HEADER_BYTES, paddedLength, sealFrame } from "../layout/frame.ts";
import { type ManifestContent, type SnapshotListing, writeManifest } from "../layout/manifest.ts";
import { snapshotPath } from "../snapshots/snapshot-file.ts";
import type { Snapshot } from "../storage.ts";
import { coveredIndex, type FoundSnapshot, findSnapshot, joinLog } from "../wal/log-recovery.ts";
import { writeEntryRecord, writeRestartRecord } from "../wal/record.ts";
import { salvageWal, walBounds } from "../wal/recovery.ts";
import type { Replay } from "../wal/replay.ts";
import { blankSegment, FRAMES_OFFSET, segmentNumbers, segmentPath } from "../wal/segment.ts";
import { StateSlots } from "../wal/state-slots.ts";

/** What is kept of a damaged store. */
interface Rest {
  readonly listing: SnapshotListing | null;
  readonly entries: readonly Entry[];
  /** Set where the log begins after the snapshot without containing its last entry. */
  readonly restart: EntryId | null;
  readonly hardState: HardState;
}

/**
 * Makes a damaged store whole again with what of it is proved: the newest snapshot that can be read, and the entries
 * before the damage that go with it; or nothing. Everything else of the WAL and the damaged snapshots are set aside in
 * `damaged/`, where those of the repair before give way. Term and vote are kept: both copies of the hard state must be
 * intact, since a member that forgot a vote must not take part at all.
 *
 * A new term is begun, in which this member votes for nobody, and the old one is noted as the one in which entries may
 * have been lost. Why that makes it safe to go on is told in `docs/decisions/0008-repair-from-peers.md`.
 *
 * Throws ERR_CORRUPT where the hard state is damaged as well, ERR_DISK.
 */
export function* repairStore(
  files: Files,
  manifest: ManifestContent,
  firstBytes: number,
): Slices<ManifestContent> {
  const seed = checksumSeed(manifest.storeId);
  const state = StateSlots.loadIntact(files, seed);
  const found = yield* findSnapshot(files, manifest.snapshots);
  const bounds = walBounds(manifest, state, coveredIndex(found), seed);
  const { replay, newest } = yield* salvageWal(files, bounds);
  const rest = chooseRest(manifest.snapshots, found, replay);
  const lostTerm = Math.max(state.hardState.term, newest?.hardState.term ?? 0, rest.hardState.term);

  const number = Math.max(...manifest.segments, ...segmentNumbers(files)) + 1;
  const sequence = Math.max(bounds.durableSequence, newest?.sequence ?? 0) + 1;
  const bytes = segmentWith(rest, { number, sequence, lostTerm, firstBytes, seed });
  files.writeSync(segmentPath(number), bytes);
  files.syncDirectorySync(WAL_DIRECTORY);
  const repaired: ManifestContent = {
    ...manifest,
    bootEpoch: Math.max(manifest.bootEpoch, state.bootEpoch),
    segments: [number],
    firstSequence: sequence,
    firstPrevious: 0,
    snapshots: rest.listing === null ? [] : [rest.listing],
    lostTerm,
    durableSequence: sequence,
  };
  writeManifest(files, repaired);
  setAside(files, manifest, repaired);
  return repaired;
}

/** The newest snapshot that can be read, with as much of the log as goes with it. */
function chooseRest(
  listings: readonly SnapshotListing[],
  { snapshot, at }: FoundSnapshot,
  replay: Replay,
): Rest {
  if (snapshot !== undefined) return { listing: listings[at]!, ...joinOrGiveWay(replay, snapshot) };
  // A log without its snapshot says nothing of what was before it.
  return { listing: null, entries: [], restart: null, hardState: { ...replay.hardState, commit: 0 } };
}

function joinOrGiveWay(replay: Replay, snapshot: Snapshot): Omit<Rest, "listing"> {
  try {
    return joinLog(replay, snapshot);
  } catch (error) {
    if (!QuorateError.is(error, "ERR_CORRUPT")) throw error;
  }
  const { index, term } = snapshot.metadata;
  return { entries: [], restart: { index, term }, hardState: { ...replay.hardState, commit: index } };
}

interface NewSegment {
  readonly number: number;
  readonly sequence: number;
  readonly lostTerm: Term;
  readonly firstBytes: number;
  readonly seed: number;
}

/** A segment that begins the chain of frames anew, with one frame that holds all of the log. */
function segmentWith({ entries, restart, hardState }: Rest, place: NewSegment): Uint8Array {
  const { number, sequence, lostTerm, firstBytes, seed } = place;
  const records = new ByteWriter();
  if (restart !== null) writeRestartRecord(records, restart);
  for (const entry of entries) writeEntryRecord(records, entry);
  const frameBytes = paddedLength(FRAME_HEADER_BYTES + records.length);
  const bytes = blankSegment(number, Math.max(firstBytes, FRAMES_OFFSET + frameBytes), seed);
  const frame = bytes.subarray(FRAMES_OFFSET, FRAMES_OFFSET + frameBytes);
  frame.set(records.written(), FRAME_HEADER_BYTES);
  const none: EntryId = { index: 0, term: 0 };
  const content = {
    hardState: { term: lostTerm + 1, vote: undefined, commit: hardState.commit },
    first: entries[0] ?? none,
    last: entries.at(-1) ?? none,
  };
  sealFrame(frame, { segment: number, offset: FRAMES_OFFSET, sequence, previous: 0 }, content, seed);
  return bytes;
}

/** What is not part of the store any more. A power cut meanwhile may leave some of it to be removed by the next start. */
function setAside(files: Files, before: ManifestContent, after: ManifestContent): void {
  files.makeDirectorySync(DAMAGED_DIRECTORY);
  removeLeftovers(files, DAMAGED_DIRECTORY, () => true);
  const kept = new Set(after.snapshots.map(snapshotPath));
  const given = [...before.segments.map(segmentPath), ...before.snapshots.map(snapshotPath)];
  const present = new Set(
    [WAL_DIRECTORY, SNAPSHOT_DIRECTORY].flatMap((directory) =>
      files.listSync(directory).map((name) => `${directory}/${name}`),
    ),
  );
  for (const path of given) {
    if (kept.has(path) || !present.has(path)) continue;
    files.renameSync(path, `${DAMAGED_DIRECTORY}/${path.slice(path.lastIndexOf("/") + 1)}`);
  }
  for (const directory of [WAL_DIRECTORY, SNAPSHOT_DIRECTORY, DAMAGED_DIRECTORY])
    files.syncDirectorySync(directory);
}
