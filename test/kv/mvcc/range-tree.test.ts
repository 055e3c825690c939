import fc from "fast-check";
import { expect, test } from "vitest";
import { inRange, type KeyRange, keysWithPrefix } from "../../../src/kv/mvcc/key-range.ts";
import { RangeTree } from "../../../src/kv/mvcc/range-tree.ts";
import { KEYS, keyRange } from "../arbitraries.ts";

const found = <Member>(tree: RangeTree<Member>, key: string) => {
  const members: Member[] = [];
  tree.visit(key, (member) => members.push(member));
  return members;
};

test("a tree of ranges finds exactly the members whose ranges hold a key, whatever came and went", () => {
  const change = fc.record({ range: keyRange, member: fc.nat(3), isAdded: fc.boolean() });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
      const tree = new RangeTree<string>();
      const held = new Map<string, KeyRange>();
      for (const { range, member, isAdded } of changes) {
        const name = JSON.stringify([range, member]);
        if (isAdded) {
          tree.add(range, name);
          held.set(name, range);
        } else {
          tree.delete(range, name);
          held.delete(name);
        }
      }
      expect(tree.size).toBe(held.size);
      expect([...tree].sort()).toEqual([...held.keys()].sort());
      for (const key of ["", ...KEYS]) {
        const expected = [...held].filter(([, range]) => inRange(key, range)).map(([name]) => name);
        expect(found(tree, key).sort()).toEqual(expected.sort());
      }
    }),
    { numRuns: 500 },
  );
});

test("of ten thousand prefixes a key meets its own, and few others are looked at", () => {
  const tree = new RangeTree<string>();
  let looks = 0;
  for (let at = 0; at < 10_000; at++) {
    const { from, to } = keysWithPrefix(`tenant/${at}/`);
    // Counts how often the ranges' ends are read.
    tree.add(
      {
        get from() {
          looks += 1;
          return from;
        },
        to,
      },
      from,
    );
  }
  looks = 0;
  expect(found(tree, "tenant/777/x")).toEqual(["tenant/777/"]);
  expect(found(tree, "nobody")).toEqual([]);
  expect(looks).toBeLessThan(200);
});
