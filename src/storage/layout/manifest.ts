import { ByteReader, ByteWriter } from "../../base/bytes.ts";
import type { Done } from "../../base/callback.ts";
import { crc32 } from "../../base/checksum.ts";
import { pack, unpack } from "../../base/codec.ts";
import { QuorateError } from "../../base/errors.ts";
import type { EntryId, MemberId, Term } from "../../log/entry.ts";
import { corrupt } from "../files/corrupt.ts";
import type { Files } from "../files/files.ts";
import { inTurn } from "../files/in-turn.ts";
import { MANIFEST_PATH, UNFINISHED } from "./data-dir.ts";
import type { DiskReserve } from "./disk-reserve.ts";

/** The version of everything in the data directory. A release reads the versions it knows and refuses later ones. */
export const FORMAT_VERSION = 2;

const MANIFEST_MAGIC = 0x464e4d51; // "QMNF"
const HEADER_BYTES = 12;

/** What belongs to the store: a file that is not named here is not part of it, one that is named must be there. */
export interface ManifestContent {
  readonly storeId: string;
  readonly clusterId: string;
  readonly memberId: MemberId;
  readonly memberName: string;
  /** 0 while the store is being made: nothing has been saved in it then. */
  readonly bootEpoch: number;
  /** Numbers of the WAL's segments, ascending. A segment is named here before its first frame is written. */
  readonly segments: readonly number[];
  /** Where the oldest segment takes up the chain of frames. */
  readonly firstSequence: number;
  readonly firstPrevious: number;
  /** Oldest first. */
  readonly snapshots: readonly SnapshotListing[];
  /** Up to this term acknowledged entries may have been lost in a damage; 0 where there was none. */
  readonly lostTerm: Term;
  /** All frames up to this sequence were durable when it was written: the WAL must reach that far. */
  readonly durableSequence: number;
}

export interface SnapshotListing extends EntryId {
  /** Length of the file. */
  readonly bytes: number;
  /** The checksum that its trailer ends with. */
  readonly checksum: number;
}

/**
 * The one file that is replaced as a whole: written aside, synced, renamed, and the directory synced. Each time the lock
 * is looked at first: whoever lost the directory to another process must not name files in it any more.
 */
export class Manifest {
  readonly #files: Files;
  readonly #room: DiskReserve;
  #content: ManifestContent;
  #durableSequence: number;
  #waiting: Done[] = [];
  #isWriting = false;

  constructor(files: Files, room: DiskReserve, content: ManifestContent) {
    this.#files = files;
    this.#room = room;
    this.#content = content;
    this.#durableSequence = content.durableSequence;
  }

  /** What was agreed last; the disk may be one replacement behind. */
  get content(): ManifestContent {
    return this.#content;
  }

  /** Changes the content and calls back when the change is durable. Changes that meet share one replacement. */
  update(change: Partial<ManifestContent>, done: Done): void {
    this.#content = { ...this.#content, ...change };
    this.#waiting.push(done);
    if (!this.#isWriting) this.#replace();
  }

  /** Notes that a frame is durable, for the next replacement to say so. */
  noteDurable(sequence: number): void {
    this.#durableSequence = sequence;
  }

  /** Calls back when no replacement is under way. */
  whenIdle(done: () => void): void {
    if (this.#isWriting) this.#waiting.push(() => this.whenIdle(done));
    else done();
  }

  #replace(): void {
    const dones = this.#waiting;
    this.#waiting = [];
    this.#isWriting = true;
    const unfinished = MANIFEST_PATH + UNFINISHED;
    this.#content = { ...this.#content, durableSequence: this.#durableSequence };
    const bytes = encodeManifest(this.#content);
    inTurn(
      [
        (next) => this.#files.checkLock(next),
        (next) => this.#room.attempt((end) => this.#files.write(unfinished, bytes, end), next),
        (next) => this.#files.rename(unfinished, MANIFEST_PATH, next),
        (next) => this.#files.syncDirectory("", next),
      ],
      (error) => {
        this.#isWriting = false;
        for (const done of dones) done(error);
        if (this.#waiting.length > 0 && !this.#isWriting) this.#replace();
      },
    );
  }
}

/** The same replacement for start-up. */
export function writeManifest(files: Files, content: ManifestContent): void {
  const unfinished = MANIFEST_PATH + UNFINISHED;
  files.writeSync(unfinished, encodeManifest(content));
  files.renameSync(unfinished, MANIFEST_PATH);
  files.syncDirectorySync("");
}

/** Null where there is none. Throws ERR_CORRUPT, ERR_INCOMPATIBLE. */
export function readManifest(files: Files): ManifestContent | null {
  if (!files.listSync("").includes(MANIFEST_PATH)) return null;
  return decodeManifest(files.readSync(MANIFEST_PATH));
}

/** `magic u32 | format version u32 | content, packed | checksum u32` */
function encodeManifest(content: ManifestContent): Uint8Array {
  const { storeId, clusterId, memberId, memberName, bootEpoch, segments, firstSequence, firstPrevious } =
    content;
  const { lostTerm, durableSequence } = content;
  const snapshots = content.snapshots.map(({ index, term, bytes, checksum }) => [
    index,
    term,
    bytes,
    checksum,
  ]);
  const writer = new ByteWriter();
  writer.u32(MANIFEST_MAGIC);
  writer.u32(FORMAT_VERSION);
  writer.bytes(
    pack([
      storeId,
      clusterId,
      memberId,
      memberName,
      bootEpoch,
      segments,
      firstSequence,
      firstPrevious,
      snapshots,
      lostTerm,
      durableSequence,
    ]),
  );
  writer.u32(crc32(writer.written()));
  return writer.take();
}

function decodeManifest(bytes: Uint8Array): ManifestContent {
  const end = bytes.length - 4;
  const isWhole =
    bytes.length > HEADER_BYTES &&
    new ByteReader(bytes).u32() === MANIFEST_MAGIC &&
    new ByteReader(bytes, end).u32() === crc32(bytes.subarray(0, end));
  if (!isWhole) throw corrupt({ file: MANIFEST_PATH, offset: 0, reason: "its checksum does not fit" });

  const version = new ByteReader(bytes, 4).u32();
  if (version !== FORMAT_VERSION) {
    throw new QuorateError(
      "ERR_INCOMPATIBLE",
      `the data directory has format ${version}, known is ${FORMAT_VERSION}`,
      {
        what: "data directory",
        found: version,
        supported: FORMAT_VERSION,
      },
    );
  }
  return unpackContent(bytes.subarray(8, end));
}

/** The checksum has passed: these are the bytes that we packed. */
function unpackContent(packed: Uint8Array): ManifestContent {
  const [
    storeId,
    clusterId,
    memberId,
    memberName,
    bootEpoch,
    segments,
    firstSequence,
    firstPrevious,
    snapshots,
    lostTerm,
    durableSequence,
  ] = unpack(packed) as [
    string,
    string,
    number,
    string,
    number,
    number[],
    number,
    number,
    [number, number, number, number][],
    number,
    number,
  ];
  const listings = snapshots.map(([index, term, length, checksum]) => ({
    index,
    term,
    bytes: length,
    checksum,
  }));
  return {
    storeId,
    clusterId,
    memberId,
    memberName,
    bootEpoch,
    segments,
    firstSequence,
    firstPrevious,
    snapshots: listings,
    lostTerm,
    durableSequence,
  };
}
