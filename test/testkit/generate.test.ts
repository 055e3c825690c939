import fc from "fast-check";
import { expect, it } from "vitest";
import { Random } from "../../src/base/random.ts";
import { constant, integer, oneOf, pick, record, weighted } from "../../src/testkit/generate.ts";

const manyOf = <Value>(make: (random: Random) => Value): Value[] => {
  const random = new Random(5);
  return Array.from({ length: 2_000 }, () => make(random));
};

it("generators make what they were told to, each of it sooner or later", () => {
  expect(new Set(manyOf(pick("a", "b", "c")))).toEqual(new Set(["a", "b", "c"]));
  expect(new Set(manyOf(integer(3, 5)))).toEqual(new Set([3, 4, 5]));
  expect(new Set(manyOf(oneOf<number | string>(constant(1), pick("x"))))).toEqual(new Set([1, "x"]));
  expect(manyOf(record({ a: constant(1), b: pick(true) }))[0]).toEqual({ a: 1, b: true });
});

it("weights are shares", () => {
  const made = manyOf(weighted([9, constant("often")], [1, constant("rarely")], [0, constant("never")]));
  const rarely = made.filter((value) => value === "rarely").length;
  expect(rarely).toBeGreaterThan(140);
  expect(rarely).toBeLessThan(260);
  expect(made).not.toContain("never");
});

it("the same seed makes the same", () => {
  const generator = record({ n: integer(0, 1_000_000), s: pick("a", "b") });
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      expect(generator(new Random(seed))).toEqual(generator(new Random(seed)));
    }),
  );
});
