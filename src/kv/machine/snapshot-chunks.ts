import { ByteWriter, EMPTY_BYTES } from "../../base/bytes.ts";
import { isDeletion, type KeyVersion, NEVER_COMPACTED, type Revision } from "../mvcc/key-history.ts";
import { ALL_KEYS, type KeyRange } from "../mvcc/key-range.ts";
import type { MvccStore } from "../mvcc/mvcc-store.ts";
import { ALARM_KINDS, type Alarm } from "./alarms.ts";
import type { KvState } from "./kv-state.ts";
import type { LeaseState } from "./lease-table.ts";
import type { PackedClientSession } from "./session-table.ts";

/** The first byte of a block's body. */
export const Block = { header: 1, versions: 2, end: 3, session: 4, auth: 5, leases: 6 } as const;

export const SNAPSHOT_FORMAT = 1;

/** Blocks are cut when they reach this size. */
const BLOCK_BYTES = 64 * 1024;
/** Keys that are looked at before others have their turn. */
const STEP_KEYS = 1024;

/**
 * The state as of now, in chunks. Later commands do not show in it; compaction waits meanwhile, so take the chunks
 * to the end or `return` the iterator. Each chunk is made when it is asked for, in about a millisecond; where that takes
 * longer, an empty one comes between.
 *
 * Chunks hold blocks led by their length: a header, users and roles, leases, client sessions, versions, an end. The
 * versions are the live keys at the compacted revision in key order, and every change since in order: what a store holds
 * by definition. So members at one index write the same bytes, however far their compactions are, and restoring is
 * playing back.
 */
export function snapshotChunks(state: KvState): Generator<Uint8Array, void, undefined> {
  const chunks = blocks(pinned(state), state.store);
  // Only a generator that has begun runs its `finally`: it begins here, and stops before the header.
  chunks.next();
  return chunks;
}

/** What a moment is made of. Everything in it stays as it is, whatever is applied later. */
interface Moment {
  readonly revision: Revision;
  readonly compactRevision: Revision;
  readonly alarms: readonly Alarm[];
  /** Null while nobody has ever changed users and roles. */
  readonly auth: Uint8Array | null;
  readonly leases: readonly LeaseState[];
  readonly sessions: readonly PackedClientSession[];
  readonly changesEnd: number;
}

function pinned({ store, leases, sessions, auth, alarms }: KvState): Moment {
  return {
    revision: store.revision,
    compactRevision: store.compactRevision,
    alarms: alarms.all(),
    auth: auth.isUntouched ? null : auth.pack(),
    leases: leases.pack(),
    sessions: sessions.pack(),
    changesEnd: store.changes.end,
  };
}

function* blocks(moment: Moment, store: MvccStore): Generator<Uint8Array, void, undefined> {
  const unpin = store.compaction.pin();
  const writer = new ByteWriter(BLOCK_BYTES + 4096);
  try {
    yield EMPTY_BYTES;
    yield headerBlock(writer, moment);
    if (moment.auth !== null) yield authBlock(writer, moment.auth);
    yield* leaseBlocks(writer, moment.leases);
    for (const session of moment.sessions) yield sessionBlock(writer, session);
    if (moment.compactRevision !== NEVER_COMPACTED) yield* baseBlocks(writer, store, moment.compactRevision);
    yield* changeBlocks(writer, store, moment);
    beginBlock(writer, Block.end);
    yield endBlock(writer);
  } finally {
    unpin();
  }
}

function headerBlock(writer: ByteWriter, { revision, compactRevision, alarms }: Moment): Uint8Array {
  beginBlock(writer, Block.header);
  writer.u32(SNAPSHOT_FORMAT);
  writer.u64(revision);
  // From -1 on, in unsigned numbers.
  writer.u64(compactRevision + 1);
  writer.u8(alarms.length);
  for (const { kind, member } of alarms) {
    writer.u8(ALARM_KINDS.indexOf(kind));
    writer.u64(member);
  }
  return endBlock(writer);
}

function authBlock(writer: ByteWriter, auth: Uint8Array): Uint8Array {
  beginBlock(writer, Block.auth);
  writer.bytes(auth);
  return endBlock(writer);
}

function* leaseBlocks(writer: ByteWriter, leases: readonly LeaseState[]): Generator<Uint8Array> {
  for (let at = 0; at < leases.length; ) {
    beginBlock(writer, Block.leases);
    while (at < leases.length && writer.length < BLOCK_BYTES) writeLease(writer, leases[at++]!);
    yield endBlock(writer);
  }
}

function writeLease(writer: ByteWriter, { id, ttlMs, remainingMs, renewedAt }: LeaseState): void {
  writer.latin1(id);
  writer.u64(ttlMs);
  writer.u64(remainingMs);
  writer.u64(renewedAt);
}

function sessionBlock(
  writer: ByteWriter,
  { id, usedAt, forgotten, answers }: PackedClientSession,
): Uint8Array {
  beginBlock(writer, Block.session);
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

/**
 * The live keys at the compacted revision. Where a pause falls shows nowhere but in empty chunks, so that two members
 * cut their blocks alike though one still holds histories that the other has forgotten.
 */
function* baseBlocks(writer: ByteWriter, store: MvccStore, compactRevision: Revision): Generator<Uint8Array> {
  beginBlock(writer, Block.versions);
  let rest: KeyRange | null = ALL_KEYS;
  while (rest !== null) {
    rest = writeBase(writer, store, rest, compactRevision);
    if (writer.length < BLOCK_BYTES) {
      yield EMPTY_BYTES;
      continue;
    }
    yield endBlock(writer);
    beginBlock(writer, Block.versions);
  }
  yield endBlock(writer);
}

/** Writes until the block is full, or enough keys were looked at; returns where to go on, or null at the end. */
function writeBase(
  writer: ByteWriter,
  store: MvccStore,
  range: KeyRange,
  compactRevision: Revision,
): KeyRange | null {
  let rest: KeyRange | null = null;
  let left = STEP_KEYS;
  store.visitHistories(range, (history) => {
    const version = history.at(compactRevision);
    // What changed at the compacted revision itself is among the changes.
    if (version !== undefined && version.modRevision < compactRevision) writeVersion(writer, version);
    left -= 1;
    if (left > 0 && writer.length < BLOCK_BYTES) return true;
    rest = { from: `${history.newest.key}\0`, to: null };
    return false;
  });
  return rest;
}

function* changeBlocks(
  writer: ByteWriter,
  { changes }: MvccStore,
  { compactRevision, changesEnd }: Moment,
): Generator<Uint8Array> {
  let position = changes.seek(compactRevision);
  while (position < changesEnd) {
    beginBlock(writer, Block.versions);
    while (position < changesEnd && writer.length < BLOCK_BYTES) {
      writeVersion(writer, changes.at(position++)!);
    }
    yield endBlock(writer);
  }
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
