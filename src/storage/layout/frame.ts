import { ByteReader, ByteWriter, utf8Bytes } from "../../base/bytes.ts";
import { crc32 } from "../../base/checksum.ts";
import type { EntryId } from "../../log/entry.ts";
import type { HardState } from "../../raft/effects.ts";

/**
 * A frame is what one sync makes durable: a header, the records of all steps in the batch, and zeros up to the next
 * sector. It is valid as a whole or not at all, and only where it was written: its header names the segment, the
 * offset and the frame before it, and the checksums begin with the store's own seed, so that a stale or misdirected
 * frame never passes. See `docs/formats.md` for the picture.
 *
 * A frame begins at a sector of its own. Writing it never touches a sector that holds acknowledged bytes, so a torn
 * write can only hurt what it writes.
 */
export const SECTOR_BYTES = 512;
export const FRAME_HEADER_BYTES = 104;
const CHECKED_BYTES = FRAME_HEADER_BYTES - 4;
const FRAME_MAGIC = 0x46525551; // "QURF"

/** Where a frame belongs. */
export interface FramePlace {
  readonly segment: number;
  readonly offset: number;
  /** Frames are counted from 1 over the whole life of the store. */
  readonly sequence: number;
  /** The header checksum of the frame before: frames form a chain. */
  readonly previous: number;
}

export interface FrameContent {
  /** As of the end of the frame. */
  readonly hardState: HardState;
  /** The entries of lowest and highest index in the frame, index 0 without entries. They name what is lost with it. */
  readonly first: EntryId;
  readonly last: EntryId;
}

export interface FrameHeader extends FramePlace, FrameContent {
  /** With header and padding. */
  readonly length: number;
  readonly bodyChecksum: number;
  readonly checksum: number;
}

/** What the store's checksums begin with, so that the frames of another store are not taken for ours. */
export function checksumSeed(storeId: string): number {
  return crc32(utf8Bytes(storeId));
}

export function paddedLength(length: number): number {
  return Math.ceil(length / SECTOR_BYTES) * SECTOR_BYTES;
}

const headerWriter = new ByteWriter(FRAME_HEADER_BYTES);

/** Writes the header into the room left for it at the start of `frame`, and returns its checksum. */
export function sealFrame(frame: Uint8Array, place: FramePlace, content: FrameContent, seed: number): number {
  const writer = headerWriter;
  writer.reset();
  writer.u32(FRAME_MAGIC);
  writer.u32(frame.length);
  writer.u64(place.segment);
  writer.u64(place.offset);
  writer.u64(place.sequence);
  writer.u64(content.hardState.term);
  writer.u64(content.hardState.vote ?? 0);
  writer.u64(content.hardState.commit);
  writer.u64(content.first.index);
  writer.u64(content.first.term);
  writer.u64(content.last.index);
  writer.u64(content.last.term);
  writer.u32(place.previous);
  writer.u32(crc32(frame.subarray(FRAME_HEADER_BYTES), seed));
  writer.u32(0);
  const checksum = crc32(writer.written(), seed);
  writer.u32(checksum);
  frame.set(writer.written(), 0);
  return checksum;
}

/** Whether a frame might begin here: cheap enough to ask of every sector. */
export function hasFrameMagic(bytes: Uint8Array, offset: number): boolean {
  return (
    bytes[offset] === 0x51 &&
    bytes[offset + 1] === 0x55 &&
    bytes[offset + 2] === 0x52 &&
    bytes[offset + 3] === 0x46
  );
}

/** The header at `offset`, or null where none of this store is whole. Whether it belongs there is for the caller to see. */
export function readFrameHeader(bytes: Uint8Array, offset: number, seed: number): FrameHeader | null {
  if (bytes.length - offset < FRAME_HEADER_BYTES || !hasFrameMagic(bytes, offset)) return null;
  const checksum = crc32(bytes.subarray(offset, offset + CHECKED_BYTES), seed);
  if (new ByteReader(bytes, offset + CHECKED_BYTES).u32() !== checksum) return null;
  const reader = new ByteReader(bytes, offset + 4);
  const length = reader.u32();
  const place = { segment: reader.u64(), offset: reader.u64(), sequence: reader.u64() };
  const term = reader.u64();
  const vote = reader.u64();
  const hardState = { term, vote: vote === 0 ? undefined : vote, commit: reader.u64() };
  const first = { index: reader.u64(), term: reader.u64() };
  const last = { index: reader.u64(), term: reader.u64() };
  return {
    length,
    ...place,
    hardState,
    first,
    last,
    previous: reader.u32(),
    bodyChecksum: reader.u32(),
    checksum,
  };
}

/** The records of the frame, if all of them are there as they were written. */
export function readFrameBody(
  bytes: Uint8Array,
  offset: number,
  header: FrameHeader,
  seed: number,
): Uint8Array | null {
  if (header.length > bytes.length - offset) return null;
  const body = bytes.subarray(offset + FRAME_HEADER_BYTES, offset + header.length);
  return crc32(body, seed) === header.bodyChecksum ? body : null;
}
