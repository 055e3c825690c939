import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { equalStructure, structureKey } from "../../src/testkit/structure.ts";

describe("structures", () => {
  it("are equal when they hold the same", () => {
    const value = fc.anything({
      withMap: true,
      withSet: true,
      withTypedArray: true,
      withDate: true,
      withBigInt: true,
    });
    fc.assert(fc.property(fc.clone(value, 2), ([one, other]) => equalStructure(one, other)));
  });

  const different: readonly (readonly [one: unknown, other: unknown])[] = [
    [0, -0],
    [1, "1"],
    [1, 1n],
    [null, undefined],
    [
      [1, 2],
      [2, 1],
    ],
    [["a,b"], ["a", "b"]],
    [{ a: 1 }, { a: 2 }],
    [new Date(1), new Date(2)],
    [new Date(1), { date: 1 }],
    [Uint8Array.of(1), Uint8Array.of(2)],
    [new Map([["a", 1]]), new Map([["a", 2]])],
    [new Set(["a"]), ["a"]],
    ["null", null],
  ];

  it.each(different.map((pair, at) => [at, ...pair] as const))(
    "differ where they should: pair %i",
    (_at, one, other) => {
      expect(equalStructure(one, other)).toBe(false);
    },
  );

  it("do not depend on order where there is none", () => {
    expect(equalStructure({ a: 1, b: 2 }, { b: 2, a: 1 })).toBe(true);
    expect(
      structureKey(
        new Map([
          [1, 2],
          [3, 4],
        ]),
      ),
    ).toBe(
      structureKey(
        new Map([
          [3, 4],
          [1, 2],
        ]),
      ),
    );
    expect(equalStructure(new Set([1, 2]), new Set([2, 1]))).toBe(true);
  });

  it("do not count what is undefined, as JSON does not", () => {
    expect(equalStructure({ a: 1, b: undefined }, { a: 1 })).toBe(true);
    expect(equalStructure(Number.NaN, Number.NaN)).toBe(true);
  });
});
