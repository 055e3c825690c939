import type { Key, KeyRange } from "../mvcc/key-range.ts";
import type { Permission } from "./auth-state.ts";

/** What one user may do with keys: the union of all that its roles permit. */
export class Rights {
  /** Root may do everything, and alone what is not about keys. */
  readonly isRoot: boolean;
  readonly #readable: readonly KeyRange[];
  readonly #writable: readonly KeyRange[];

  constructor(isRoot: boolean, permissions: readonly Permission[]) {
    this.isRoot = isRoot;
    this.#readable = merged(permissions, "read");
    this.#writable = merged(permissions, "write");
  }

  /** Whether every key that the range could hold may be read, not only those that it holds now. */
  mayRead(range: KeyRange): boolean {
    return this.isRoot || covers(this.#readable, range);
  }

  mayWrite(range: KeyRange): boolean {
    return this.isRoot || covers(this.#writable, range);
  }
}

/** The ranges with this access, in order, with gaps between them. */
function merged(permissions: readonly Permission[], access: "read" | "write"): KeyRange[] {
  const ranges = permissions
    .filter((permission) => permission.access === access || permission.access === "readwrite")
    .map(({ range }) => range)
    .sort((left, right) => (left.from < right.from ? -1 : Number(left.from > right.from)));
  const union: KeyRange[] = [];
  for (const range of ranges) {
    const last = union.at(-1);
    if (last === undefined || !touches(last, range)) union.push(range);
    else union[union.length - 1] = { from: last.from, to: higherEnd(last.to, range.to) };
  }
  return union;
}

/** Whether `next`, which begins no earlier, leaves no gap. */
function touches(last: KeyRange, next: KeyRange): boolean {
  return last.to === null || next.from <= last.to;
}

function higherEnd(left: Key | null, right: Key | null): Key | null {
  if (left === null || right === null) return null;
  return left > right ? left : right;
}

/** Whether one of the merged ranges holds the whole range. One without keys is judged by the key that it begins at. */
function covers(union: readonly KeyRange[], range: KeyRange): boolean {
  // No key is empty, so the lowest one is a zero byte.
  const from = range.from === "" ? "\0" : range.from;
  const to = range.to !== null && range.to <= from ? `${from}\0` : range.to;
  const candidate = union[lastBeginningBy(union, from)];
  if (candidate === undefined) return false;
  return candidate.to === null || (to !== null && to <= candidate.to);
}

/** The place of the last range that begins at `from` or before, or -1. */
function lastBeginningBy(union: readonly KeyRange[], from: Key): number {
  let low = 0;
  let high = union.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (union[middle]!.from <= from) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
