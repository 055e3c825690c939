import { invalidArgument } from "../base/errors.ts";
import { OptionTable } from "../base/options.ts";
import { BOUNDS, type Bounds } from "./bounds.ts";
import { toByteString } from "./byte-text.ts";
import type { Keyspace } from "./keyspace.ts";
import type { Compare, CompareRelation, CompareTarget } from "./machine/command.ts";
import type { Revision } from "./mvcc/key-history.ts";
import { type KeyRange, singleKey } from "./mvcc/key-range.ts";

/** A claim about one key, or about every key of a range, made by `when`. */
export interface Claim {
  readonly compare: Compare;
}

export interface FieldClaims<Field> {
  eq(operand: Field): Claim;
  ne(operand: Field): Claim;
  lt(operand: Field): Claim;
  gt(operand: Field): Claim;
}

/**
 * What can be claimed of a key. The numbers of a missing key are 0 and its lease is empty; a claim about the value of
 * a missing key never holds, not even `ne`. Values are compared by their encoded bytes.
 */
export interface KeyClaims<Value> {
  exists(): Claim;
  missing(): Claim;
  readonly value: FieldClaims<Value>;
  readonly version: FieldClaims<number>;
  readonly modRevision: FieldClaims<Revision>;
  readonly createRevision: FieldClaims<Revision>;
  readonly lease: FieldClaims<string>;
}

/**
 * Makes one claim, of the key that is named, or of `every` key of a range. A range without keys is one missing key: so
 * `every(range).missing()` says that there are none, and `every(range).exists()` that there are some.
 */
export type MakeClaim<Value> = (
  key: (key: string) => KeyClaims<Value>,
  every: (range: Bounds) => KeyClaims<Value>,
) => Claim;

const EVERY_OPTIONS = new OptionTable<Bounds>("every", BOUNDS);

/** Throws ERR_INVALID_ARGUMENT for what makes no claim. */
export function makeClaim<Value>(space: Keyspace<Value>, make: MakeClaim<Value>): Claim {
  if (typeof make !== "function")
    throw invalidArgument("claim", make, "when takes functions that return claims");
  const claim = make(
    (key) => claimsOf(space, singleKey(space.key(key))),
    (range) => {
      EVERY_OPTIONS.check(range);
      return claimsOf(space, space.range(range));
    },
  );
  if (typeof claim?.compare === "object") return claim;
  throw invalidArgument("claim", claim, "a function given to when must return a claim");
}

function claimsOf<Value>(space: Keyspace<Value>, range: KeyRange): KeyClaims<Value> {
  const claim = (target: CompareTarget, relation: CompareRelation, operand: string | number): Claim => ({
    compare: { range, target, relation, operand },
  });
  const field = <Field>(
    target: CompareTarget,
    encode: (operand: Field) => string | number,
  ): FieldClaims<Field> => ({
    eq: (operand) => claim(target, "equal", encode(operand)),
    ne: (operand) => claim(target, "notEqual", encode(operand)),
    lt: (operand) => claim(target, "less", encode(operand)),
    gt: (operand) => claim(target, "greater", encode(operand)),
  });
  return {
    exists: () => claim("createRevision", "greater", 0),
    missing: () => claim("createRevision", "equal", 0),
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
