import type { KeyVersion } from "../../../kv/mvcc/key-history.ts";
import type { Key, KeyRange } from "../../../kv/mvcc/key-range.ts";
import type { Selection } from "../../../kv/mvcc/selection.ts";

export type NaiveKeys = ReadonlyMap<Key, KeyVersion>;

interface Look {
  readonly limit: number;
  readonly reverse: boolean;
  readonly selection: Selection | null;
}

/** What lies in a range, as etcd says it: filtered, sorted, and of that as many as are wanted. */
export function naiveRange(
  keys: NaiveKeys,
  range: KeyRange,
  { limit, reverse, selection }: Look,
): { readonly versions: readonly KeyVersion[]; readonly more: boolean } {
  const found = within(keys, range).filter((version) => selection === null || isWanted(version, selection));
  const by = selection?.sortBy ?? "key";
  // What is equal stays in the order of its keys, also when the highest come first.
  found.sort((left, right) => order(left.key, right.key));
  found.sort((left, right) => (reverse ? order(right[by], left[by]) : order(left[by], right[by])));
  const more = limit > 0 && found.length > limit;
  return { versions: more ? found.slice(0, limit) : found, more };
}

export function naiveCount(keys: NaiveKeys, range: KeyRange): number {
  return within(keys, range).length;
}

export function within(keys: NaiveKeys, { from, to }: KeyRange): KeyVersion[] {
  return [...keys.values()].filter(({ key }) => key >= from && (to === null || key < to));
}

function isWanted({ modRevision, createRevision }: KeyVersion, selection: Selection): boolean {
  const { minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } = selection;
  if (modRevision < minModRevision || createRevision < minCreateRevision) return false;
  if (maxModRevision > 0 && modRevision > maxModRevision) return false;
  return maxCreateRevision === 0 || createRevision <= maxCreateRevision;
}

function order<Value extends string | number>(left: Value, right: Value): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
