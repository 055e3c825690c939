import { assert } from "../base/assert.ts";
import { type Demands, flag, NO_OPTIONS, OptionTable, whole } from "../base/options.ts";
import { BOUNDS, type Bounds, RANGE_ORDER, type Range, type RangeOrder } from "./bounds.ts";
import type { Keyspace, KvEntry } from "./keyspace.ts";
import type { BackendOperationResult } from "./kv-backend.ts";
import { chosenLease, LEASE_CHOICE, type LeaseChoice } from "./lease-choice.ts";
import type { Operation, RangeOperation } from "./machine/command.ts";
import type { Revision } from "./mvcc/key-history.ts";
import { type KeyRange, singleKey } from "./mvcc/key-range.ts";
import { SELECTION, type Selection, type SelectionOptions, selectionOf } from "./mvcc/selection.ts";

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

/** Options of a range read inside a transaction. */
export type RangeOpOptions = Range & SelectionOptions & ReadOpOptions;
type DeleteOpOptions = { readonly prev?: boolean };

const PUT_OP: Demands<PutOpOptions> = { ...LEASE_CHOICE, prev: flag };
const READ_OP: Demands<ReadOpOptions> = { revision: whole(1) };

const GET_OPTIONS = new OptionTable<ReadOpOptions>("op.get", READ_OP);
const COUNT_OPTIONS = new OptionTable<Bounds & ReadOpOptions>("op.count", { ...BOUNDS, ...READ_OP });
const PUT_OPTIONS = new OptionTable<PutOpOptions>("op.put", PUT_OP);
const TOUCH_OPTIONS = new OptionTable<PutOpOptions>("op.touch", PUT_OP);
const DELETE_RANGE = new OptionTable<Bounds>("op.delete", BOUNDS);
const DELETE_OPTIONS = new OptionTable<DeleteOpOptions>("op.delete", { prev: flag });
const RANGE_OPTIONS = new OptionTable<RangeOpOptions>("op.range", {
  ...BOUNDS,
  ...RANGE_ORDER,
  ...SELECTION,
  ...READ_OP,
  // A command says by 0 that there is no limit.
  limit: whole(1),
});

/** The operations that a transaction can be made of, apart from transactions. */
export interface BasicOps<Value> {
  /** Reads a key. Its result is the entry, or undefined if the key does not exist. */
  get(key: string, options?: ReadOpOptions): Op<KvEntry<Value> | undefined>;
  /**
   * What a transaction reads in all is at most 10,000 keys, or it is refused with ERR_TOO_LARGE: set a limit, or read
   * outside. A sorted or filtered range counts with all of its keys.
   */
  range(range: RangeOpOptions): Op<KvEntry<Value>[]>;
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
    get: (key, options = NO_OPTIONS) => {
      GET_OPTIONS.check(options);
      return {
        operation: rangeOperation(singleKey(space.key(key)), { ...options, limit: 1 }, null),
        read: (result) => space.maybeWrittenEntry(expectResult(result, "range").versions[0]),
      };
    },
    range: (range) => {
      RANGE_OPTIONS.check(range);
      return {
        operation: rangeOperation(space.range(range), range, selectionOf(range)),
        read: (result) =>
          expectResult(result, "range").versions.map((version) => space.writtenEntry(version)),
      };
    },
    count: (range) => {
      COUNT_OPTIONS.check(range);
      return {
        operation: { kind: "count", range: space.range(range), revision: range.revision ?? null },
        read: (result) => expectResult(result, "count").count,
      };
    },
    put: (key, value, options = NO_OPTIONS) => {
      PUT_OPTIONS.check(options);
      return put(key, space.codec.encode(value), options);
    },
    touch: (key, options = NO_OPTIONS) => {
      TOUCH_OPTIONS.check(options);
      return put(key, null, options);
    },
    delete: deletes(space),
  };
}

/** By its two signatures, which one expression cannot have. */
function deletes<Value>(space: Keyspace<Value>): BasicOps<Value>["delete"] {
  function deleteOp(keyOrRange: string | Bounds, options: { readonly prev: true }): Op<KvEntry<Value>[]>;
  function deleteOp(keyOrRange: string | Bounds): Op<number>;
  function deleteOp(
    keyOrRange: string | Bounds,
    options: DeleteOpOptions = NO_OPTIONS,
  ): Op<KvEntry<Value>[] | number> {
    DELETE_OPTIONS.check(options);
    const { prev = false } = options;
    return {
      operation: { kind: "delete", range: space.keyOrRange(keyOrRange, DELETE_RANGE) },
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
  {
    limit = 0,
    reverse = false,
    revision = null,
  }: RangeOrder & { readonly revision?: Revision | null | undefined },
  selection: Selection | null,
): RangeOperation {
  return { kind: "range", range, revision, limit, reverse, selection };
}

/** The result of an operation, which is of the operation's kind. */
export function expectResult<Kind extends BackendOperationResult["kind"]>(
  result: BackendOperationResult,
  kind: Kind,
): Extract<BackendOperationResult, { kind: Kind }> {
  assert(result.kind === kind, "each operation has its kind of result");
  return result as Extract<BackendOperationResult, { kind: Kind }>;
}
