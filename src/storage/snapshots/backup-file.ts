import { ByteReader, ByteWriter, equalBytes } from "../../base/bytes.ts";
import { crc32 } from "../../base/checksum.ts";
import { pack, unpack } from "../../base/codec.ts";
import { QuorateError } from "../../base/errors.ts";
import type { Index, Term } from "../../log/entry.ts";
import { corrupt } from "../files/corrupt.ts";
import { CHUNK_HEADER_BYTES, encodeChunk, encodeTrailer, TRAILER_BYTES } from "./snapshot-file.ts";

/**
 * A backup is the state of a whole cluster at one index, in one file: what the state machine's `snapshot` gives, under a
 * header that says whose and when. Who took part is not in it, since what is made of it is another cluster. Chunks and
 * trailer are laid out as in a snapshot's file, each checksum going on from the one before.
 *
 *     magic u32 | version u32 | length u32 | header, packed | checksum u32
 */
export interface BackupHeader {
  /** Minted with the backup, 16 bytes in hex. */
  readonly backupId: string;
  readonly clusterId: string;
  /** Which machine can read it: `kv` for the key-value store. */
  readonly kind: string;
  /** The last entry whose effects are in it. */
  readonly index: Index;
  readonly term: Term;
  /** Milliseconds since 1970, by the cluster's own time as of that entry. */
  readonly time: number;
  /** The store's revision, null for another machine. */
  readonly revision: number | null;
}

const BACKUP_MAGIC = 0x4b414251; // "QBAK"
const BACKUP_VERSION = 1;
const PREFIX_BYTES = 12;
const CHUNK_BYTES_MAX = 1024 * 1024;
const HEADER_BYTES_MAX = 64 * 1024;

/** The bytes of the file, piece by piece; each is made when it is asked for, and is empty where the machine made a pause. */
export function* encodeBackup(
  header: BackupHeader,
  chunks: Iterable<Uint8Array>,
): Generator<Uint8Array, void, undefined> {
  const { bytes, checksum } = encodeHeader(header);
  yield bytes;
  const writer = new ByteWriter();
  let previous = checksum;
  let count = 0;
  let length = 0;
  for (const given of chunks) {
    if (given.length === 0) yield given;
    for (let from = 0; from < given.length; from += CHUNK_BYTES_MAX) {
      const chunk = given.subarray(from, from + CHUNK_BYTES_MAX);
      previous = encodeChunk(writer, chunk, previous);
      count += 1;
      length += chunk.length;
      yield writer.take();
    }
  }
  yield encodeTrailer(count, length, previous).bytes;
}

/** Gives the bytes from `offset`, fewer only at the end of the file. */
export type ReadAt = (offset: number, length: number) => Uint8Array;

/** Reads a backup from front to back; no byte is handed out before its checksum has passed. */
export class BackupReader {
  readonly header: BackupHeader;
  readonly #name: string;
  readonly #readAt: ReadAt;
  readonly #chunksAt: number;
  readonly #headerChecksum: number;

  /** `name` is how errors call the file. Throws ERR_CORRUPT, ERR_INCOMPATIBLE, and what `readAt` throws. */
  constructor(name: string, readAt: ReadAt) {
    this.#name = name;
    this.#readAt = readAt;
    const prefix = readAt(0, PREFIX_BYTES);
    if (prefix.length < PREFIX_BYTES || new ByteReader(prefix).u32() !== BACKUP_MAGIC)
      throw this.#damage(0, "not a backup");
    checkVersion(new ByteReader(prefix, 4).u32());
    const length = new ByteReader(prefix, 8).u32();
    if (length > HEADER_BYTES_MAX) throw this.#damage(8, "length of the header");
    this.#chunksAt = PREFIX_BYTES + length + 4;
    const bytes = readAt(0, this.#chunksAt);
    this.#headerChecksum = crc32(bytes.subarray(0, -4));
    const isWhole =
      bytes.length === this.#chunksAt &&
      new ByteReader(bytes, bytes.length - 4).u32() === this.#headerChecksum;
    if (!isWhole) throw this.#damage(0, "checksum of the header");
    this.header = decodeHeader(bytes.subarray(PREFIX_BYTES, -4));
  }

  /** The machine's chunks, from the first on each time. Throws ERR_CORRUPT, also where the end is missing. */
  *chunks(): Generator<Uint8Array, void, undefined> {
    let offset = this.#chunksAt;
    let checksum = this.#headerChecksum;
    let count = 0;
    let bytes = 0;
    for (;;) {
      const length = this.#chunkLength(offset);
      if (length === 0) break;
      const whole = this.#readAt(offset, CHUNK_HEADER_BYTES + length);
      const chunk = whole.subarray(CHUNK_HEADER_BYTES);
      checksum = crc32(chunk, checksum);
      const isWhole = chunk.length === length && new ByteReader(whole, 4).u32() === checksum;
      if (!isWhole) throw this.#damage(offset, "checksum of a chunk");
      offset += whole.length;
      count += 1;
      bytes += length;
      yield chunk;
    }
    const end = this.#readAt(offset, TRAILER_BYTES + SECTOR_BYTES + SHA256_BYTES);
    const trailer = end.subarray(0, TRAILER_BYTES);
    const isWhole = equalBytes(trailer, encodeTrailer(count, bytes, checksum).bytes);
    if (!isWhole || !mayFollow(offset + TRAILER_BYTES, end.subarray(TRAILER_BYTES)))
      throw this.#damage(offset, "checksum of the whole");
  }

  #chunkLength(offset: number): number {
    const bytes = this.#readAt(offset, 4);
    if (bytes.length < 4) throw this.#damage(offset, "the end is missing");
    const length = new ByteReader(bytes).u32();
    if (length > CHUNK_BYTES_MAX) throw this.#damage(offset, "length of a chunk");
    return length;
  }

  #damage(offset: number, reason: string): Error {
    return corrupt({ file: this.#name, offset, reason });
  }
}

/** Nothing follows a backup, or what etcdctl wants of a snapshot that it saves: zeros up to a sector's end, and a SHA-256. */
function mayFollow(offset: number, rest: Uint8Array): boolean {
  const filling = (SECTOR_BYTES - (offset % SECTOR_BYTES)) % SECTOR_BYTES;
  if (rest.length === 0) return true;
  return rest.length === filling + SHA256_BYTES && rest.subarray(0, filling).every((byte) => byte === 0);
}

const SECTOR_BYTES = 512;
const SHA256_BYTES = 32;

function encodeHeader(header: BackupHeader): { bytes: Uint8Array; checksum: number } {
  const { backupId, clusterId, kind, index, term, time, revision } = header;
  const writer = new ByteWriter();
  writer.u32(BACKUP_MAGIC);
  writer.u32(BACKUP_VERSION);
  writer.block(pack([backupId, clusterId, kind, index, term, time, revision]));
  const checksum = crc32(writer.written());
  writer.u32(checksum);
  return { bytes: writer.take(), checksum };
}

/** The checksum has passed: these are the bytes that we packed. */
function decodeHeader(packed: Uint8Array): BackupHeader {
  const [backupId, clusterId, kind, index, term, time, revision] = unpack(packed) as [
    string,
    string,
    string,
    number,
    number,
    number,
    number | null,
  ];
  return { backupId, clusterId, kind, index, term, time, revision };
}

function checkVersion(version: number): void {
  if (version === BACKUP_VERSION) return;
  throw new QuorateError("ERR_INCOMPATIBLE", `the backup has format ${version}, known is ${BACKUP_VERSION}`, {
    what: "backup",
    found: version,
    supported: BACKUP_VERSION,
  });
}
