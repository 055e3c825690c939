import { ByteReader, concatBytes, MalformedBytes } from "../base/bytes.ts";
import { QuorateError } from "../base/errors.ts";
import { type KeyVersion, NO_LEASE } from "./key-history.ts";
import { ALL_KEYS } from "./key-range.ts";
import { Block, SNAPSHOT_FORMAT } from "./kv-snapshot.ts";
import type { KvState } from "./kv-state.ts";
import { LeaseTable } from "./lease.ts";
import { decodeAnswer } from "./result-codec.ts";
import { type KeptAnswer, type PackedClientSession, SessionTable } from "./session-table.ts";
import { Store } from "./store.ts";

/**
 * The state that chunks hold; their borders may be anywhere. Throws ERR_INCOMPATIBLE for a newer format, and
 * ERR_CORRUPT for what no snapshot can be.
 */
export function restoreState(chunks: Iterable<Uint8Array>): KvState {
  const bodies = new BlockReader(chunks);
  try {
    const state = readHeader(bodies.next());
    for (let body = bodies.next(); body.kind !== Block.end; body = bodies.next()) {
      if (body.kind === Block.session) state.sessions.restore(readSession(body.reader));
      else if (body.kind !== Block.versions) throw new MalformedBytes(`block of kind ${body.kind}`);
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

function readHeader({ kind, reader: body }: ReadBlock): KvState {
  if (kind !== Block.header) throw new MalformedBytes("no header");
  const format = body.u32();
  if (format !== SNAPSHOT_FORMAT) {
    const details = { what: "snapshot format", found: format, supported: SNAPSHOT_FORMAT };
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
interface ReadBlock {
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

  next(): ReadBlock {
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
