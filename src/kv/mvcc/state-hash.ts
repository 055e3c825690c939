import { ByteWriter } from "../../base/bytes.ts";
import { crc32 } from "../../base/checksum.ts";
import type { KeyVersion, Revision } from "./key-history.ts";
import { ALL_KEYS, type KeyRange } from "./key-range.ts";
import type { MvccStore } from "./mvcc-store.ts";

/** Keys that one step looks at. */
const STEP_KEYS = 1024;

/**
 * A checksum of the keys as they were at `revision`, with their values, revisions, versions and leases: equal on
 * every member that can still read this revision. etcd's HashKV takes the older history in as well, and so differs
 * between members that have compacted differently; this one does not.
 *
 * Yields between steps, so that a large store need not be hashed in one go; null once the revision cannot be read any
 * more, because a compaction came between.
 */
export function* hashSteps(store: MvccStore, revision: Revision): Generator<void, number | null, undefined> {
  const writer = new ByteWriter();
  let sum = 0;
  let rest: KeyRange | null = ALL_KEYS;
  while (rest !== null) {
    if (revision < store.compactRevision) return null;
    rest = writeKeys(writer, store, rest, revision);
    sum = crc32(writer.written(), sum);
    writer.reset();
    if (rest !== null) yield;
  }
  return sum;
}

function writeKeys(
  writer: ByteWriter,
  store: MvccStore,
  range: KeyRange,
  revision: Revision,
): KeyRange | null {
  let rest: KeyRange | null = null;
  let left = STEP_KEYS;
  store.visitHistories(range, (history) => {
    const version = history.at(revision);
    if (version !== undefined) writeKey(writer, version);
    left -= 1;
    if (left === 0) rest = { from: `${history.newest.key}\0`, to: null };
    return left > 0;
  });
  return rest;
}

function writeKey(writer: ByteWriter, version: KeyVersion): void {
  writer.latin1(version.key);
  writer.latin1(version.value);
  writer.u64(version.createRevision);
  writer.u64(version.modRevision);
  writer.u64(version.version);
  writer.latin1(version.lease);
}
