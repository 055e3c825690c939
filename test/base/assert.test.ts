import { describe, expect, it } from "vitest";
import { AssertionError, assert, unreachable } from "../../src/base/assert.ts";

describe("assert", () => {
  it("lets what is true pass, without building its message", () => {
    assert(true, () => {
      throw new Error("built");
    });
  });

  it("throws what is false, with its message", () => {
    expect(() => assert(false, "terms never go back")).toThrow(new AssertionError("terms never go back"));
    expect(() => assert(false, () => `at ${7}`)).toThrow(new AssertionError("at 7"));
  });
});

describe("unreachable", () => {
  it("names the value that the types had ruled out", () => {
    expect(() => unreachable({ kind: "new" } as never)).toThrow('unreachable: {"kind":"new"}');
  });
});
