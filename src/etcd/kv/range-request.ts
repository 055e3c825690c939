import type { CountOperation, RangeOperation } from "../../kv/machine/command.ts";
import type { KeyVersion, Revision } from "../../kv/mvcc/key-history.ts";
import type { MvccStore } from "../../kv/mvcc/mvcc-store.ts";
import { type Selection, type SortTarget, selectRange } from "../../kv/mvcc/selection.ts";
import { type RangeRequest, type RangeResponse, SORT_ORDERS, SORT_TARGETS } from "../../wire/kv-messages.ts";
import { refusal } from "../../wire/status.ts";
import { keyRange } from "./key-ranges.ts";

const SORT_BY: readonly SortTarget[] = ["key", "version", "createRevision", "modRevision", "value"];
const DESCEND = 2;

export function checkRange({ key, sortOrder, sortTarget }: RangeRequest): void {
  if (key === "") throw refusal("emptyKey");
  if (!(sortOrder in SORT_ORDERS) || !(sortTarget in SORT_TARGETS)) throw refusal("invalidSortOption");
}

/** Throws when the state at `revision` cannot be read; 0 and below are the newest. */
export function checkReadable(revision: Revision, store: MvccStore): void {
  if (revision <= 0) return;
  if (revision > store.revision) throw refusal("futureRevision");
  if (revision < store.compactRevision) throw refusal("compacted");
}

/** What the store is to look for; the limit is not part of the count, which is asked for by itself. */
export function rangeOperation(request: RangeRequest): RangeOperation {
  return {
    kind: "range",
    range: keyRange(request.key, request.rangeEnd),
    revision: revisionOf(request),
    limit: safe(Math.max(0, request.limit)),
    reverse: request.sortOrder === DESCEND,
    selection: selectionOf(request),
  };
}

export function countOperation(request: RangeRequest): CountOperation {
  return {
    kind: "count",
    range: keyRange(request.key, request.rangeEnd),
    revision: revisionOf(request),
  };
}

/** Whether what was found says how many keys there are: the count knows neither limit nor bounds. */
export function isCounted({ limit }: RangeRequest, selection: Selection | null): boolean {
  return limit <= 0 && selection === null;
}

/** Reads the newest or an older state; the revision was checked. */
export function readRange(request: RangeRequest, store: MvccStore): Omit<RangeResponse, "header"> {
  const { range, revision, limit, reverse, selection } = rangeOperation(request);
  const at = revision ?? undefined;
  if (request.countOnly) return { kvs: [], more: false, count: store.count(range, at) };
  const { versions, more } = selectRange(store, range, { revision: at, limit, reverse, selection });
  const count = isCounted(request, selection) ? versions.length : store.count(range, at);
  return { kvs: keyValues(request, versions), more, count };
}

export function keyValues(
  { keysOnly }: RangeRequest,
  versions: readonly KeyVersion[],
): readonly KeyVersion[] {
  return keysOnly ? versions.map((version) => ({ ...version, value: "" })) : versions;
}

function revisionOf({ revision }: RangeRequest): number | null {
  return revision <= 0 ? null : safe(revision);
}

/** Bounds are inclusive and 0 is none. Nothing lies below a negative one. */
function selectionOf(request: RangeRequest): Selection | null {
  const { sortTarget, minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } = request;
  const isBounded = minModRevision || maxModRevision || minCreateRevision || maxCreateRevision;
  if (sortTarget === 0 && !isBounded) return null;
  return {
    sortBy: SORT_BY[sortTarget]!,
    minModRevision: lowest(minModRevision, maxModRevision),
    maxModRevision: safe(Math.max(0, maxModRevision)),
    minCreateRevision: lowest(minCreateRevision, maxCreateRevision),
    maxCreateRevision: safe(Math.max(0, maxCreateRevision)),
  };
}

function lowest(min: number, max: number): number {
  return max < 0 ? Number.MAX_SAFE_INTEGER : safe(Math.max(0, min));
}

/** Revisions, versions and counts of ours are safe numbers; a client may ask for others. */
export function safe(number: number): number {
  return Math.min(number, Number.MAX_SAFE_INTEGER);
}
