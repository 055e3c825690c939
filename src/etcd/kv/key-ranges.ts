import { type KeyRange, singleKey } from "../../kv/mvcc/key-range.ts";

/** One zero byte: as the end of a range, no end. */
const OPEN_END = "\0";

/** etcd's way to name keys: one, those from `key` up to `rangeEnd`, or with an end of one zero byte all from `key` on. */
export function keyRange(key: string, rangeEnd: string): KeyRange {
  if (rangeEnd === "") return singleKey(key);
  return { from: key, to: rangeEnd === OPEN_END ? null : rangeEnd };
}
