import { ByteWriter } from "../../base/bytes.ts";
import { QuorateError } from "../../base/errors.ts";
import type { EntryId } from "../../log/entry.ts";
import { corrupt } from "../files/corrupt.ts";
import type { Files } from "../files/files.ts";
import type { Slices } from "../files/slices.ts";
import {
  isUsed,
  MANIFEST_PATH,
  removeLeftovers,
  SNAPSHOT_DIRECTORY,
  UNFINISHED,
  WAL_DIRECTORY,
} from "../layout/data-dir.ts";
import { isNoSpace } from "../layout/disk-reserve.ts";
import { checksumSeed, FRAME_HEADER_BYTES, paddedLength, sealFrame } from "../layout/frame.ts";
import { checkIdentity } from "../layout/identity.ts";
import { type ManifestContent, readManifest, writeManifest } from "../layout/manifest.ts";
import { isSnapshotName, snapshotPath } from "../snapshots/snapshot-file.ts";
import type { Identity } from "../storage.ts";
import { coveredIndex, findSnapshot, type RecoveredLog, recoverLog } from "../wal/log-recovery.ts";
import { writeRestartRecord } from "../wal/record.ts";
import { type RecoveredWal, recoverWal, walBounds } from "../wal/recovery.ts";
import { NO_HARD_STATE } from "../wal/replay.ts";
import {
  blankSegment,
  FRAMES_OFFSET,
  type Segment,
  SHORT_SEGMENT_BYTES,
  segmentNumber,
  segmentPath,
} from "../wal/segment.ts";
import { type LoadedState, type Slot, StateSlots } from "../wal/state-slots.ts";
import type { WalStart } from "../wal/wal.ts";
import { checkNothingElse, isEtcds } from "./foreign-files.ts";
import { repairStore } from "./repair.ts";

/** The first segment of a store and of each start after a crash; those that follow double up to `segmentBytes`. */
const FIRST_SEGMENT_BYTES = 1024 * 1024;

/** A data directory that has been read and made ready for writing. */
export interface OpenedDisk {
  readonly isNew: boolean;
  readonly manifest: ManifestContent;
  readonly seed: number;
  readonly log: RecoveredLog;
  readonly droppedBytes: number;
  readonly segments: readonly Segment[];
  readonly newestNumber: number;
  readonly start: WalStart;
  readonly slots: StateSlots;
  /** What this start has repaired. */
  readonly damage: QuorateError<"ERR_CORRUPT"> | undefined;
}

/** What becomes of a store with bytes that are not as they were written. */
export type OnCorruption = "refuse" | "repair-from-peers";

export interface DirectoryOptions {
  readonly segmentBytes: number;
  readonly mintStoreId: () => string;
  readonly onCorruption: OnCorruption;
}

/** Opens a data directory that is locked. Throws ERR_FOREIGN_DIRECTORY, ERR_IDENTITY_MISMATCH, ERR_INCOMPATIBLE, ERR_CORRUPT, ERR_DISK. */
export function* openDirectory(
  files: Files,
  identity: Identity,
  { segmentBytes, mintStoreId, onCorruption }: DirectoryOptions,
): Slices<OpenedDisk> {
  const found = readManifest(files);
  if (found === null && isUsed(files) && !isEtcds(files)) {
    throw corrupt({ file: MANIFEST_PATH, offset: 0, reason: "missing, though the directory holds a store" });
  }
  if (found === null) checkNothingElse(files);
  const isNew = found === null || isUnfinishedStore(files, found);
  const firstBytes = Math.min(FIRST_SEGMENT_BYTES, segmentBytes);
  if (!isNew) checkIdentity(found, identity);
  const manifest = isNew ? createStore(files, identity, mintStoreId(), firstBytes) : found;
  try {
    return new Opening(files, manifest, firstBytes, yield* readStore(files, manifest)).run(isNew);
  } catch (error) {
    if (onCorruption === "refuse" || !QuorateError.is(error, "ERR_CORRUPT")) throw error;
    const repaired = yield* repairStore(files, manifest, firstBytes);
    const opening = new Opening(files, repaired, firstBytes, yield* readStore(files, repaired));
    return { ...opening.run(false), damage: error };
  }
}

/**
 * Whether the first start was cut short before anything could be saved, as boot epoch 0 says. Where a later start has
 * written its epoch elsewhere, the manifest is an old copy, and the store holds something.
 */
export function isUnfinishedStore(files: Files, { bootEpoch, storeId }: ManifestContent): boolean {
  return bootEpoch === 0 && newestEpoch(StateSlots.read(files, checksumSeed(storeId))) === 0;
}

function newestEpoch(slots: readonly (Slot | null)[]): number {
  return Math.max(...slots.map((slot) => slot?.bootEpoch ?? 0));
}

/** Makes the files of an empty store. Until its boot epoch is 1 nothing can have been saved in it. */
function createStore(
  files: Files,
  identity: Identity,
  storeId: string,
  segmentBytes: number,
): ManifestContent {
  const { clusterId, memberId, memberName } = identity;
  const seed = checksumSeed(storeId);
  const origin = {
    bootEpoch: 0,
    segments: [1],
    firstSequence: 1,
    firstPrevious: 0,
    snapshots: [],
    lostTerm: 0,
    durableSequence: 0,
  };
  const manifest: ManifestContent = { storeId, clusterId, memberId, memberName, ...origin };
  writeManifest(files, manifest);
  files.makeDirectorySync(WAL_DIRECTORY);
  files.makeDirectorySync(SNAPSHOT_DIRECTORY);
  StateSlots.create(files, { sequence: 0, hardState: NO_HARD_STATE }, seed);
  files.writeSync(segmentPath(1), blankSegment(1, segmentBytes, seed));
  files.syncDirectorySync(WAL_DIRECTORY);
  return manifest;
}

/** What the files of a store hold together. */
export interface StoreContent {
  readonly seed: number;
  readonly state: LoadedState;
  readonly wal: RecoveredWal;
  readonly log: RecoveredLog;
}

/** Reads a store and changes nothing. Throws ERR_CORRUPT, ERR_DISK. */
export function* readStore(files: Files, manifest: ManifestContent): Slices<StoreContent> {
  const seed = checksumSeed(manifest.storeId);
  const state = StateSlots.load(files, seed);
  checkEpoch(manifest, newestEpoch(StateSlots.read(files, seed)));
  const found = yield* findSnapshot(files, manifest.snapshots);
  const wal = yield* recoverWal(files, walBounds(manifest, state, coveredIndex(found), seed));
  // A copy that is older than the oldest frame may be of a log that a repair has given up.
  if (state.sequence >= manifest.firstSequence) wal.replay.raiseCommit(state.hardState.commit);
  return { seed, state, wal, log: recoverLog(manifest.snapshots, found, wal.replay) };
}

/** An old copy of the manifest may not know of a repair, and would have this start's numbers used twice. */
function checkEpoch({ bootEpoch }: ManifestContent, epochInSlots: number): void {
  if (epochInSlots <= bootEpoch) return;
  const reason = `an old copy: it is of start ${bootEpoch}, and the hard state of start ${epochInSlots}`;
  throw corrupt({ file: MANIFEST_PATH, offset: 0, reason });
}

class Opening {
  readonly #files: Files;
  readonly #manifest: ManifestContent;
  readonly #firstBytes: number;
  readonly #seed: number;
  readonly #state: LoadedState;
  readonly #wal: RecoveredWal;
  readonly #log: RecoveredLog;

  constructor(files: Files, manifest: ManifestContent, firstBytes: number, content: StoreContent) {
    this.#files = files;
    this.#manifest = manifest;
    this.#firstBytes = firstBytes;
    const { seed, state, wal, log } = content;
    this.#seed = seed;
    this.#state = state;
    this.#wal = wal;
    this.#log = log;
  }

  run(isNew: boolean): OpenedDisk {
    const segments = [...this.#wal.segments];
    const { newestNumber } = this.#wal;
    const start = this.#canGoOn() ? this.#goOn() : this.#beginSegment(segments, newestNumber + 1);
    const manifest: ManifestContent = {
      ...this.#manifest,
      bootEpoch: this.#manifest.bootEpoch + 1,
      segments: segments.map(({ number }) => number),
      snapshots: this.#log.snapshots,
      durableSequence: start.sequence,
    };
    writeManifest(this.#files, manifest);
    this.#removeLeftovers(manifest);
    const { bootEpoch } = manifest;
    const slots = StateSlots.open(this.#files, this.#state, start, { bootEpoch, seed: this.#seed });
    return {
      isNew,
      manifest,
      seed: this.#seed,
      log: this.#log,
      droppedBytes: this.#wal.droppedBytes,
      segments,
      newestNumber: Math.max(newestNumber, segments.at(-1)!.number),
      start,
      slots,
      damage: undefined,
    };
  }

  get #lastSequence(): number {
    return this.#wal.last?.header.sequence ?? this.#manifest.firstSequence - 1;
  }

  /** Whether the last frame is known to be durable: then its bytes came from the disk, not from a cache above it. */
  get #isProven(): boolean {
    return this.#lastSequence <= Math.max(this.#state.sequence, this.#manifest.durableSequence);
  }

  #canGoOn(): boolean {
    const { segments, end, droppedBytes } = this.#wal;
    return (
      this.#isProven && droppedBytes === 0 && this.#log.restart === null && segments.at(-1) === end.segment
    );
  }

  #goOn(): WalStart {
    return {
      offset: this.#wal.end.offset,
      sequence: this.#lastSequence,
      checksum: this.#wal.last?.header.checksum ?? this.#manifest.firstPrevious,
      hardState: this.#log.hardState,
    };
  }

  /**
   * Goes on in a segment of its own. The last frame may be readable only because the system still has it in memory,
   * after a sync that failed or never came: its records are written once more, in a frame of the same sequence that
   * takes the other's place, and are durable before anybody counts on them.
   */
  #beginSegment(segments: Segment[], number: number): WalStart {
    const last = this.#isProven ? null : this.#wal.last;
    const sequence = last?.header.sequence ?? this.#lastSequence + 1;
    const previous = last?.header.previous ?? this.#wal.last?.header.checksum ?? this.#manifest.firstPrevious;
    const none: EntryId = { index: 0, term: 0 };
    const content = {
      hardState: this.#log.hardState,
      first: last?.header.first ?? none,
      last: last?.header.last ?? none,
    };
    const records = this.#recordsToRepeat(last?.records ?? null);
    const frameBytes = paddedLength(FRAME_HEADER_BYTES + records.length);
    const frame = new Uint8Array(frameBytes);
    frame.set(records, FRAME_HEADER_BYTES);
    const place = { segment: number, offset: FRAMES_OFFSET, sequence, previous };
    const checksum = sealFrame(frame, place, content, this.#seed);
    this.#writeSegment(number, frame);
    segments.push({
      number,
      firstSequence: sequence,
      previous,
      lastIndex: content.last.index,
      isBegun: true,
    });
    return { offset: FRAMES_OFFSET + frameBytes, sequence, checksum, hardState: this.#log.hardState };
  }

  /** A segment with one frame, shorter than usual where the disk has no room for more. */
  #writeSegment(number: number, frame: Uint8Array): void {
    const needed = FRAMES_OFFSET + frame.length;
    const shortest = Math.max(needed, Math.min(this.#firstBytes, SHORT_SEGMENT_BYTES));
    const write = (capacity: number): void => {
      const bytes = blankSegment(number, capacity, this.#seed);
      bytes.set(frame, FRAMES_OFFSET);
      try {
        this.#files.writeSync(segmentPath(number), bytes);
      } catch (error) {
        if (!isNoSpace(error) || capacity === shortest) throw error;
        write(shortest);
      }
    };
    write(Math.max(needed, this.#firstBytes));
    this.#files.syncDirectorySync(WAL_DIRECTORY);
  }

  #recordsToRepeat(records: Uint8Array | null): Uint8Array {
    const writer = new ByteWriter();
    if (records !== null) writer.bytes(records);
    if (this.#log.restart !== null) writeRestartRecord(writer, this.#log.restart);
    return writer.take();
  }

  #removeLeftovers({ segments, snapshots }: ManifestContent): void {
    const segmentNames = new Set(segments.map((number) => nameOf(segmentPath(number))));
    removeLeftovers(this.#files, WAL_DIRECTORY, (name) => {
      const isOurs = segmentNumber(name) !== null || segmentNumber(withoutEnding(name)) !== null;
      return isOurs && !segmentNames.has(name);
    });
    const snapshotNames = new Set(snapshots.map((listing) => nameOf(snapshotPath(listing))));
    removeLeftovers(this.#files, SNAPSHOT_DIRECTORY, (name) => {
      const isOurs = isSnapshotName(name) || /^\d+\.tmp$/.test(name);
      return isOurs && !snapshotNames.has(name);
    });
  }
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function withoutEnding(name: string): string {
  return name.endsWith(UNFINISHED) ? name.slice(0, -UNFINISHED.length) : name;
}
