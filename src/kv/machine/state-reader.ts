import { ByteReader, ByteWriter, MalformedBytes } from "../../base/bytes.ts";
import { QuorateError } from "../../base/errors.ts";
import { Auth } from "../auth/auth.ts";
import { type KeyVersion, NO_LEASE } from "../mvcc/key-history.ts";
import { MvccStore } from "../mvcc/mvcc-store.ts";
import { ALARM_KINDS, Alarms } from "./alarms.ts";
import type { KvState } from "./kv-state.ts";
import { LeaseTable } from "./lease-table.ts";
import { decodeAnswer } from "./result-codec.ts";
import { type KeptAnswer, type PackedClientSession, SessionTable } from "./session-table.ts";
import { Block, SNAPSHOT_FORMAT } from "./snapshot-chunks.ts";

/**
 * Builds the state that a snapshot holds, piece by piece; borders of pieces may be anywhere. Holds one block besides the
 * state, and never more of it than has arrived.
 *
 * Throws ERR_INCOMPATIBLE for a newer format, and ERR_CORRUPT for what no snapshot can be.
 */
export class StateReader {
  /** Null before the header. */
  #state: KvState | null = null;
  #hasEnded = false;
  /** The beginning of a block whose end has not arrived yet. */
  readonly #held = new ByteWriter();
  /** How many bytes of whole blocks were taken so far. */
  #offset = 0;

  /** Keeps no view of the piece. */
  write(piece: Uint8Array): void {
    this.#held.bytes(piece);
    const bytes = this.#held.written();
    let from = 0;
    for (let end = blockEnd(bytes, from); end !== null; end = blockEnd(bytes, from)) {
      const block = bytes.subarray(from + LENGTH_BYTES, end);
      this.#guard(() => this.#take(new ByteReader(block)));
      this.#offset += end - from;
      from = end;
    }
    if (from === 0) return;
    const rest = bytes.slice(from);
    this.#held.reset();
    this.#held.bytes(rest);
  }

  /** The whole state, once all of it was written. */
  finish(): KvState {
    if (this.#state === null || !this.#hasEnded || this.#held.length > 0)
      this.#guard(() => {
        throw new MalformedBytes("ends early");
      });
    return this.#state!;
  }

  #take(body: ByteReader): void {
    if (this.#hasEnded) throw new MalformedBytes("goes on behind its end");
    const kind = body.u8();
    if (this.#state === null) {
      if (kind !== Block.header) throw new MalformedBytes("no header");
      this.#state = readHeader(body);
      return;
    }
    this.#takeInto(this.#state, kind, body);
  }

  #takeInto(state: KvState, kind: number, body: ByteReader): void {
    switch (kind) {
      case Block.auth:
        state.auth.restore(body.bytes(body.remaining));
        return;
      case Block.leases:
        while (body.remaining > 0) readLease(body, state.leases);
        return;
      case Block.session:
        state.sessions.restore(readSession(body));
        return;
      case Block.versions:
        while (body.remaining > 0) restoreVersion(state, readVersion(body));
        return;
      case Block.end:
        this.#hasEnded = true;
        return;
      default:
        throw new MalformedBytes(`block of kind ${kind}`);
    }
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (cause) {
      if (!(cause instanceof MalformedBytes)) throw cause;
      const details = { file: "snapshot", offset: this.#offset, reason: cause.message };
      throw new QuorateError("ERR_CORRUPT", `the snapshot is damaged: ${cause.message}`, details, { cause });
    }
  }
}

const LENGTH_BYTES = 4;

/** Where the block that begins at `from` ends, or null while that has not arrived. */
function blockEnd(bytes: Uint8Array, from: number): number | null {
  if (bytes.length - from < LENGTH_BYTES) return null;
  const end = from + LENGTH_BYTES + new ByteReader(bytes, from).u32();
  return end <= bytes.length ? end : null;
}

function readHeader(body: ByteReader): KvState {
  const format = body.u32();
  if (format !== SNAPSHOT_FORMAT) {
    const details = { what: "snapshot format", found: format, supported: SNAPSHOT_FORMAT };
    throw new QuorateError("ERR_INCOMPATIBLE", `the snapshot has the unknown format ${format}`, details);
  }
  const store = new MvccStore(body.u64(), body.u64() - 1);
  const alarms = readAlarms(body);
  body.end();
  return { store, leases: new LeaseTable(), sessions: new SessionTable(), auth: new Auth(), alarms };
}

function readAlarms(body: ByteReader): Alarms {
  const alarms = new Alarms();
  for (let left = body.u8(); left > 0; left--) {
    const kind = ALARM_KINDS[body.u8()];
    if (kind === undefined) throw new MalformedBytes("an alarm of an unknown kind");
    alarms.raise({ kind, member: body.u64() });
  }
  return alarms;
}

function readLease(body: ByteReader, leases: LeaseTable): void {
  leases.add(body.latin1(), body.u64(), body.u64(), body.u64());
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

/** Plays a change back, what it does to leases included: so these need no look at all keys in the end. */
function restoreVersion({ store, leases }: KvState, version: KeyVersion): void {
  const { key, lease } = version;
  let oldLease = NO_LEASE;
  if (version.modRevision < store.compactRevision) store.restoreBase(version);
  else oldLease = store.restoreChange(version)?.lease ?? NO_LEASE;
  if (oldLease === lease) return;
  if (oldLease !== NO_LEASE) leases.detach(oldLease, key);
  if (lease !== NO_LEASE) leases.attach(lease, key);
}
