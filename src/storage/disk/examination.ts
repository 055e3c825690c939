import { MalformedBytes } from "../../base/bytes.ts";
import { QuorateError } from "../../base/errors.ts";
import type { Entry } from "../../log/entry.ts";
import { corrupt } from "../files/corrupt.ts";
import type { Files } from "../files/files.ts";
import { atOnce } from "../files/slices.ts";
import {
  DAMAGED_DIRECTORY,
  isUsed,
  MANIFEST_PATH,
  RESERVE_PATH,
  SNAPSHOT_DIRECTORY,
  STATE_SLOT_PATHS,
  WAL_DIRECTORY,
} from "../layout/data-dir.ts";
import { checksumSeed, type FrameHeader } from "../layout/frame.ts";
import { type ManifestContent, readManifest, type SnapshotListing } from "../layout/manifest.ts";
import { isLockFile } from "../lock/lock-file.ts";
import { snapshotPath } from "../snapshots/snapshot-file.ts";
import { verifySnapshot } from "../snapshots/snapshot-reader.ts";
import type { Snapshot } from "../storage.ts";
import { readRecords } from "../wal/record.ts";
import { readSegmentCapacity, segmentPath } from "../wal/segment.ts";
import { readSegmentParts } from "../wal/segment-parts.ts";
import { type Slot, StateSlots } from "../wal/state-slots.ts";
import { isUnfinishedStore, readStore, type StoreContent } from "./disk-opening.ts";

/** What lies in a data directory, and what is wrong with it. */
export interface Examination {
  /** Null where it is missing or damaged; without it nothing else can be read. */
  readonly manifest: ManifestContent | null;
  readonly slots: readonly SlotExamination[];
  readonly segments: readonly SegmentExamination[];
  readonly snapshots: readonly SnapshotExamination[];
  /** Files that are no part of the store. Those of our own making go with the next start. */
  readonly strays: readonly string[];
  /** Whether the first start was cut short before anything could be saved: the next one makes the store anew. */
  readonly isUnfinished: boolean;
  /** What a start would find; null when it would refuse, or make the store anew. */
  readonly content: StoreContent | null;
  /** Everything that is not as it was written, including what a start could live with. */
  readonly problems: readonly QuorateError[];
}

export interface SlotExamination {
  readonly path: string;
  readonly state: Slot | null;
}

export interface SegmentExamination {
  readonly path: string;
  readonly number: number;
  /** Length of the file, null where there is none. */
  readonly bytes: number | null;
  readonly frames: readonly FrameExamination[];
  /** Stretches that are neither frames nor zeros. They need not be damage: a crash leaves such things, too. */
  readonly unreadable: readonly { readonly offset: number; readonly length: number }[];
}

export interface FrameExamination {
  readonly header: FrameHeader;
  readonly entries: readonly EntryExamination[];
  /** The index of the snapshot after which the log begins anew in this frame, if it does. */
  readonly restartAfter: number | null;
}

export interface EntryExamination {
  readonly index: number;
  readonly term: number;
  readonly kind: Entry["kind"];
  /** Length of its data. */
  readonly size: number;
}

export interface SnapshotExamination {
  readonly path: string;
  readonly listing: SnapshotListing;
  readonly snapshot: Snapshot | null;
}

/**
 * Looks at all of a data directory and changes nothing; damage is reported, not thrown. A directory in use may be
 * looked at, too, but what is being written in that moment can pass for damage. Throws ERR_DISK.
 */
export function examineDirectory(files: Files): Examination {
  const problems: QuorateError[] = [];
  const noting = <Value>(read: () => Value): Value | null => {
    try {
      return read();
    } catch (error) {
      if (!QuorateError.is(error) || QuorateError.is(error, "ERR_DISK")) throw error;
      if (!problems.some(({ message }) => message === error.message)) problems.push(error);
      return null;
    }
  };
  const manifest = noting(() => requireManifest(files));
  const isUnfinished = manifest !== null && isUnfinishedStore(files, manifest);
  if (manifest === null || isUnfinished) {
    const nothing = { slots: [], segments: [], snapshots: [], strays: [], content: null };
    return { manifest, isUnfinished, ...nothing, problems };
  }
  const seed = checksumSeed(manifest.storeId);
  const slots = examineSlots(files, seed, noting);
  const snapshots = manifest.snapshots.map((listing) => {
    return {
      path: snapshotPath(listing),
      listing,
      snapshot: noting(() => atOnce(verifySnapshot(files, listing))),
    };
  });
  const present = namesIn(files, WAL_DIRECTORY);
  const segments = manifest.segments.map((number) => examineSegment(files, present, number, seed));
  const content = noting(() => atOnce(readStore(files, manifest)));
  const strays = findStrays(files, manifest);
  return { manifest, isUnfinished, slots, segments, snapshots, strays, content, problems };
}

type Noting = <Value>(read: () => Value) => Value | null;

/** The manifest of a store that must be there. Throws ERR_CORRUPT, also where it is missing, and ERR_INCOMPATIBLE. */
export function requireManifest(files: Files): ManifestContent {
  const manifest = readManifest(files);
  if (manifest !== null) return manifest;
  const reason = isUsed(files) ? "missing, though the directory holds a store" : "there is no store here";
  throw corrupt({ file: MANIFEST_PATH, offset: 0, reason });
}

function examineSlots(files: Files, seed: number, noting: Noting): SlotExamination[] {
  const states = StateSlots.read(files, seed);
  return STATE_SLOT_PATHS.map((path, at) => {
    const state = states[at]!;
    if (state === null) {
      noting(() => {
        throw corrupt({ file: path, offset: 0, reason: "this copy of the hard state cannot be read" });
      });
    }
    return { path, state };
  });
}

function examineSegment(
  files: Files,
  present: ReadonlySet<string>,
  number: number,
  seed: number,
): SegmentExamination {
  const path = segmentPath(number);
  const frames: FrameExamination[] = [];
  const unreadable: { offset: number; length: number }[] = [];
  if (!present.has(path)) return { path, number, bytes: null, frames, unreadable };

  const bytes = files.readSync(path);
  if (readSegmentCapacity(bytes, number, seed) === null) unreadable.push({ offset: 0, length: 512 });
  for (const part of readSegmentParts(bytes, number, seed)) {
    if (part.kind === "frame") frames.push(examineFrame(part.header, part.body));
    if (part.kind === "unreadable") unreadable.push({ offset: part.offset, length: part.length });
  }
  return { path, number, bytes: bytes.length, frames, unreadable };
}

function examineFrame(header: FrameHeader, body: Uint8Array): FrameExamination {
  const entries: EntryExamination[] = [];
  let restartAfter: number | null = null;
  try {
    for (const record of readRecords(body)) {
      if (record.kind === "restart") {
        restartAfter = record.after.index;
        continue;
      }
      const { index, term, kind, data } = record.entry;
      entries.push({ index, term, kind, size: data.length });
    }
  } catch (error) {
    // Whole, but no records of ours: `readStore` says so, with the place.
    if (!(error instanceof MalformedBytes)) throw error;
  }
  return { header, entries, restartAfter };
}

function findStrays(files: Files, { segments, snapshots }: ManifestContent): string[] {
  const ours = new Set([
    MANIFEST_PATH,
    RESERVE_PATH,
    ...STATE_SLOT_PATHS,
    WAL_DIRECTORY,
    SNAPSHOT_DIRECTORY,
    DAMAGED_DIRECTORY,
    ...segments.map(segmentPath),
    ...snapshots.map(snapshotPath),
  ]);
  const all = ["", WAL_DIRECTORY, SNAPSHOT_DIRECTORY].flatMap((directory) => [...namesIn(files, directory)]);
  return all.filter((path) => !ours.has(path) && !isLockFile(path));
}

/** Paths of what lies in a directory. */
function namesIn(files: Files, directory: string): ReadonlySet<string> {
  const names = files.listSync(directory);
  return new Set(names.map((name) => (directory === "" ? name : `${directory}/${name}`)));
}
