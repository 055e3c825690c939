import { assert } from "../base/assert.ts";
import { type Bounds, wholeNumber } from "./claims.ts";
import type { Operation, RangeOperation } from "./command.ts";
import type { Revision } from "./key-history.ts";
import { type KeyRange, singleKey } from "./key-range.ts";
import { checkRevisionNumber, type Keyspace, type KvEntry, type Range } from "./keyspace.ts";
import type { BackendOperationResult } from "./kv-backend.ts";
import { chosenLease, type LeaseChoice } from "./lease-choice.ts";
import { type Selection, type SelectionOptions, selectionOf } from "./selection.ts";

/** One operation of a transaction, and how its result is read. */
export interface Op<Result> {
  readonly operation: Operation;
  /** Whether the result needs what was there before. */
  readonly prev?: boolean | undefined;
  read(result: BackendOperationResult): Result;
}

export interface PutOpOptions extends LeaseChoice {
  /** Whether the result is what was there before. */
  readonly prev?: boolean | undefined;
}

/** Reads show what came before them in the transaction, unless they are of a `revision` before it. */
export interface ReadOpOptions {
  readonly revision?: Revision | undefined;
}

/** The operations that a transaction can be made of, apart from transactions. */
export interface BasicOps<Value> {
  get(key: string, options?: ReadOpOptions): Op<KvEntry<Value> | undefined>;
  /**
   * What a transaction reads in all is at most 10,000 keys, or it is refused with ERR_TOO_LARGE: set a limit, or read
   * outside. A sorted or filtered range counts with all of its keys.
   */
  range(range: Range & SelectionOptions & ReadOpOptions): Op<KvEntry<Value>[]>;
  /** Its result is how many keys there are. */
  count(range: Bounds & ReadOpOptions): Op<number>;
  /** Its result is what was there before, if `prev` is set and there was something. */
  put(key: string, value: Value, options?: PutOpOptions): Op<KvEntry<Value> | undefined>;
  /** Puts a key again with the value that it has, as `Kv.touch` does. Its result is that of a put. */
  touch(key: string, options?: PutOpOptions): Op<KvEntry<Value> | undefined>;
  /** Its result is the number of keys deleted; with `prev`, the deleted entries in key order. */
  delete(keyOrRange: string | Bounds, options: { readonly prev: true }): Op<KvEntry<Value>[]>;
  delete(keyOrRange: string | Bounds): Op<number>;
}

export function basicOps<Value>(space: Keyspace<Value>): BasicOps<Value> {
  const put = (key: string, value: string | null, options: PutOpOptions): Op<KvEntry<Value> | undefined> => ({
    operation: { kind: "put", key: space.key(key), value, lease: chosenLease(options) },
    prev: options.prev,
    read: (result) => {
      const { previous } = expectResult(result, "put");
      return options.prev === true ? space.maybeWrittenEntry(previous) : undefined;
    },
  });
  return {
    get: (key, options = {}) => ({
      operation: rangeOperation(singleKey(space.key(key)), { ...options, limit: 1 }, null),
      read: (result) => space.maybeWrittenEntry(expectResult(result, "range").versions[0]),
    }),
    range: (range) => ({
      operation: rangeOperation(space.range(range), range, selectionOf(range)),
      read: (result) => expectResult(result, "range").versions.map((version) => space.writtenEntry(version)),
    }),
    count: (range) => ({
      operation: { kind: "count", range: space.range(range), revision: revisionOf(range) },
      read: (result) => expectResult(result, "count").count,
    }),
    put: (key, value, options = {}) => put(key, space.codec.encode(value), options),
    touch: (key, options = {}) => put(key, null, options),
    delete: deletes(space),
  };
}

/** By its two signatures, which one expression cannot have. */
function deletes<Value>(space: Keyspace<Value>): BasicOps<Value>["delete"] {
  function deleteOp(keyOrRange: string | Bounds, options: { readonly prev: true }): Op<KvEntry<Value>[]>;
  function deleteOp(keyOrRange: string | Bounds): Op<number>;
  function deleteOp(keyOrRange: string | Bounds, { prev = false } = {}): Op<KvEntry<Value>[] | number> {
    return {
      operation: { kind: "delete", range: space.keyOrRange(keyOrRange) },
      prev,
      read: (result) => {
        const { deleted } = expectResult(result, "delete");
        return prev ? space.deletedEntries(deleted) : deleted.length;
      },
    };
  }
  return deleteOp;
}

function rangeOperation(
  range: KeyRange,
  options: Pick<Range, "limit" | "reverse"> & ReadOpOptions,
  selection: Selection | null,
): RangeOperation {
  const limit = wholeNumber(options.limit ?? 0);
  const reverse = options.reverse === true;
  return { kind: "range", range, revision: revisionOf(options), limit, reverse, selection };
}

function revisionOf({ revision }: ReadOpOptions): Revision | null {
  if (revision === undefined) return null;
  checkRevisionNumber(revision);
  return revision;
}

/** The result of an operation, which is of the operation's kind. */
export function expectResult<Kind extends BackendOperationResult["kind"]>(
  result: BackendOperationResult,
  kind: Kind,
): Extract<BackendOperationResult, { kind: Kind }> {
  assert(result.kind === kind, "each operation has its kind of result");
  return result as Extract<BackendOperationResult, { kind: Kind }>;
}
