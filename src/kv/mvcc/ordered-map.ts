import BTreeModule from "sorted-btree";
import type { Key, KeyRange } from "./key-range.ts";

// The package is CommonJS with a `default` export: bundlers hand over the class, Node's own loader the module.
type TreeClass = typeof BTreeModule;
const BTree: TreeClass = (BTreeModule as { default?: TreeClass }).default ?? BTreeModule;

/** A map in key order. Finding one key is a `Map`'s work; this one is asked for neighbours. */
export class OrderedMap<Value> {
  readonly #tree = new BTree<Key, Value>(undefined, compareKeys);

  get size(): number {
    return this.#tree.size;
  }

  set(key: Key, value: Value): void {
    this.#tree.set(key, value);
  }

  delete(key: Key): void {
    this.#tree.delete(key);
  }

  /** Visits the keys of a range upwards until `visit` returns false. The map must not change meanwhile. */
  ascend(range: KeyRange, visit: (value: Value) => boolean): void {
    const highest = range.to ?? this.#tree.maxKey();
    if (highest === undefined) return;
    this.#tree.forRange(range.from, highest, range.to === null, (_key, value) => {
      return visit(value) ? undefined : STOP;
    });
  }

  /** Visits the keys of a range downwards until `visit` returns false. The map must not change meanwhile. */
  descend(range: KeyRange, visit: (value: Value) => boolean): void {
    const pairs = this.#tree.entriesReversed(range.to ?? undefined, undefined, range.to !== null);
    for (const [key, value] of pairs) if (key < range.from || !visit(value)) return;
  }
}

const STOP = { break: 0 } as const;

function compareKeys(left: Key, right: Key): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
