import type { Key, KeyRange } from "../mvcc/key-range.ts";
import type { Operation, TxnCommand } from "./command.ts";

/** What the operations of one branch may write, nested transactions counted with both of their branches. */
interface Writes {
  readonly puts: Set<Key>;
  readonly deletes: KeyRange[];
}

/** A key with the place of its operation in the branch. */
interface PlacedPut {
  readonly key: Key;
  readonly place: number;
}

/**
 * A key that the transaction might write twice, or null. Two operations of one branch must not put the same key, nor
 * may one put what another deletes; deletes may overlap. The two branches of one transaction exclude each other, so
 * they may share keys. etcd has the same rule, but does not see a put before a nested delete, nor a delete
 * with an open end.
 */
export function findDoubleWrite(txn: TxnCommand): Key | null {
  return writesOf(txn.success).double ?? writesOf(txn.failure).double;
}

function writesOf(branch: readonly Operation[]): Writes & { readonly double: Key | null } {
  const puts: PlacedPut[] = [];
  const deletes: { range: KeyRange; place: number }[] = [];
  let double: Key | null = null;
  branch.forEach((operation, place) => {
    if (operation.kind === "put") puts.push({ key: operation.key, place });
    else if (operation.kind === "delete") deletes.push({ range: operation.range, place });
    else if (operation.kind === "txn") {
      const success = writesOf(operation.success);
      const failure = writesOf(operation.failure);
      double ??= success.double ?? failure.double;
      for (const key of new Set([...success.puts, ...failure.puts])) puts.push({ key, place });
      for (const range of [...success.deletes, ...failure.deletes]) deletes.push({ range, place });
    }
  });
  puts.sort((left, right) => (left.key < right.key ? -1 : left.key > right.key ? 1 : 0));
  double ??=
    putTwice(puts) ?? deletes.map(({ range, place }) => putElsewhere(puts, range, place)).find(isKey) ?? null;
  return { puts: new Set(puts.map(({ key }) => key)), deletes: deletes.map(({ range }) => range), double };
}

function isKey(key: Key | null): key is Key {
  return key !== null;
}

function putTwice(sorted: readonly PlacedPut[]): Key | null {
  for (let at = 1; at < sorted.length; at++)
    if (sorted[at]!.key === sorted[at - 1]!.key) return sorted[at]!.key;
  return null;
}

/** A key of the range that another operation than the one at `place` puts. */
function putElsewhere(sorted: readonly PlacedPut[], range: KeyRange, place: number): Key | null {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]!.key < range.from) low = middle + 1;
    else high = middle;
  }
  for (let at = low; at < sorted.length; at++) {
    const put = sorted[at]!;
    if (range.to !== null && put.key >= range.to) return null;
    if (put.place !== place) return put.key;
  }
  return null;
}
