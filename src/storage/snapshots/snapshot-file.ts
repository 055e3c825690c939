import { ByteReader, ByteWriter, MalformedBytes } from "../../base/bytes.ts";
import { crc32 } from "../../base/checksum.ts";
import { pack, unpack } from "../../base/codec.ts";
import { SNAPSHOT_DIRECTORY } from "../layout/data-dir.ts";
import type { Snapshot } from "../storage.ts";

/**
 * The bytes of a snapshot's file: a header with the metadata, chunks, and a trailer. Each part's checksum goes on from
 * the one before, so that no chunk can be lost, repeated or moved without notice; the trailer's is that of the whole.
 *
 *     magic u32 | version u32 | length u32 | metadata, packed | checksum u32
 *     length u32, above 0     | checksum u32 | bytes                            for each chunk
 *     0 u32                   | chunks u64 | bytes of all chunks u64 | checksum u32
 */
const SNAPSHOT_MAGIC = 0x50414e53; // "SNAP"
const SNAPSHOT_VERSION = 1;

export const SNAPSHOT_PREFIX_BYTES = 12;
export const CHUNK_HEADER_BYTES = 8;
export const TRAILER_BYTES = 24;

export function snapshotPath({ index, term }: { readonly index: number; readonly term: number }): string {
  return `${SNAPSHOT_DIRECTORY}/${String(index).padStart(16, "0")}-${term}.snapshot`;
}

export function isSnapshotName(name: string): boolean {
  return /^\d{16}-\d+\.snapshot$/.test(name);
}

export function encodeSnapshotHeader({ metadata, context }: Snapshot): {
  bytes: Uint8Array;
  checksum: number;
} {
  const { voters, outgoing, learners, learnersNext, autoLeave, removed } = metadata.membership;
  const membership = [voters, outgoing, learners, learnersNext, autoLeave, removed];
  const writer = new ByteWriter();
  writer.u32(SNAPSHOT_MAGIC);
  writer.u32(SNAPSHOT_VERSION);
  writer.block(pack([metadata.index, metadata.term, membership, context]));
  const checksum = crc32(writer.written());
  writer.u32(checksum);
  return { bytes: writer.take(), checksum };
}

/** How long the whole header is, from its first `SNAPSHOT_PREFIX_BYTES`. Throws `MalformedBytes`. */
export function snapshotHeaderLength(prefix: Uint8Array): number {
  const reader = new ByteReader(prefix);
  if (reader.u32() !== SNAPSHOT_MAGIC) throw new MalformedBytes("not a snapshot");
  if (reader.u32() !== SNAPSHOT_VERSION) throw new MalformedBytes("unknown version of snapshots");
  return SNAPSHOT_PREFIX_BYTES + reader.u32() + 4;
}

/** Throws `MalformedBytes`. */
export function decodeSnapshotHeader(bytes: Uint8Array): { snapshot: Snapshot; checksum: number } {
  const checked = bytes.subarray(0, -4);
  const checksum = crc32(checked);
  if (new ByteReader(bytes, checked.length).u32() !== checksum)
    throw new MalformedBytes("checksum of the header");
  const packed = unpack(checked.subarray(SNAPSHOT_PREFIX_BYTES));
  const [index, term, membership, context] = packed as [number, number, PackedMembership, Uint8Array];
  const [voters, outgoing, learners, learnersNext, autoLeave, removed] = membership;
  const metadata = {
    index,
    term,
    membership: { voters, outgoing, learners, learnersNext, autoLeave, removed },
  };
  return { snapshot: { metadata, context }, checksum };
}

type PackedMembership = [number[], number[], number[], number[], boolean, number[]];

/** Writes a chunk with its header from the writer's beginning; returns the checksum that the next part goes on from. */
export function encodeChunk(writer: ByteWriter, chunk: Uint8Array, previous: number): number {
  const checksum = crc32(chunk, previous);
  writer.reset();
  writer.u32(chunk.length);
  writer.u32(checksum);
  writer.bytes(chunk);
  return checksum;
}

export function encodeTrailer(
  chunks: number,
  bytes: number,
  previous: number,
): { bytes: Uint8Array; checksum: number } {
  const writer = new ByteWriter(TRAILER_BYTES);
  writer.u32(0);
  writer.u64(chunks);
  writer.u64(bytes);
  const checksum = crc32(writer.written(), previous);
  writer.u32(checksum);
  return { bytes: writer.take(), checksum };
}
