/**
 * Keys as the machine knows them: byte strings, one unit below 256 for each byte. `<` is then the order of bytes,
 * which is etcd's order.
 */
export type Key = string;

/** All keys from `from` on and below `to`; `to: null` leaves the end open. Empty when `to` is not above `from`. */
export interface KeyRange {
  readonly from: Key;
  readonly to: Key | null;
}

export const ALL_KEYS: KeyRange = { from: "", to: null };

/** Exactly one key: nothing lies between a key and the same key with a zero byte behind it. */
export function singleKey(key: Key): KeyRange {
  return { from: key, to: `${key}\0` };
}

export function isSingleKey(range: KeyRange): boolean {
  const { from, to } = range;
  return to !== null && to.length === from.length + 1 && to.endsWith("\0") && to.startsWith(from);
}

/** All keys that begin with `prefix`. */
export function keysWithPrefix(prefix: Key): KeyRange {
  return { from: prefix, to: prefixEnd(prefix) };
}

/** The lowest key above all that begin with `prefix`, or null when there is none: nothing lies above a run of 0xff. */
export function prefixEnd(prefix: Key): Key | null {
  for (let last = prefix.length - 1; last >= 0; last--) {
    const byte = prefix.charCodeAt(last);
    if (byte < 0xff) return prefix.slice(0, last) + String.fromCharCode(byte + 1);
  }
  return null;
}

export function inRange(key: Key, range: KeyRange): boolean {
  return key >= range.from && (range.to === null || key < range.to);
}

export function isEmptyRange(range: KeyRange): boolean {
  return range.to !== null && range.to <= range.from;
}

/** The keys that are in both. */
export function intersection(left: KeyRange, right: KeyRange): KeyRange {
  if (left.from < right.from) return intersection(right, left);
  const { from } = left;
  if (left.to === null) return { from, to: right.to };
  if (right.to !== null && right.to < left.to) return { from, to: right.to };
  return { from, to: left.to };
}
