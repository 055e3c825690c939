import { type Demands, oneOf, whole } from "../../base/options.ts";
import type { KeyVersion, Revision } from "./key-history.ts";
import type { KeyRange } from "./key-range.ts";
import type { KeysFound, MvccStore, RangeOptions } from "./mvcc-store.ts";

/** The field by which a range is sorted (etcd: RangeRequest.SortTarget). */
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

export const SELECTION: Demands<SelectionOptions> = {
  sortBy: oneOf(...SORT_TARGETS),
  minModRevision: whole(0),
  maxModRevision: whole(0),
  minCreateRevision: whole(0),
  maxCreateRevision: whole(0),
};

/** Null when everything is wanted, in key order. The options have been checked. */
export function selectionOf(options: SelectionOptions): Selection | null {
  const { sortBy = "key" } = options;
  const { minModRevision = 0, maxModRevision = 0, minCreateRevision = 0, maxCreateRevision = 0 } = options;
  const selection = { sortBy, minModRevision, maxModRevision, minCreateRevision, maxCreateRevision };
  return sortBy === "key" && !isFiltered(selection) ? null : selection;
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
  store: MvccStore,
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
