import { ByteWriter, EMPTY_BYTES } from "../base/bytes.ts";
import { isDeletion, type KeyVersion, NEVER_COMPACTED, type Revision } from "./key-history.ts";
import { ALL_KEYS, type KeyRange } from "./key-range.ts";
import type { KvState } from "./kv-state.ts";
import type { PackedClientSession } from "./session-table.ts";
import type { Store } from "./store.ts";

/** The first byte of a block's body. */
export const Block = { header: 1, versions: 2, end: 3, session: 4 } as const;

export const SNAPSHOT_FORMAT = 1;

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
      beginBlock(writer, Block.versions);
      rest = writeBase(writer, store, rest, compactRevision);
      yield endBlock(writer);
    }
    let position = store.changes.seek(compactRevision);
    while (position < changesEnd) {
      beginBlock(writer, Block.versions);
      while (position < changesEnd && writer.length < BLOCK_BYTES) {
        writeVersion(writer, store.changes.at(position++)!);
      }
      yield endBlock(writer);
    }
    beginBlock(writer, Block.end);
    yield endBlock(writer);
  } finally {
    unpin();
  }
}

function headerBlock({ store, leases, isOutOfSpace }: KvState): Uint8Array {
  const writer = new ByteWriter();
  beginBlock(writer, Block.header);
  writer.u32(SNAPSHOT_FORMAT);
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
