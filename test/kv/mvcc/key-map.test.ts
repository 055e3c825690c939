import fc from "fast-check";
import { expect, test } from "vitest";
import { KeyMap } from "../../../src/kv/mvcc/key-map.ts";
import { KEYS } from "../arbitraries.ts";

const key = fc.oneof(
  fc.constantFrom(...KEYS),
  fc.integer({ min: 0, max: 300 }).map((length) => "x".repeat(length)),
);

test("a map in many tables is a map", () => {
  const change = fc.record({ key, value: fc.option(fc.nat()) });
  fc.assert(
    fc.property(fc.array(change), (changes) => {
      const map = new KeyMap<number>();
      const model = new Map<string, number>();
      for (const { key, value } of changes) {
        if (value === null) map.delete(key);
        else map.set(key, value);
        if (value === null) model.delete(key);
        else model.set(key, value);
        expect(map.get(key)).toBe(model.get(key));
      }
      for (const { key } of changes) expect(map.get(key)).toBe(model.get(key));
    }),
  );
});
