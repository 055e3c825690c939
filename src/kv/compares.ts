import { invalidArgument } from "../base/errors.ts";
import { OptionTable } from "../base/options.ts";
import { BOUNDS, type Bounds } from "./bounds.ts";
import { toByteString } from "./byte-text.ts";
import type { Keyspace } from "./keyspace.ts";
import type { Compare, CompareRelation, CompareTarget } from "./machine/command.ts";
import type { Revision } from "./mvcc/key-history.ts";
import { type KeyRange, singleKey } from "./mvcc/key-range.ts";

/**
 * Conditions on one field of a key: equal, not equal, less, greater. There is no "at most", as in etcd (etcd:
 * Compare.CompareResult).
 */
export interface FieldCompares<Field> {
  /** Holds if the field equals the operand. */
  eq(operand: Field): Compare;
  /** Holds if the field differs from the operand. */
  ne(operand: Field): Compare;
  /** Holds if the field is less than the operand. */
  lt(operand: Field): Compare;
  /** Holds if the field is greater than the operand. */
  gt(operand: Field): Compare;
}

/**
 * What can be compared of a key. The numbers of a missing key are 0 and its lease is empty; a compare about the value of
 * a missing key never holds, not even `ne`. Values are compared by their encoded bytes.
 */
export interface KeyCompares<Value> {
  /** Holds if the key exists. */
  exists(): Compare;
  /** Holds if the key does not exist. */
  missing(): Compare;
  readonly value: FieldCompares<Value>;
  readonly version: FieldCompares<number>;
  readonly modRevision: FieldCompares<Revision>;
  readonly createRevision: FieldCompares<Revision>;
  readonly lease: FieldCompares<string>;
}

/**
 * Makes one compare, of the key that is named, or of `every` key of a range. A range without keys is one missing key: so
 * `every(range).missing()` says that there are none, and `every(range).exists()` that there are some.
 */
export type MakeCompare<Value> = (
  key: (key: string) => KeyCompares<Value>,
  every: (range: Bounds) => KeyCompares<Value>,
) => Compare;

const EVERY_OPTIONS = new OptionTable<Bounds>("every", BOUNDS);

/** Throws ERR_INVALID_ARGUMENT for what makes no compare. */
export function makeCompare<Value>(space: Keyspace<Value>, make: MakeCompare<Value>): Compare {
  if (typeof make !== "function")
    throw invalidArgument("compare", make, "when takes functions that return compares");
  const compare = make(
    (key) => comparesOf(space, singleKey(space.key(key))),
    (range) => {
      EVERY_OPTIONS.check(range);
      return comparesOf(space, space.range(range));
    },
  );
  if (typeof compare?.target === "string") return compare;
  throw invalidArgument("compare", compare, "a function given to when must return a compare");
}

function comparesOf<Value>(space: Keyspace<Value>, range: KeyRange): KeyCompares<Value> {
  const compare = (target: CompareTarget, relation: CompareRelation, operand: string | number): Compare => ({
    range,
    target,
    relation,
    operand,
  });
  const field = <Field>(
    target: CompareTarget,
    encode: (operand: Field) => string | number,
  ): FieldCompares<Field> => ({
    eq: (operand) => compare(target, "equal", encode(operand)),
    ne: (operand) => compare(target, "notEqual", encode(operand)),
    lt: (operand) => compare(target, "less", encode(operand)),
    gt: (operand) => compare(target, "greater", encode(operand)),
  });
  return {
    exists: () => compare("createRevision", "greater", 0),
    missing: () => compare("createRevision", "equal", 0),
    value: field("value", (value: Value) => space.codec.encode(value)),
    version: field("version", wholeNumber),
    modRevision: field("modRevision", wholeNumber),
    createRevision: field("createRevision", wholeNumber),
    lease: field("lease", (lease: string) => toByteString(lease, "lease")),
  };
}

/** Throws ERR_INVALID_ARGUMENT. */
export function wholeNumber(operand: number): number {
  if (Number.isSafeInteger(operand) && operand >= 0) return operand;
  throw invalidArgument("operand", operand, "versions, revisions and limits are whole numbers, 0 or more");
}
