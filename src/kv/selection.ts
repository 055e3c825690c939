import { invalidArgument } from "../base/errors.ts";
import type { KeyVersion, Revision } from "./key-history.ts";
import type { KeyRange } from "./key-range.ts";
import type { KeysFound, RangeOptions, Store } from "./store.ts";

export type SortTarget = "key" | "version" | "createRevision" | "modRevision" | "value";

/**
 * Which keys of a range to give, and in which order: etcd's sort targets and revision filters. Bounds are inclusive.
 * The limit counts what is left, in that order. Keys that sort alike are in key order.
 */
export interface SelectionOptions {
  /** Default `key`. Values are compared by their encoded bytes. */
  readonly sortBy?: SortTarget | undefined;
  readonly minModRevision?: Revision | undefined;
  readonly maxModRevision?: Revision | undefined;
  readonly minCreateRevision?: Revision | undefined;
  readonly maxCreateRevision?: Revision | undefined;
}

/** The same with nothing left open: a bound of 0 is none. */
export interface Selection {
  readonly sortBy: SortTarget;
  readonly minModRevision: Revision;
  readonly maxModRevision: Revision;
  readonly minCreateRevision: Revision;
  readonly maxCreateRevision: Revision;
}

export const SORT_TARGETS: readonly SortTarget[] = [
  "key",
  "version",
  "createRevision",
  "modRevision",
  "value",
];

/** Null when everything is wanted, in key order. Throws ERR_INVALID_ARGUMENT. */
export function selectionOf({ sortBy = "key", ...bounds }: SelectionOptions): Selection | null {
  if (!SORT_TARGETS.includes(sortBy)) throw invalidArgument("sortBy", sortBy, `cannot sort by ${sortBy}`);
  const selection = {
    sortBy,
    minModRevision: bound("minModRevision", bounds.minModRevision),
    maxModRevision: bound("maxModRevision", bounds.maxModRevision),
    minCreateRevision: bound("minCreateRevision", bounds.minCreateRevision),
    maxCreateRevision: bound("maxCreateRevision", bounds.maxCreateRevision),
  };
  return sortBy === "key" && !isFiltered(selection) ? null : selection;
}

function bound(argument: string, revision: Revision = 0): Revision {
  if (Number.isSafeInteger(revision) && revision >= 0) return revision;
  throw invalidArgument(argument, revision, `${argument} must be a whole number, 0 or more`);
}

function isFiltered({ minModRevision, maxModRevision, minCreateRevision, maxCreateRevision }: Selection) {
  return minModRevision + maxModRevision + minCreateRevision + maxCreateRevision > 0;
}

export function isSelected(version: KeyVersion, selection: Selection): boolean {
  const { modRevision, createRevision } = version;
  return (
    modRevision >= selection.minModRevision &&
    createRevision >= selection.minCreateRevision &&
    (selection.maxModRevision === 0 || modRevision <= selection.maxModRevision) &&
    (selection.maxCreateRevision === 0 || createRevision <= selection.maxCreateRevision)
  );
}

/** A sorted copy. `versions` are in key order, also where the result is to be descending. */
export function sortVersions(
  versions: readonly KeyVersion[],
  sortBy: SortTarget,
  isDescending: boolean,
): KeyVersion[] {
  const sign = isDescending ? -1 : 1;
  return versions.toSorted((left, right) => {
    if (left[sortBy] === right[sortBy]) return 0;
    return left[sortBy] < right[sortBy] ? -sign : sign;
  });
}

/** A range of the store with a selection applied, or as it is when there is none. */
export function selectRange(
  store: Store,
  range: KeyRange,
  {
    selection,
    limit = 0,
    reverse = false,
    revision,
  }: RangeOptions & { readonly selection: Selection | null },
): KeysFound {
  if (selection === null) return store.range(range, { revision, limit, reverse });
  const found = store.range(range, { revision }).versions.filter((version) => isSelected(version, selection));
  const sorted = sortVersions(found, selection.sortBy, reverse);
  const versions = limit === 0 ? sorted : sorted.slice(0, limit);
  return { versions, more: versions.length < sorted.length };
}
