import type { Compare, Operation } from "../../../kv/machine/command.ts";
import type { Key, KeyRange } from "../../../kv/mvcc/key-range.ts";
import { type NaiveKeys, within } from "./naive-range.ts";

/** Whether a compare holds: of every key in its range, or of a key that is not there where it has none. */
export function naiveHolds(compare: Compare, keys: NaiveKeys): boolean {
  const met = within(keys, compare.range);
  if (met.length > 0) return met.every((version) => holds(compare, version[compare.target]));
  if (compare.target === "value") return false;
  return holds(compare, compare.target === "lease" ? "" : 0);
}

/** Leases are compared by their numbers where one is to be less, and no lease is 0. */
function holds({ target, relation, operand }: Compare, actual: string | number): boolean {
  if (relation === "equal") return actual === operand;
  if (relation === "notEqual") return actual !== operand;
  const [left, right] = target === "lease" ? [Number(actual), Number(operand)] : [actual, operand];
  return relation === "less" ? left < right : left > right;
}

interface Writes {
  readonly puts: readonly Key[];
  readonly deletes: readonly KeyRange[];
  /** Whether two operations of a branch might put one key, or one might put what another deletes. */
  readonly isDouble: boolean;
}

/** What a transaction might write, whichever of its branches are taken. */
export function naiveWrites(operation: Operation): Writes {
  if (operation.kind === "put") return { puts: [operation.key], deletes: [], isDouble: false };
  if (operation.kind === "delete") return { puts: [], deletes: [operation.range], isDouble: false };
  if (operation.kind !== "txn") return { puts: [], deletes: [], isDouble: false };
  const [success, failure] = [branchWrites(operation.success), branchWrites(operation.failure)];
  return {
    puts: [...success.puts, ...failure.puts],
    deletes: [...success.deletes, ...failure.deletes],
    isDouble: success.isDouble || failure.isDouble,
  };
}

function branchWrites(branch: readonly Operation[]): Writes {
  const each = branch.map(naiveWrites);
  const collide = each.some((one) =>
    each.some(
      (other) =>
        one !== other &&
        one.puts.some(
          (key) =>
            other.puts.includes(key) ||
            other.deletes.some(({ from, to }) => key >= from && (to === null || key < to)),
        ),
    ),
  );
  return {
    puts: each.flatMap(({ puts }) => puts),
    deletes: each.flatMap(({ deletes }) => deletes),
    isDouble: collide || each.some(({ isDouble }) => isDouble),
  };
}
