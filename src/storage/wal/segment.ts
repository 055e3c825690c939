import { ByteReader, ByteWriter } from "../../base/bytes.ts";
import type { Callback, Done } from "../../base/callback.ts";
import { crc32 } from "../../base/checksum.ts";
import type { Index } from "../../log/entry.ts";
import type { File, Files } from "../files/files.ts";
import { inTurn } from "../files/in-turn.ts";
import { UNFINISHED, WAL_DIRECTORY } from "../layout/data-dir.ts";
import { type DiskReserve, isNoSpace } from "../layout/disk-reserve.ts";
import { SECTOR_BYTES } from "../layout/frame.ts";

/** The WAL is a row of segments: files of fixed length, filled with zeros before their first frame is written. */
export interface Segment {
  /** Counted from 1, never used again. */
  readonly number: number;
  /** The sequence of its first frame, and what the frame before it ends the chain with. */
  readonly firstSequence: number;
  readonly previous: number;
  /** The highest index of all entries in it, 0 without entries: it can go once a snapshot covers that. */
  lastIndex: Index;
  /** Whether a frame in it is durable. Older segments may go only then, since every frame repeats the hard state. */
  isBegun: boolean;
}

/** The first sector of a segment is its header; frames follow. */
export const FRAMES_OFFSET = SECTOR_BYTES;

const SEGMENT_MAGIC = 0x47455351; // "QSEG"
const HEADER_BYTES = 28;
/** Zeros are written and synced piece by piece, so that the WAL's own writes do not wait behind a long queue. */
const ZEROS_BYTES = 1024 * 1024;

export function segmentPath(number: number): string {
  return `${WAL_DIRECTORY}/${String(number).padStart(12, "0")}.wal`;
}

/** The number of the segment that a file name stands for, or null for a file that is none. */
export function segmentNumber(name: string): number | null {
  return /^\d{12,16}\.wal$/.test(name) ? Number.parseInt(name, 10) : null;
}

/** The numbers of all segments that lie in the directory, ascending, whether or not they belong to the store. */
export function segmentNumbers(files: Files): number[] {
  const numbers = files.listSync(WAL_DIRECTORY).flatMap((name) => segmentNumber(name) ?? []);
  return numbers.sort((left, right) => left - right);
}

export function segmentHeader(number: number, capacity: number, seed: number): Uint8Array {
  const writer = new ByteWriter(HEADER_BYTES);
  writer.u32(SEGMENT_MAGIC);
  writer.u32(0);
  writer.u64(number);
  writer.u64(capacity);
  writer.u32(crc32(writer.written(), seed));
  return writer.take();
}

/** The length that segment `number` was made with, or null where the header is not that of this segment of this store. */
export function readSegmentCapacity(bytes: Uint8Array, number: number, seed: number): number | null {
  if (bytes.length < HEADER_BYTES) return null;
  const checksum = new ByteReader(bytes, HEADER_BYTES - 4).u32();
  if (crc32(bytes.subarray(0, HEADER_BYTES - 4), seed) !== checksum) return null;
  const reader = new ByteReader(bytes);
  if (reader.u32() !== SEGMENT_MAGIC || reader.u32() !== 0 || reader.u64() !== number) return null;
  return reader.u64();
}

/** A whole new segment in memory, for start-up. */
export function blankSegment(number: number, capacity: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(capacity);
  bytes.set(segmentHeader(number, capacity, seed), 0);
  return bytes;
}

/** A segment is not made shorter than this for want of room. */
export const SHORT_SEGMENT_BYTES = 64 * 1024;

export interface NewSegment {
  readonly number: number;
  readonly capacity: number;
  readonly seed: number;
}

/**
 * Makes a segment off the path of writes: zeros all through, header, synced, and only then named. Overwriting blocks
 * that exist needs no journal commit of the file system, which is what makes a sync cheap. Calls back with its length,
 * which is shorter where the disk has no room for more.
 */
export function prepareSegment(
  files: Files,
  room: DiskReserve,
  { number, capacity, seed }: NewSegment,
  done: Callback<number>,
): void {
  const path = segmentPath(number);
  const unnamed = path + UNFINISHED;
  let made = 0;
  const fit = (end: Done): void => {
    writeFitting(files, unnamed, { number, capacity, seed }, (error, length = 0) => {
      made = length;
      end(error);
    });
  };
  inTurn(
    [
      (next) => room.attempt(fit, next),
      (next) => files.rename(unnamed, path, next),
      (next) => files.syncDirectory(WAL_DIRECTORY, next),
    ],
    (error) => (error === null ? done(null, made) : done(error)),
  );
}

/**
 * Takes at most half of what is free, so that a snapshot and the manifest find room beside it, and goes down to half of
 * that again while the disk refuses: what a quota leaves is often not told.
 */
function writeFitting(files: Files, path: string, segment: NewSegment, done: Callback<number>): void {
  const shortest = Math.min(segment.capacity, SHORT_SEGMENT_BYTES);
  const write = (capacity: number): void => {
    const header = segmentHeader(segment.number, capacity, segment.seed);
    writeBlank(files, path, capacity, header, (error) => {
      if (error === null) done(null, capacity);
      else if (isNoSpace(error) && capacity > shortest) write(Math.max(shortest, wholeSectors(capacity / 2)));
      else done(error);
    });
  };
  freeBytes(files, (free) => write(Math.max(shortest, Math.min(segment.capacity, wholeSectors(free / 2)))));
}

function freeBytes(files: Files, done: (bytes: number) => void): void {
  if (files.freeBytes === undefined) done(Number.POSITIVE_INFINITY);
  else files.freeBytes((_error, bytes = Number.POSITIVE_INFINITY) => done(bytes));
}

function wholeSectors(bytes: number): number {
  return bytes === Number.POSITIVE_INFINITY ? bytes : Math.floor(bytes / SECTOR_BYTES) * SECTOR_BYTES;
}

/** Makes room for a frame that is longer than its segment, before any of the frame is written. */
export function lengthenSegment(file: File, room: DiskReserve, from: number, to: number, done: Done): void {
  room.attempt((end) => writeZeros(file, from, to, end), done);
}

/** Leaves nothing behind where it fails. */
function writeBlank(files: Files, path: string, capacity: number, header: Uint8Array, done: Done): void {
  files.open(path, "create", (error, file) => {
    if (error !== null || file === undefined) return done(error);
    inTurn(
      [
        (next) => writeZeros(file, 0, capacity, next),
        (next) => file.write(header, 0, next),
        (next) => file.sync(next),
      ],
      (failure) => {
        file.close();
        if (failure === null) done(null);
        else files.remove(path, () => done(failure));
      },
    );
  });
}

function writeZeros(file: File, from: number, to: number, done: Done): void {
  const zeros = new Uint8Array(Math.min(to - from, ZEROS_BYTES));
  let offset = from;
  const next: Done = (error) => {
    if (error !== null || offset >= to) return done(error);
    const piece = zeros.subarray(0, Math.min(zeros.length, to - offset));
    const at = offset;
    offset += piece.length;
    file.write(piece, at, (failure) => (failure === null ? file.sync(next) : next(failure)));
  };
  next(null);
}
