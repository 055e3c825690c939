import { ByteReader, equalBytes, MalformedBytes } from "../../base/bytes.ts";
import type { Callback } from "../../base/callback.ts";
import { crc32 } from "../../base/checksum.ts";
import { QuorateError } from "../../base/errors.ts";
import { corrupt } from "../files/corrupt.ts";
import type { File, Files } from "../files/files.ts";
import type { Slices } from "../files/slices.ts";
import { SNAPSHOT_DIRECTORY } from "../layout/data-dir.ts";
import type { SnapshotListing } from "../layout/manifest.ts";
import type { Snapshot, SnapshotReader } from "../storage.ts";
import {
  CHUNK_HEADER_BYTES,
  decodeSnapshotHeader,
  encodeTrailer,
  SNAPSHOT_PREFIX_BYTES,
  snapshotHeaderLength,
  snapshotPath,
  TRAILER_BYTES,
} from "./snapshot-file.ts";

/**
 * Reads a snapshot's file from front to back. Lengths found in the file are compared with what is left of it before
 * they are used, and no byte is handed out before its checksum has passed.
 */
export class DiskSnapshotReader implements SnapshotReader {
  readonly snapshot: Snapshot;
  readonly size: number;
  readonly #file: File;
  readonly #listing: SnapshotListing;
  readonly #chunksEnd: number;
  #offset = 0;
  #checksum: number;
  #chunks = 0;
  #bytes = 0;
  #isReading = false;
  #isClosed = false;

  /** Throws ERR_CORRUPT, ERR_DISK. */
  constructor(files: Files, listing: SnapshotListing) {
    this.#listing = listing;
    this.#file = files.openSync(snapshotPath(listing), "read");
    try {
      this.#chunksEnd = this.#checkSize();
      const { snapshot, checksum, length } = this.#parsed(() => this.#readHeader());
      this.snapshot = snapshot;
      this.#offset = length;
      this.#checksum = checksum;
      this.size = this.#parsed(() => this.#readTrailerSize());
    } catch (error) {
      this.#file.close();
      throw error;
    }
  }

  readSync(): Uint8Array | undefined {
    return this.#parsed(() => {
      if (this.#offset >= this.#chunksEnd)
        return this.#end(this.#file.readSync(this.#chunksEnd, TRAILER_BYTES));
      const length = this.#chunkLength(this.#file.readSync(this.#offset, CHUNK_HEADER_BYTES));
      return this.#take(this.#file.readSync(this.#offset, CHUNK_HEADER_BYTES + length));
    });
  }

  read(done: Callback<Uint8Array | undefined>): void {
    if (this.#offset >= this.#chunksEnd) {
      this.#readAt(this.#chunksEnd, TRAILER_BYTES, (trailer) => this.#end(trailer), done);
      return;
    }
    this.#readAt(
      this.#offset,
      CHUNK_HEADER_BYTES,
      (header) => this.#chunkLength(header),
      (error, length) => {
        if (error !== null || length === undefined) return done(error);
        this.#readAt(this.#offset, CHUNK_HEADER_BYTES + length, (bytes) => this.#take(bytes), done);
      },
    );
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (!this.#isReading) this.#file.close();
  }

  #readAt<Value>(
    offset: number,
    length: number,
    parse: (bytes: Uint8Array) => Value,
    done: Callback<Value>,
  ): void {
    this.#isReading = true;
    this.#file.read(offset, length, (error, bytes) => {
      this.#isReading = false;
      if (this.#isClosed) return this.#file.close();
      if (error !== null || bytes === undefined) return done(error);
      let value: Value;
      try {
        value = this.#parsed(() => parse(bytes));
      } catch (failure) {
        if (!QuorateError.is(failure)) throw failure;
        return done(failure);
      }
      done(null, value);
    });
  }

  /** The file may have become shorter since it was opened. */
  #parsed<Value>(parse: () => Value): Value {
    try {
      return parse();
    } catch (error) {
      if (error instanceof MalformedBytes) throw this.#damage(this.#offset, error.message);
      throw error;
    }
  }

  #checkSize(): number {
    const size = this.#file.sizeSync();
    if (size !== this.#listing.bytes)
      throw this.#damage(Math.min(size, this.#listing.bytes), "its length is not as noted");
    return size - TRAILER_BYTES;
  }

  #readHeader(): { snapshot: Snapshot; checksum: number; length: number } {
    const length = snapshotHeaderLength(this.#file.readSync(0, SNAPSHOT_PREFIX_BYTES));
    if (length > this.#chunksEnd) throw new MalformedBytes("length of the header");
    const { snapshot, checksum } = decodeSnapshotHeader(this.#file.readSync(0, length));
    const { index, term } = snapshot.metadata;
    if (index !== this.#listing.index || term !== this.#listing.term)
      throw new MalformedBytes("another snapshot");
    return { snapshot, checksum, length };
  }

  /** The trailer's own checksum can be tested only at the end; its claim is bounded by the file until then. */
  #readTrailerSize(): number {
    const trailer = this.#file.readSync(this.#chunksEnd, TRAILER_BYTES);
    const reader = new ByteReader(trailer, 12);
    const claim = reader.u32() + reader.u32() * 0x1_0000_0000;
    if (claim > this.#listing.bytes) throw this.#damage(this.#chunksEnd, "the trailer does not fit");
    return claim;
  }

  #chunkLength(header: Uint8Array): number {
    const length = new ByteReader(header).u32();
    const isPossible = length > 0 && this.#offset + CHUNK_HEADER_BYTES + length <= this.#chunksEnd;
    if (!isPossible) throw this.#damage(this.#offset, "length of a chunk");
    return length;
  }

  #take(bytes: Uint8Array): Uint8Array {
    const chunk = bytes.subarray(CHUNK_HEADER_BYTES);
    const checksum = crc32(chunk, this.#checksum);
    if (new ByteReader(bytes, 4).u32() !== checksum) throw this.#damage(this.#offset, "checksum of a chunk");
    this.#offset += bytes.length;
    this.#checksum = checksum;
    this.#chunks += 1;
    this.#bytes += chunk.length;
    return chunk;
  }

  #end(found: Uint8Array): undefined {
    const due = encodeTrailer(this.#chunks, this.#bytes, this.#checksum);
    if (!equalBytes(due.bytes, found) || due.checksum !== this.#listing.checksum) {
      throw this.#damage(this.#chunksEnd, "checksum of the whole");
    }
    return undefined;
  }

  #damage(offset: number, reason: string): Error {
    const { index, term } = this.#listing;
    return corrupt({ file: snapshotPath(this.#listing), offset, reason, index, term });
  }
}

/** Reads all of a snapshot. Throws ERR_CORRUPT where any byte is not as it was written, or the file is gone. */
export function* verifySnapshot(files: Files, listing: SnapshotListing): Slices<Snapshot> {
  const file = snapshotPath(listing);
  const isThere = files.listSync(SNAPSHOT_DIRECTORY).some((name) => file.endsWith(`/${name}`));
  if (!isThere) throw corrupt({ file, offset: 0, reason: "the file is missing" });
  const reader = new DiskSnapshotReader(files, listing);
  try {
    while (reader.readSync() !== undefined) yield;
    return reader.snapshot;
  } finally {
    reader.close();
  }
}
