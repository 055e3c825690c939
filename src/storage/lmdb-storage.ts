import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { open, type RootDatabase } from "lmdb";
import { assert } from "../base/assert.ts";
import { ByteReader, ByteWriter, MalformedBytes } from "../base/bytes.ts";
import type { Callback, Done } from "../base/callback.ts";
import { crc32 } from "../base/checksum.ts";
import { pack, unpack } from "../base/codec.ts";
import { QuorateError } from "../base/errors.ts";
import { milliseconds, NO_OPTIONS, OptionTable } from "../base/options.ts";
import { setImmediate } from "../base/system-time.ts";
import type { Entry, EntryId, Index } from "../log/entry.ts";
import { readEntry, writeEntry } from "../log/entry-codec.ts";
import type { HardState, Save } from "../raft/effects.ts";
import { checkNothingElse } from "./disk/foreign-files.ts";
import { diskError } from "./disk-error.ts";
import { corrupt } from "./files/corrupt.ts";
import { NodeFiles } from "./files/node-files.ts";
import { checkIdentity } from "./layout/identity.ts";
import { NodeLock } from "./lock/node-lock.ts";
import { decodeSnapshotHeader, encodeSnapshotHeader } from "./snapshots/snapshot-file.ts";
import type { Identity, Recovered, Snapshot, SnapshotReader, SnapshotWriter, Storage } from "./storage.ts";
import { joinLog } from "./wal/log-recovery.ts";
import { NO_HARD_STATE, Replay } from "./wal/replay.ts";

const FILE = "quorate.lmdb";
/** Entries below the snapshot that a start reads: they only spare a follower that lags a little a snapshot. */
const COVERED_KEPT = 64;
const META = ["meta"];
const STATE = ["state"];
const SNAPSHOT = ["snapshot"];
const entryKey = (index: Index): [string, number] => ["entry", index];
const chunkKey = (transfer: number, at: number): [string, number, number] => ["chunk", transfer, at];

type Key = string[] | [string, number] | [string, number, number];
type Database = RootDatabase<Uint8Array, Key>;

interface Meta extends Identity {
  readonly storeId: string;
  readonly bootEpoch: number;
}

/** Options of `LmdbStorage`. */
export interface LmdbOptions {
  /** How long `open` of a store waits for a living process to let go of the directory, in milliseconds. Default 0. */
  readonly lockTimeoutMs?: number | undefined;
}

const LMDB_OPTIONS = new OptionTable<LmdbOptions>("LmdbStorage", { lockTimeoutMs: milliseconds });

/** Where the log stands: what it holds can be checked against it. */
interface LogState {
  readonly hardState: HardState;
  /** The snapshot after which the log began anew, if it did. */
  readonly restart: EntryId | null;
  readonly first: Index;
  readonly last: Index;
}

interface KeptSnapshot {
  readonly snapshot: Snapshot;
  /** Which chunks are its own. */
  readonly transfer: number;
  readonly chunks: number;
  readonly size: number;
}

/**
 * A storage in an LMDB environment: the same promises as `DiskStorage`, on top of somebody else's files. A step is called
 * back once LMDB has flushed it. LMDB keeps no checksums, so each value carries its own. Needs the package `lmdb`.
 */
export class LmdbStorage implements Storage {
  readonly #directory: string;
  readonly #lock: NodeLock;
  #database: Database | null = null;
  #log: LogState = { hardState: NO_HARD_STATE, restart: null, first: 1, last: 0 };
  #newest: KeptSnapshot | null = null;
  #transfers = 0;
  /** Snapshots that somebody reads, and those given up meanwhile. */
  readonly #readers = new Map<number, number>();
  /** Everything that was asked for so far, in order. */
  #pending: Promise<void> = Promise.resolve();
  #failure: QuorateError | null = null;
  #onFault: (fault: QuorateError) => void = () => {};

  /** Names the directory; nothing is opened before the member starts. Throws ERR_INVALID_ARGUMENT. */
  constructor(directory: string, options: LmdbOptions = NO_OPTIONS) {
    LMDB_OPTIONS.check(options);
    const { lockTimeoutMs = 0 } = options;
    this.#directory = resolve(directory);
    this.#lock = new NodeLock(directory, { timeoutMs: lockTimeoutMs, onWait: () => {} });
  }

  open(identity: Identity): Recovered {
    this.#makeDirectory();
    this.#lock.takeSync();
    return this.#openLocked(identity);
  }

  openInSlices(identity: Identity, done: (error: unknown, recovered?: Recovered) => void): void {
    this.#makeDirectory();
    this.#lock.take((error) => {
      if (error !== null) return done(error);
      let recovered: Recovered;
      try {
        recovered = this.#openLocked(identity);
      } catch (failure) {
        return done(failure);
      }
      done(null, recovered);
    });
  }

  onFault(listener: (fault: QuorateError) => void): void {
    this.#onFault = listener;
  }

  #makeDirectory(): void {
    assert(this.#database === null, "a storage is opened once");
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
  }

  #openLocked(identity: Identity): Recovered {
    let database: Database | null = null;
    try {
      if (!existsSync(join(this.#directory, FILE)))
        checkNothingElse(new NodeFiles(this.#directory), [`${FILE}-lock`]);
      database = open<Uint8Array, Key>({ path: join(this.#directory, FILE), encoding: "binary" });
      const recovered = this.#recover(database, identity);
      this.#database = database;
      this.#lock.onLost((error) => {
        this.#failure ??= error;
        this.#onFault(error);
      });
      return recovered;
    } catch (error) {
      void database?.close();
      this.#lock.release();
      throw failureOf("open", error);
    }
  }

  save(step: Save, done: Done): void {
    if (this.#database === null) {
      setImmediate(done, closed());
      return;
    }
    const { snapshot, entries, hardState } = step;
    const isCommitted =
      snapshot === undefined || (this.#newest?.snapshot.metadata.index ?? 0) >= snapshot.index;
    assert(isCommitted, "a snapshot is committed before the step that begins the log after it");
    const before = this.#log;
    this.#log = after(before, step);
    const state = this.#log;
    this.#write((database) => {
      const from = snapshot === undefined ? (entries[0]?.index ?? before.last + 1) : before.first;
      for (let index = from; index <= before.last; index++) void database.remove(entryKey(index));
      for (const entry of entries) void database.put(entryKey(entry.index), sealed(encodeEntry(entry)));
      if (hardState !== undefined || entries.length > 0 || snapshot !== undefined)
        void database.put(STATE, sealed(encodeState(state)));
    }, done);
  }

  createSnapshot(snapshot: Snapshot): SnapshotWriter {
    this.#open();
    const transfer = ++this.#transfers;
    let chunks = 0;
    let size = 0;
    let isOver = false;
    const unlessOver = (done: Done, deed: () => void): void => {
      if (isOver || this.#database === null) setImmediate(done, closed());
      else deed();
    };
    return {
      write: (chunk, done) =>
        unlessOver(done, () => {
          const key = chunkKey(transfer, chunks);
          chunks += 1;
          size += chunk.length;
          const value = sealed(chunk);
          this.#write((database) => void database.put(key, value), done);
        }),
      commit: (done) =>
        unlessOver(done, () => {
          isOver = true;
          this.#keep({ snapshot, transfer, chunks, size }, done);
        }),
      abort: () => {
        if (!isOver && this.#database !== null) this.#removeChunks(transfer, chunks);
        isOver = true;
      },
    };
  }

  openSnapshot(): SnapshotReader | undefined {
    const database = this.#open();
    const kept = this.#newest;
    if (kept === null) return undefined;
    const { transfer } = kept;
    this.#readers.set(transfer, (this.#readers.get(transfer) ?? 0) + 1);
    return new LmdbSnapshotReader(database, kept, () => this.#readEnded(kept));
  }

  compactTo(index: Index): void {
    this.#open();
    const { first, last } = this.#log;
    // One entry stays, so that the log still says where it ends.
    const to = Math.min(index, this.#newest?.snapshot.metadata.index ?? 0, last - 1);
    if (to < first) return;
    this.#log = { ...this.#log, first: to + 1 };
    const state = this.#log;
    this.#write((database) => {
      for (let each = first; each <= to; each++) void database.remove(entryKey(each));
      void database.put(STATE, sealed(encodeState(state)));
    }, noted);
  }

  close(done: Done): void {
    const database = this.#database;
    if (database === null) {
      setImmediate(done, closed());
      return;
    }
    this.#database = null;
    const end = (error: QuorateError | null): void => {
      this.#lock.release();
      done(this.#failure ?? error);
    };
    this.#pending
      .then(() => database.close())
      .then(
        () => end(null),
        (error) => end(failureOf("close", error)),
      );
  }

  #recover(database: Database, identity: Identity): Recovered {
    const stored = database.get(META);
    const meta = stored === undefined ? null : decodeMeta(opened(stored, "meta"));
    if (meta !== null) checkIdentity(meta, identity);
    const { clusterId, memberId, memberName } = identity;
    const storeId = meta?.storeId ?? randomBytes(16).toString("hex");
    const bootEpoch = (meta?.bootEpoch ?? 0) + 1;

    this.#newest = readSnapshot(database);
    this.#log = readState(database);
    const { hardState, restart, first, last } = this.#log;
    const replay = new Replay();
    replay.restart = restart;
    replay.hardState = hardState;
    const snapshot = this.#newest?.snapshot;
    const covered = Math.min(last, snapshot?.metadata.index ?? 0);
    for (let index = Math.max(first, covered - COVERED_KEPT); index <= last; index++)
      replay.entries.push(readEntryAt(database, index));
    const joined = joinLog(replay, snapshot);
    if (joined.restart !== null) this.#giveWay(database, joined.restart);

    database.transactionSync(() => {
      void database.put(META, sealed(pack([storeId, bootEpoch, clusterId, memberId, memberName])));
      // What was being written when the last run ended is nobody's.
      for (const key of [...database.getKeys({ start: ["chunk"], end: ["chunl"] })])
        if (key[1] !== this.#newest?.transfer) void database.remove(key);
    });
    this.#transfers = Math.max(this.#newest?.transfer ?? 0, this.#transfers);
    return {
      ...{ isNew: meta === null, storeId, bootEpoch, snapshot, droppedBytes: 0 },
      ...{ hardState: joined.hardState, entries: joined.entries },
    };
  }

  /** The log gives way to a snapshot, and says so from now on. */
  #giveWay(database: Database, restart: EntryId): void {
    const { first, last, hardState } = this.#log;
    this.#log = { hardState, restart, first: restart.index + 1, last: restart.index };
    database.transactionSync(() => {
      for (let index = first; index <= last; index++) void database.remove(entryKey(index));
      void database.put(STATE, sealed(encodeState(this.#log)));
    });
  }

  #keep(kept: KeptSnapshot, done: Done): void {
    const older = this.#newest;
    const isNews = kept.snapshot.metadata.index > (older?.snapshot.metadata.index ?? 0);
    if (!isNews) {
      this.#removeChunks(kept.transfer, kept.chunks, done);
      return;
    }
    this.#write(
      (database) => void database.put(SNAPSHOT, sealed(encodeKept(kept))),
      (error) => {
        if (error === null) {
          const isNewest = kept.transfer === this.#newest?.transfer;
          if (older !== null && isNewest) this.#giveUp(older);
        }
        done(error);
      },
    );
    this.#newest = kept;
  }

  #readEnded(kept: KeptSnapshot): void {
    const left = (this.#readers.get(kept.transfer) ?? 1) - 1;
    if (left > 0) {
      this.#readers.set(kept.transfer, left);
      return;
    }
    this.#readers.delete(kept.transfer);
    if (kept.transfer !== this.#newest?.transfer) this.#giveUp(kept);
  }

  /** An older snapshot goes once nobody reads it; at the next start at the latest. */
  #giveUp({ transfer, chunks }: KeptSnapshot): void {
    if (this.#database !== null && !this.#readers.has(transfer)) this.#removeChunks(transfer, chunks);
  }

  #removeChunks(transfer: number, chunks: number, done: Done = noted): void {
    this.#write((database) => {
      for (let at = 0; at < chunks; at++) void database.remove(chunkKey(transfer, at));
    }, done);
  }

  /** Does all of `deed` in one transaction, and calls back in the order of the calls, once it would survive a power cut. */
  #write(deed: (database: Database) => void, done: Done): void {
    const database = this.#open();
    this.#checkLock();
    const written = this.#failure === null ? flushed(database, () => deed(database)) : null;
    const before = this.#pending;
    this.#pending = before.then(async () => {
      try {
        await written;
      } catch (error) {
        // Nobody knows what is on the disk: the next start finds out.
        this.#failure ??= failureOf("write", error);
      }
      done(this.#failure);
    });
  }

  /** After this process stood still for a while another one may have taken the directory. */
  #checkLock(): void {
    try {
      this.#lock.renewSync();
    } catch (error) {
      this.#failure ??= failureOf("lock", error);
    }
  }

  #open(): Database {
    if (this.#database === null) throw closed();
    return this.#database;
  }
}

class LmdbSnapshotReader implements SnapshotReader {
  readonly snapshot: Snapshot;
  readonly size: number;
  readonly #database: Database;
  readonly #kept: KeptSnapshot;
  readonly #ended: () => void;
  #next = 0;
  #isOpen = true;

  constructor(database: Database, kept: KeptSnapshot, ended: () => void) {
    this.snapshot = kept.snapshot;
    this.size = kept.size;
    this.#database = database;
    this.#kept = kept;
    this.#ended = ended;
  }

  readSync(): Uint8Array | undefined {
    const { transfer, chunks } = this.#kept;
    while (this.#next < chunks) {
      const at = this.#next++;
      const chunk = opened(this.#database.get(chunkKey(transfer, at)), `chunk ${at} of the snapshot`);
      if (chunk.length > 0) return chunk;
    }
    return undefined;
  }

  read(done: Callback<Uint8Array | undefined>): void {
    setImmediate(() => {
      if (!this.#isOpen) return;
      let chunk: Uint8Array | undefined;
      try {
        chunk = this.readSync();
      } catch (error) {
        return done(failureOf("read", error));
      }
      done(null, chunk);
    });
  }

  close(): void {
    if (this.#isOpen) this.#ended();
    this.#isOpen = false;
  }
}

/** Runs a transaction, and waits until the disk has it. */
async function flushed(database: Database, deed: () => void): Promise<void> {
  await (database.transactionAsync(deed) as unknown as Promise<void>);
  await database.flushed;
}

function after(log: LogState, { snapshot, entries, hardState }: Save): LogState {
  const restart = snapshot === undefined ? log.restart : { index: snapshot.index, term: snapshot.term };
  const first = snapshot === undefined ? log.first : snapshot.index + 1;
  const last = entries.at(-1)?.index ?? (snapshot === undefined ? log.last : snapshot.index);
  const begin = entries[0]?.index ?? first;
  return {
    hardState: hardState ?? log.hardState,
    restart,
    first: log.last === 0 ? begin : Math.min(first, begin),
    last,
  };
}

function readState(database: Database): LogState {
  const stored = database.get(STATE);
  if (stored === undefined) return { hardState: NO_HARD_STATE, restart: null, first: 1, last: 0 };
  const [term, vote, commit, restart, first, last] = unpack(opened(stored, "the hard state")) as [
    number,
    number | null,
    number,
    [number, number] | null,
    number,
    number,
  ];
  const after = restart === null ? null : { index: restart[0], term: restart[1] };
  return { hardState: { term, vote: vote ?? undefined, commit }, restart: after, first, last };
}

function encodeState({ hardState, restart, first, last }: LogState): Uint8Array {
  const { term, vote, commit } = hardState;
  return pack([
    term,
    vote ?? null,
    commit,
    restart === null ? null : [restart.index, restart.term],
    first,
    last,
  ]);
}

function readEntryAt(database: Database, index: Index): Entry {
  const what = `entry ${index}`;
  const entry = readEntry(new ByteReader(opened(database.get(entryKey(index)), what, index)));
  if (entry.index !== index) throw damage(what, "another entry lies in its place", index);
  return entry;
}

function encodeEntry(entry: Entry): Uint8Array {
  const writer = new ByteWriter(entry.data.length + 64);
  writeEntry(writer, entry);
  return writer.written();
}

function decodeMeta(bytes: Uint8Array): Meta {
  const [storeId, bootEpoch, clusterId, memberId, memberName] = unpack(bytes) as [
    string,
    number,
    string,
    number,
    string,
  ];
  return { storeId, bootEpoch, clusterId, memberId, memberName };
}

function encodeKept({ snapshot, transfer, chunks, size }: KeptSnapshot): Uint8Array {
  return pack([encodeSnapshotHeader(snapshot).bytes, transfer, chunks, size]);
}

function readSnapshot(database: Database): KeptSnapshot | null {
  const stored = database.get(SNAPSHOT);
  if (stored === undefined) return null;
  const [header, transfer, chunks, size] = unpack(opened(stored, "the snapshot")) as [
    Uint8Array,
    number,
    number,
    number,
  ];
  return { snapshot: decodeSnapshotHeader(header).snapshot, transfer, chunks, size };
}

/** `checksum u32 | bytes` */
function sealed(bytes: Uint8Array): Uint8Array {
  const writer = new ByteWriter(bytes.length + 4);
  writer.u32(crc32(bytes));
  writer.bytes(bytes);
  return writer.take();
}

/** A copy of its own. Throws ERR_CORRUPT. */
function opened(stored: Uint8Array | undefined, what: string, index?: Index): Uint8Array {
  if (stored === undefined) throw damage(what, "it is missing", index);
  try {
    const bytes = stored.slice(4);
    if (new ByteReader(stored).u32() === crc32(bytes)) return bytes;
  } catch (error) {
    if (!(error instanceof MalformedBytes)) throw error;
  }
  throw damage(what, "its checksum does not fit", index);
}

function damage(what: string, reason: string, index?: Index): QuorateError {
  const details = { file: FILE, offset: 0, reason: `${what}: ${reason}` };
  return corrupt(index === undefined ? details : { ...details, index });
}

function failureOf(operation: string, cause: unknown): QuorateError {
  if (QuorateError.is(cause)) return cause;
  const { code } = cause as { code?: unknown };
  return diskError(operation, FILE, typeof code === "string" ? code : String(code ?? "unknown"), cause);
}

function closed(): QuorateError {
  return new QuorateError("ERR_CLOSED", "the storage is closed", {});
}

/** A failure is told with the next save. */
function noted(): void {}
