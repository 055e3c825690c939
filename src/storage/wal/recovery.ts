import { assert } from "../../base/assert.ts";
import { EMPTY_BYTES, MalformedBytes } from "../../base/bytes.ts";
import { QuorateError } from "../../base/errors.ts";
import type { EntryId, Index } from "../../log/entry.ts";
import { corrupt } from "../files/corrupt.ts";
import type { Files } from "../files/files.ts";
import { ReadBuffer, readWhole, SLICE_BYTES, type Slices } from "../files/slices.ts";
import { MANIFEST_PATH, WAL_DIRECTORY } from "../layout/data-dir.ts";
import {
  FRAME_HEADER_BYTES,
  type FrameHeader,
  hasFrameMagic,
  readFrameBody,
  readFrameHeader,
  SECTOR_BYTES,
} from "../layout/frame.ts";
import type { ManifestContent } from "../layout/manifest.ts";
import { withoutPadding } from "./record.ts";
import { Replay } from "./replay.ts";
import { FRAMES_OFFSET, readSegmentCapacity, type Segment, segmentNumbers, segmentPath } from "./segment.ts";
import type { SavedState } from "./state-slots.ts";

/** What the WAL held, and how it ended. */
export interface RecoveredWal {
  readonly replay: Replay;
  /** The segments that hold frames, or remains of an unfinished one; at least one. Oldest first. */
  readonly segments: Segment[];
  /** The number after which new segments are counted. */
  readonly newestNumber: number;
  /** The last frame, null in a new store. */
  readonly last: LastFrame | null;
  /** Where the next frame would be written. */
  readonly end: { readonly segment: Segment; readonly offset: number };
  /** Bytes of an unfinished frame after the end. */
  readonly droppedBytes: number;
}

export interface LastFrame {
  readonly header: FrameHeader;
  /** Its records. */
  readonly records: Uint8Array;
}

/** What must be known before the WAL is read. */
export interface WalBounds {
  readonly segments: readonly number[];
  readonly firstSequence: number;
  readonly firstPrevious: number;
  /** Frames up to this sequence were durable: the second copy of the hard state, or the manifest, says so. */
  readonly durableSequence: number;
  /** Of the entries below it only the last ones are kept. */
  readonly snapshotIndex: Index;
  readonly seed: number;
}

/** As the manifest and the second copy of the hard state have it. */
export function walBounds(
  manifest: ManifestContent,
  state: SavedState,
  snapshotIndex: Index,
  seed: number,
): WalBounds {
  const { segments, firstSequence, firstPrevious } = manifest;
  const durableSequence = Math.max(manifest.durableSequence, state.sequence);
  return { segments, firstSequence, firstPrevious, durableSequence, snapshotIndex, seed };
}

/**
 * Reads the WAL frame by frame and decides what a frame that cannot be read means. The bytes of a frame are written
 * only after the sync of the frame before it returned; so at most the very last frame can be unfinished, and
 * everything else that is unreadable is damage. The cases, in the order in which they are asked
 * (`docs/formats.md` pictures them):
 *
 * 1. The next segment takes up the chain here. This segment has ended; what follows in it was given up by an earlier
 *    start, and written again in the next segment if it was worth anything.
 * 2. The next segment takes up the chain further on: frames are missing. Damage.
 * 3. A header of a later frame lies somewhere behind, be it in the wrong place: the unreadable frame had been synced.
 *    Damage.
 * 4. The hard state's second copy, or the manifest, was written after this frame. Damage. (A clean close writes that copy
 *    last; while the member works it is never more than a moment behind.)
 * 5. Nothing but zeros follows: the end.
 * 6. Otherwise a write was cut short that nobody was told of: dropped.
 */
export function recoverWal(files: Files, bounds: WalBounds): Slices<RecoveredWal> {
  return new WalReader(files, bounds).read();
}

/**
 * What of a damaged WAL is proved: the frames before the damage, and the newest hard state that any header tells. Throws
 * ERR_DISK.
 */
export function* salvageWal(files: Files, bounds: WalBounds): Slices<SalvagedWal> {
  const reader = new WalReader(files, bounds);
  try {
    yield* reader.read();
  } catch (error) {
    if (!QuorateError.is(error, "ERR_CORRUPT")) throw error;
  }
  return { replay: reader.replay, newest: yield* reader.findNewestHeader() };
}

export interface SalvagedWal {
  readonly replay: Replay;
  /** The header of the highest sequence that can be read, wherever it lies, be it in a segment that nobody names. */
  readonly newest: FrameHeader | null;
}

class WalReader {
  readonly #files: Files;
  readonly #bounds: WalBounds;
  readonly replay: Replay;
  readonly #segments: Segment[] = [];
  /** One segment at a time is held in memory. */
  readonly #buffer = new ReadBuffer();
  #lastHeader: FrameHeader | null = null;
  #lastBody: Uint8Array = EMPTY_BYTES;

  constructor(files: Files, bounds: WalBounds) {
    this.#files = files;
    this.#bounds = bounds;
    this.replay = new Replay(bounds.snapshotIndex);
  }

  *read(): Slices<RecoveredWal> {
    const numbers = this.#bounds.segments;
    this.#checkPresence();
    const firstFrames: (FrameHeader | null)[] = [];
    for (const number of numbers) {
      firstFrames.push(this.#readFirstFrame(number));
      yield;
    }
    const endAt = Math.max(
      0,
      firstFrames.findLastIndex((header) => header !== null),
    );
    for (let at = 0; at < endAt; at++) {
      const next = firstFrames.findIndex((header, place) => place > at && header !== null);
      yield* this.#readUntil(firstFrames[next]!, numbers.slice(at, next));
    }
    return yield* this.#readEnd(numbers.slice(endAt));
  }

  *findNewestHeader(): Slices<FrameHeader | null> {
    let newest: FrameHeader | null = null;
    for (const number of segmentNumbers(this.#files)) {
      const bytes = yield* readWhole(this.#files, segmentPath(number), this.#buffer);
      for (let offset = FRAMES_OFFSET; offset < bytes.length; offset += SECTOR_BYTES) {
        const header = readFrameHeader(bytes, offset, this.#bounds.seed);
        if (header !== null && header.sequence >= (newest?.sequence ?? 0)) newest = header;
      }
    }
    return newest;
  }

  get #due(): number {
    return this.#lastHeader === null ? this.#bounds.firstSequence : this.#lastHeader.sequence + 1;
  }

  get #chain(): number {
    return this.#lastHeader === null ? this.#bounds.firstPrevious : this.#lastHeader.checksum;
  }

  #checkPresence(): void {
    const names = new Set(this.#files.listSync(WAL_DIRECTORY).map((name) => `${WAL_DIRECTORY}/${name}`));
    const missing = this.#bounds.segments.find((number) => !names.has(segmentPath(number)));
    if (missing !== undefined) throw this.#damage(missing, 0, "the file is missing", null);
  }

  /**
   * A segment is named in the manifest before its first frame is written. Only a start makes one the other way round,
   * which takes up no more than the last frame; so what goes on from there was written when the manifest knew of it.
   */
  #checkUnnamed(): void {
    const newest = this.#bounds.segments.at(-1)!;
    for (const number of segmentNumbers(this.#files)) {
      const header = number > newest ? this.#readFirstFrame(number) : null;
      if (header === null || header.sequence < this.#due) continue;
      if (header.sequence === this.#due && header.first.index === 0) continue;
      const reason = `an old copy: it does not name segment ${number}, in which frames were written`;
      throw corrupt({ file: MANIFEST_PATH, offset: 0, reason });
    }
  }

  /** The header of the frame that a segment begins with, if that frame is whole. */
  #readFirstFrame(number: number): FrameHeader | null {
    const file = this.#files.openSync(segmentPath(number), "read");
    try {
      const start = file.readSync(FRAMES_OFFSET, FRAME_HEADER_BYTES);
      const header = readFrameHeader(start, 0, this.#bounds.seed);
      if (header === null || !isInPlace(header, number, FRAMES_OFFSET)) return null;
      const frame = file.readSync(FRAMES_OFFSET, header.length);
      return readFrameBody(frame, 0, header, this.#bounds.seed) === null ? null : header;
    } finally {
      file.close();
    }
  }

  *#readSegment(number: number): Slices<Uint8Array> {
    const bytes = yield* readWhole(this.#files, segmentPath(number), this.#buffer);
    const capacity = readSegmentCapacity(bytes, number, this.#bounds.seed);
    if (capacity === null) {
      throw this.#damage(number, 0, "its header is not that of this segment of this store", null);
    }
    if (bytes.length < capacity) {
      throw this.#damage(number, bytes.length, `cut short, ${capacity} bytes are due`, null);
    }
    return bytes;
  }

  /** Reads a segment that `successor` takes up, after others whose first frames cannot be read: cases 1 and 2. */
  *#readUntil(successor: FrameHeader, [number, ...others]: readonly number[]): Slices<void> {
    assert(number !== undefined, "a segment is read");
    const bytes = yield* this.#readSegment(number);
    const { offset } = yield* this.#readFrames(number, bytes, successor.sequence);
    if (this.#due === successor.sequence) return;
    const isHere = others[0] === undefined || (yield* lengthUntilZeros(bytes, offset)) > 0;
    const place = isHere
      ? { number, bytes, from: offset }
      : { number: others[0]!, bytes: yield* this.#readSegment(others[0]!), from: FRAMES_OFFSET };
    const lost = this.#headerAt(place.number, place.bytes, place.from);
    throw this.#damage(place.number, place.from, "frames before the next segment cannot be read", lost);
  }

  /** Reads the segment where the WAL ends, and judges what follows in it and in those prepared after it: cases 3 to 6. */
  *#readEnd([number, ...prepared]: readonly number[]): Slices<RecoveredWal> {
    assert(number !== undefined, "a WAL has a segment");
    const { segment, offset, ...end } = yield* this.#readLastFrames(number);
    const rest = [end.rest];
    for (const other of prepared) {
      const bytes = yield* this.#readSegment(other);
      rest.push(yield* this.#restOf(other, bytes, FRAMES_OFFSET));
    }
    const droppedBytes = this.#judge(rest);
    this.#checkUnnamed();
    return {
      replay: this.replay,
      segments: this.#segments,
      newestNumber: prepared.at(-1) ?? number,
      last: this.#lastFrame(),
      end: { segment, offset },
      droppedBytes,
    };
  }

  *#readLastFrames(number: number): Slices<{ segment: Segment; offset: number; rest: Rest }> {
    const bytes = yield* this.#readSegment(number);
    const end = yield* this.#readFrames(number, bytes, Number.POSITIVE_INFINITY);
    return { ...end, rest: yield* this.#restOf(number, bytes, end.offset) };
  }

  *#restOf(number: number, bytes: Uint8Array, from: number): Slices<Rest> {
    const written = yield* lengthUntilZeros(bytes, from);
    const header = this.#headerAt(number, bytes, from);
    return { number, from, written, header, later: this.#findLaterFrame(bytes, from) };
  }

  #judge(rest: readonly Rest[]): number {
    const { number, from, header } = rest.find(({ written }) => written > 0) ?? rest[0]!;
    const later = rest.find((part) => part.later !== null)?.later ?? null;
    if (later !== null) {
      const reason = `unreadable, though frame ${later} was written after it`;
      throw this.#damage(number, from, reason, header);
    }
    if (this.#due <= this.#bounds.durableSequence)
      throw this.#damage(number, from, "unreadable, though it was known to be durable", header);
    // Remains are kept until a snapshot covers them; prepared segments that are still blank are not.
    for (const part of rest.slice(1))
      if (part.written > 0) this.#segments.push(this.#newSegment(part.number));
    return rest.reduce((sum, { written }) => sum + written, 0);
  }

  /** Takes in the frames of a segment that come before the frame `limit`. */
  *#readFrames(
    number: number,
    bytes: Uint8Array,
    limit: number,
  ): Slices<{ segment: Segment; offset: number }> {
    const segment = this.#newSegment(number);
    this.#segments.push(segment);
    let offset = FRAMES_OFFSET;
    let pausedAt = offset;
    while (this.#due < limit) {
      const header = this.#headerAt(number, bytes, offset);
      if (header === null || header.sequence !== this.#due) break;
      const body = readFrameBody(bytes, offset, header, this.#bounds.seed);
      if (body === null) break;
      this.#takeFrame(segment, header, body);
      offset += header.length;
      if (offset - pausedAt < SLICE_BYTES) continue;
      pausedAt = offset;
      yield;
    }
    // A copy, so that one frame does not pin a whole segment.
    this.#lastBody = this.#lastBody.slice();
    return { segment, offset };
  }

  #takeFrame(segment: Segment, header: FrameHeader, body: Uint8Array): void {
    if (header.previous !== this.#chain) {
      throw this.#damage(
        segment.number,
        header.offset,
        "the frame does not follow the one before it",
        header,
      );
    }
    try {
      this.replay.take(header.hardState, body);
    } catch (error) {
      if (!(error instanceof MalformedBytes)) throw error;
      throw this.#damage(segment.number, header.offset, error.message, header);
    }
    segment.isBegun = true;
    segment.lastIndex = Math.max(segment.lastIndex, header.last.index);
    this.#lastHeader = header;
    this.#lastBody = body;
  }

  #lastFrame(): LastFrame | null {
    if (this.#lastHeader === null) return null;
    return { header: this.#lastHeader, records: withoutPadding(this.#lastBody) };
  }

  #newSegment(number: number): Segment {
    return { number, firstSequence: this.#due, previous: this.#chain, lastIndex: 0, isBegun: false };
  }

  #headerAt(number: number, bytes: Uint8Array, offset: number): FrameHeader | null {
    const header = readFrameHeader(bytes, offset, this.#bounds.seed);
    return header !== null && isInPlace(header, number, offset) ? header : null;
  }

  /**
   * The sequence of a frame behind the end that was begun only after the frame that is due had been synced. It need not
   * lie where it belongs: sectors that a disk has swapped tell as much.
   */
  #findLaterFrame(bytes: Uint8Array, from: number): number | null {
    for (let offset = from; offset + FRAME_HEADER_BYTES <= bytes.length; offset += SECTOR_BYTES) {
      if (!hasFrameMagic(bytes, offset)) continue;
      const header = readFrameHeader(bytes, offset, this.#bounds.seed);
      if (header !== null && header.sequence > this.#due) return header.sequence;
    }
    return null;
  }

  #damage(number: number, offset: number, reason: string, lost: FrameHeader | null): Error {
    const file = segmentPath(number);
    if (lost !== null && lost.first.index > 0) return corrupt({ file, offset, reason, ...idOf(lost.first) });
    const last = this.replay.entries.at(-1);
    return corrupt(
      last === undefined ? { file, offset, reason } : { file, offset, reason, index: last.index + 1 },
    );
  }
}

/** What follows the last readable frame in a segment. */
interface Rest {
  readonly number: number;
  readonly from: number;
  /** How long it is without the zeros at its end. */
  readonly written: number;
  /** Of the frame that it begins with, if its header can be read. */
  readonly header: FrameHeader | null;
  /** The sequence of a frame in it that was begun only after the frame that is due had been synced. */
  readonly later: number | null;
}

function idOf({ index, term }: EntryId): EntryId {
  return { index, term };
}

function isInPlace(header: FrameHeader, number: number, offset: number): boolean {
  return header.segment === number && header.offset === offset;
}

/** How many bytes from `from` on are left when the zeros at the end are not counted. */
function* lengthUntilZeros(bytes: Uint8Array, from: number): Slices<number> {
  for (let end = bytes.length; end > from; end -= SLICE_BYTES) {
    const begin = Math.max(from, end - SLICE_BYTES);
    const length = withoutZeros(bytes.subarray(begin, end));
    if (length > 0) return begin + length - from;
    yield;
  }
  return 0;
}

function withoutZeros(bytes: Uint8Array): number {
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let end = bytes.length;
  while (end >= 4 && words.getUint32(end - 4) === 0) end -= 4;
  while (end > 0 && bytes[end - 1] === 0) end -= 1;
  return end;
}
