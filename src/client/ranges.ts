import { isSingleKey, type KeyRange } from "../kv/mvcc/key-range.ts";

/** A range as etcd names it. */
export interface WireRange {
  readonly key: string;
  readonly rangeEnd: string;
}

/** The lowest key that there can be. etcd has no empty one. */
const LOWEST = "\0";
/** As an end of one zero byte: no end. */
const OPEN_END = "\0";
/** An end below the key: no keys at all. */
const NOTHING: WireRange = { key: "\x01", rangeEnd: "\0\0" };

export function wireRange(range: KeyRange): WireRange {
  const { from, to } = range;
  const key = from === "" ? LOWEST : from;
  if (to === null) return { key, rangeEnd: OPEN_END };
  if (to <= key) return NOTHING;
  return isSingleKey(range) ? { key: from, rangeEnd: "" } : { key, rangeEnd: to };
}

/** Whether no key can be in it. */
export function isNothing({ from, to }: KeyRange): boolean {
  return to !== null && to <= (from === "" ? LOWEST : from);
}
