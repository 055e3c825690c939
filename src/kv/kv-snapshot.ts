import { ByteReader, ByteWriter, concatBytes, EMPTY_BYTES, MalformedBytes } from "../base/bytes.ts";
import { QuorateError } from "../base/errors.ts";
import { isDeletion, type KeyVersion, NEVER_COMPACTED, NO_LEASE, type Revision } from "./key-history.ts";
import { ALL_KEYS, type KeyRange } from "./key-range.ts";
import type { KvState } from "./kv-state.ts";
import { LeaseTable } from "./lease.ts";
import { decodeAnswer } from "./result-codec.ts";
import { type KeptAnswer, type PackedClientSession, SessionTable } from "./session-table.ts";
import { Store } from "./store.ts";

/** The first byte of a block's body. */
const HEADER_BLOCK = 1;
const VERSIONS_BLOCK = 2;
const END_BLOCK = 3;
const SESSION_BLOCK = 4;

const FORMAT = 1;

/** Blocks are cut when they reach this size. */
const BLOCK_BYTES = 64 * 1024;

/**
 * The state as of now, in chunks. Later commands do not show in it; compaction waits meanwhile, so take the chunks
 * to the end or `return` the iterator.
 *
 * Each chunk is a block led by its length: a header with the leases, client sessions, versions, an end. The versions are
 * the live keys at the compacted revision in key order, and every change since in order: what a store holds by
 * definition. So members at one index write the same bytes, however far their compactions are, and restoring is
 * playing back.
 */
export function snapshotChunks(state: KvState): Generator<Uint8Array, void, undefined> {
  const { store } = state;
  const chunks = blocks(
    headerBlock(state),
    state.sessions.pack(),
    store,
    store.compactRevision,
    store.changes.end,
  );
  // Only a generator that has begun runs its `finally`: it begins here, and stops before the header.
  chunks.next();
  return chunks;
}

function* blocks(
  header: Uint8Array,
  sessions: readonly PackedClientSession[],
  store: Store,
  compactRevision: Revision,
  changesEnd: number,
): Generator<Uint8Array, void, undefined> {
  const unpin = store.compaction.pin();
  const writer = new ByteWriter(BLOCK_BYTES + 4096);
  try {
    yield EMPTY_BYTES;
    yield header;
    for (const session of sessions) yield sessionBlock(writer, session);

    let rest: KeyRange | null = compactRevision === NEVER_COMPACTED ? null : ALL_KEYS;
    while (rest !== null) {
      beginBlock(writer, VERSIONS_BLOCK);
      rest = writeBase(writer, store, rest, compactRevision);
      yield endBlock(writer);
    }
    let position = store.changes.seek(compactRevision);
    while (position < changesEnd) {
      beginBlock(writer, VERSIONS_BLOCK);
      while (position < changesEnd && writer.length < BLOCK_BYTES) {
        writeVersion(writer, store.changes.at(position++)!);
      }
      yield endBlock(writer);
    }
    beginBlock(writer, END_BLOCK);
    yield endBlock(writer);
  } finally {
    unpin();
  }
}

function headerBlock({ store, leases, isOutOfSpace }: KvState): Uint8Array {
  const writer = new ByteWriter();
  beginBlock(writer, HEADER_BLOCK);
  writer.u32(FORMAT);
  writer.u64(store.revision);
  // From -1 on, in unsigned numbers.
  writer.u64(store.compactRevision + 1);
  writer.u8(Number(isOutOfSpace));
  writer.u32(leases.size);
  for (const lease of leases.all()) {
    writer.latin1(lease.id);
    writer.u64(lease.ttlMs);
    writer.u64(lease.remainingMs);
    writer.u64(lease.renewedAt);
  }
  return endBlock(writer);
}

function sessionBlock(
  writer: ByteWriter,
  { id, usedAt, forgotten, answers }: PackedClientSession,
): Uint8Array {
  beginBlock(writer, SESSION_BLOCK);
  writer.latin1(id);
  writer.f64(usedAt);
  writer.u64(forgotten);
  writer.u32(answers.length);
  for (const { number, checksum, bytes } of answers) {
    writer.u64(number);
    writer.u32(checksum);
    writer.block(bytes);
  }
  return endBlock(writer);
}

/** Writes live keys at the compacted revision until the block is full; returns where to go on, or null at the end. */
function writeBase(
  writer: ByteWriter,
  store: Store,
  range: KeyRange,
  compactRevision: Revision,
): KeyRange | null {
  let rest: KeyRange | null = null;
  store.visitHistories(range, (history) => {
    const version = history.at(compactRevision);
    // What changed at the compacted revision itself is among the changes.
    if (version !== undefined && version.modRevision < compactRevision) writeVersion(writer, version);
    if (writer.length < BLOCK_BYTES) return true;
    rest = { from: `${history.newest.key}\0`, to: null };
    return false;
  });
  return rest;
}

function writeVersion(writer: ByteWriter, version: KeyVersion): void {
  writer.latin1(version.key);
  writer.u64(version.modRevision);
  writer.u32(version.sub);
  writer.u64(version.version);
  if (isDeletion(version)) return;
  writer.u64(version.createRevision);
  writer.latin1(version.value);
  writer.latin1(version.lease);
}

function beginBlock(writer: ByteWriter, kind: number): void {
  writer.reset();
  writer.u32(0);
  writer.u8(kind);
}

function endBlock(writer: ByteWriter): Uint8Array {
  writer.patchU32(0, writer.length - 4);
  return writer.take();
}

/**
 * The state that chunks hold; their borders may be anywhere. Throws ERR_INCOMPATIBLE for a newer format, and
 * ERR_CORRUPT for what no snapshot can be.
 */
export function restoreState(chunks: Iterable<Uint8Array>): KvState {
  const bodies = new BlockReader(chunks);
  try {
    const state = readHeader(bodies.next());
    for (let body = bodies.next(); body.kind !== END_BLOCK; body = bodies.next()) {
      if (body.kind === SESSION_BLOCK) state.sessions.restore(readSession(body.reader));
      else if (body.kind !== VERSIONS_BLOCK) throw new MalformedBytes(`block of kind ${body.kind}`);
      else while (body.reader.remaining > 0) restoreVersion(state.store, readVersion(body.reader));
    }
    attachKeys(state);
    return state;
  } catch (cause) {
    if (!(cause instanceof MalformedBytes)) throw cause;
    const details = { file: "snapshot", offset: bodies.offset, reason: cause.message };
    throw new QuorateError("ERR_CORRUPT", `the snapshot is damaged: ${cause.message}`, details, { cause });
  } finally {
    bodies.close();
  }
}

function readHeader({ kind, reader: body }: Block): KvState {
  if (kind !== HEADER_BLOCK) throw new MalformedBytes("no header");
  const format = body.u32();
  if (format !== FORMAT) {
    const details = { what: "snapshot format", found: format, supported: FORMAT };
    throw new QuorateError("ERR_INCOMPATIBLE", `the snapshot has the unknown format ${format}`, details);
  }
  const revision = body.u64();
  const compactRevision = body.u64() - 1;
  const isOutOfSpace = body.u8() !== 0;
  const leases = new LeaseTable();
  for (let left = body.u32(); left > 0; left--) {
    leases.add(body.latin1(), body.u64(), body.u64(), body.u64());
  }
  body.end();
  const store = new Store(revision, compactRevision);
  return { store, leases, sessions: new SessionTable(), isOutOfSpace };
}

function readSession(body: ByteReader): PackedClientSession {
  const id = body.latin1();
  const usedAt = body.f64();
  const forgotten = body.u64();
  const answers: KeptAnswer[] = [];
  for (let left = body.u32(); left > 0; left--) {
    answers.push({ number: body.u64(), checksum: body.u32(), bytes: checkedAnswer(body.block().slice()) });
  }
  body.end();
  return { id, usedAt, forgotten, answers };
}

function checkedAnswer(bytes: Uint8Array): Uint8Array {
  try {
    if (bytes.length > 0) decodeAnswer(bytes);
    return bytes;
  } catch {
    throw new MalformedBytes("an answer of a session cannot be read");
  }
}

function readVersion(body: ByteReader): KeyVersion {
  const key = body.latin1();
  const modRevision = body.u64();
  const sub = body.u32();
  const version = body.u64();
  if (version === 0) return { key, value: "", createRevision: 0, modRevision, sub, version, lease: NO_LEASE };
  const createRevision = body.u64();
  const value = body.latin1();
  return { key, value, createRevision, modRevision, sub, version, lease: body.latin1() };
}

function restoreVersion(store: Store, version: KeyVersion): void {
  if (version.modRevision < store.compactRevision) store.restoreBase(version);
  else store.restoreChange(version);
}

function attachKeys({ store, leases }: KvState): void {
  if (leases.size === 0) return;
  store.visitLive(ALL_KEYS, ({ key, lease }) => {
    if (lease !== NO_LEASE) leases.attach(lease, key);
    return true;
  });
}

/** A block's kind, and the rest of its body. */
interface Block {
  readonly kind: number;
  readonly reader: ByteReader;
}

/** Puts blocks together from chunks. Holds one block at a time, and never more than has arrived. */
class BlockReader {
  readonly #chunks: Iterator<Uint8Array>;
  #parts: Uint8Array[] = [];
  #held = 0;
  /** How many bytes were taken so far. */
  offset = 0;

  constructor(chunks: Iterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.iterator]();
  }

  /** Lets go of the chunks: nothing more is read. */
  close(): void {
    this.#chunks.return?.();
  }

  next(): Block {
    const length = new ByteReader(this.#take(4)).u32();
    const reader = new ByteReader(this.#take(length));
    return { kind: reader.u8(), reader };
  }

  #take(length: number): Uint8Array {
    while (this.#held < length) this.#hold();
    const whole = this.#parts.length === 1 ? this.#parts[0]! : concatBytes(this.#parts);
    this.#parts = [whole.subarray(length)];
    this.#held -= length;
    this.offset += length;
    return whole.subarray(0, length);
  }

  #hold(): void {
    const { done, value } = this.#chunks.next();
    if (done === true) throw new MalformedBytes("ends early");
    this.#parts.push(value);
    this.#held += value.length;
  }
}
