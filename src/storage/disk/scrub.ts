import type { Callback } from "../../base/callback.ts";
import { crc32 } from "../../base/checksum.ts";
import { QuorateError } from "../../base/errors.ts";
import { corrupt } from "../files/corrupt.ts";
import type { File, Files } from "../files/files.ts";
import { FRAME_HEADER_BYTES, type FrameHeader, readFrameHeader } from "../layout/frame.ts";
import type { ManifestContent, SnapshotListing } from "../layout/manifest.ts";
import { DiskSnapshotReader } from "../snapshots/snapshot-reader.ts";
import { FRAMES_OFFSET, readSegmentCapacity, type Segment, segmentPath } from "../wal/segment.ts";

const PIECE_BYTES = 128 * 1024;

/** One file that is read again, bit by bit. */
export interface Scrub {
  /** Whether the file still belongs to the store. */
  isListed(content: ManifestContent): boolean;
  /** Reads the next piece and checks it; gives its length, 0 at the end. Fails with ERR_CORRUPT, ERR_DISK. */
  next(done: Callback<number>): void;
  close(): void;
}

/** The frames of a segment that is not written to any more, up to where the next segment takes up the chain. */
export class SegmentScrub implements Scrub {
  readonly #files: Files;
  readonly #segment: Segment;
  readonly #endSequence: number;
  readonly #seed: number;
  #file: File | null = null;
  #offset = FRAMES_OFFSET;
  #due: number;
  #chain: number;
  /** The frame whose body is being read, how far, and its checksum so far. */
  #frame: OpenFrame | null = null;

  constructor(files: Files, segment: Segment, endSequence: number, seed: number) {
    this.#files = files;
    this.#segment = segment;
    this.#endSequence = endSequence;
    this.#seed = seed;
    this.#due = segment.firstSequence;
    this.#chain = segment.previous;
  }

  isListed({ segments }: ManifestContent): boolean {
    return segments.includes(this.#segment.number);
  }

  next(done: Callback<number>): void {
    if (this.#due >= this.#endSequence) done(null, 0);
    else if (this.#file !== null) this.#read(this.#file, done);
    else this.#open(done);
  }

  close(): void {
    this.#file?.close();
    this.#file = null;
  }

  #open(done: Callback<number>): void {
    this.#files.open(segmentPath(this.#segment.number), "read", (error, file) => {
      if (error !== null || file === undefined) return done(error);
      this.#file = file;
      this.#checkHeader(file, done);
    });
  }

  #checkHeader(file: File, done: Callback<number>): void {
    file.read(0, FRAMES_OFFSET, (error, bytes) => {
      if (error !== null || bytes === undefined) return done(error);
      const { number } = this.#segment;
      if (readSegmentCapacity(bytes, number, this.#seed) !== null) return done(null, FRAMES_OFFSET);
      const reason = "its header is not that of this segment of this store";
      done(corrupt({ file: segmentPath(number), offset: 0, reason }));
    });
  }

  #read(file: File, done: Callback<number>): void {
    const frame = this.#frame;
    const offset = frame === null ? this.#offset : this.#offset + frame.at;
    const length =
      frame === null ? FRAME_HEADER_BYTES : Math.min(PIECE_BYTES, frame.header.length - frame.at);
    file.read(offset, length, (error, bytes) => {
      if (error !== null || bytes === undefined) return done(error);
      const damage = frame === null ? this.#takeHeader(bytes) : this.#takePiece(frame, bytes, length);
      if (damage === null) done(null, length);
      else done(damage);
    });
  }

  #takeHeader(bytes: Uint8Array): QuorateError | null {
    const header = readFrameHeader(bytes, 0, this.#seed);
    if (header === null) return this.#damage("the header of a frame cannot be read", null);
    const { segment, offset, sequence, previous } = header;
    const isInPlace = segment === this.#segment.number && offset === this.#offset;
    if (!isInPlace || sequence !== this.#due || previous !== this.#chain)
      return this.#damage("a frame that does not belong there", header);
    this.#frame = { header, at: FRAME_HEADER_BYTES, checksum: this.#seed };
    return null;
  }

  #takePiece(frame: OpenFrame, bytes: Uint8Array, length: number): QuorateError | null {
    const { header } = frame;
    frame.checksum = crc32(bytes, frame.checksum);
    frame.at += length;
    const isOver = frame.at >= header.length;
    if (bytes.length < length || (isOver && frame.checksum !== header.bodyChecksum))
      return this.#damage("checksum of a frame", header);
    if (!isOver) return null;
    this.#frame = null;
    this.#offset += header.length;
    this.#due += 1;
    this.#chain = header.checksum;
    return null;
  }

  #damage(reason: string, header: FrameHeader | null): QuorateError {
    const place = { file: segmentPath(this.#segment.number), offset: this.#offset, reason };
    if (header === null || header.first.index === 0) return corrupt(place);
    return corrupt({ ...place, index: header.first.index, term: header.first.term });
  }
}

interface OpenFrame {
  readonly header: FrameHeader;
  at: number;
  checksum: number;
}

/** A snapshot, whose reader checks everything. */
export class SnapshotScrub implements Scrub {
  readonly #files: Files;
  readonly #listing: SnapshotListing;
  #reader: DiskSnapshotReader | null = null;

  constructor(files: Files, listing: SnapshotListing) {
    this.#files = files;
    this.#listing = listing;
  }

  isListed({ snapshots }: ManifestContent): boolean {
    return snapshots.some(({ index }) => index === this.#listing.index);
  }

  next(done: Callback<number>): void {
    try {
      this.#reader ??= new DiskSnapshotReader(this.#files, this.#listing);
    } catch (error) {
      if (!QuorateError.is(error)) throw error;
      done(error);
      return;
    }
    this.#reader.read((error, chunk) => {
      if (error !== null || chunk === undefined) done(error);
      else done(null, chunk?.length ?? 0);
    });
  }

  close(): void {
    this.#reader?.close();
    this.#reader = null;
  }
}
