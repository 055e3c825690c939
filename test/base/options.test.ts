import { expect, test } from "vitest";
import { QuorateError } from "../../src/base/errors.ts";
import { editDistance, nearest } from "../../src/base/nearest.ts";
import {
  type Demands,
  definite,
  describe as describeValue,
  flag,
  milliseconds,
  NO_OPTIONS,
  nested,
  OptionTable,
  oneOf,
  required,
  signal,
  whole,
} from "../../src/base/options.ts";

interface PlayOptions {
  readonly signal?: AbortSignal | undefined;
  readonly timeout?: number | undefined;
  readonly loud?: boolean | undefined;
  readonly side?: "a" | "b" | undefined;
  readonly volume: number;
  readonly limits?: { readonly tickMs?: number };
}

const limits = new OptionTable<{ readonly tickMs?: number }>("limits", { tickMs: whole(1) }, "limits.");
const demands: Demands<PlayOptions> = {
  signal,
  timeout: milliseconds,
  loud: flag,
  side: definite(oneOf("a", "b")),
  volume: required(whole(0, 10)),
  limits: nested(limits),
};
const table = new OptionTable<PlayOptions>("play", demands);

function refusal(given: unknown): QuorateError<"ERR_INVALID_ARGUMENT"> {
  try {
    table.check(given);
  } catch (error) {
    if (QuorateError.is(error, "ERR_INVALID_ARGUMENT")) return error;
    throw error;
  }
  throw new Error("was taken");
}

test("an unknown option is refused by name, with the nearest known one, or with all that there are", () => {
  expect(refusal({ volume: 1, laud: true })).toMatchObject({
    message: "play has no option named laud; did you mean loud?",
    details: { argument: "laud", received: true },
    outcome: "none",
  });
  expect(refusal({ volume: 1, ttl: 5 }).message).toBe(
    "play has no option named ttl; its options are: signal, timeout, loud, side, volume, limits",
  );
  expect(refusal({ volume: 1, constructor: 5 }).message).toContain("no option named constructor");
  expect(refusal({ volume: 1, limits: { tickMS: 5 } })).toMatchObject({
    message: "limits has no option named tickMS; did you mean tickMs?",
    details: { argument: "limits.tickMS" },
  });
});

test("undefined stands for leaving an option out, unless that would widen the call", () => {
  table.check({ volume: 1, loud: undefined, signal: undefined });
  expect(refusal({ volume: 1, side: undefined }).message).toBe(
    "play: side must be one of a, b; leave it out rather than pass undefined",
  );
  expect(refusal({}).message).toBe("play needs volume");
  expect(refusal(NO_OPTIONS).message).toBe("play needs volume");
});

test("values must be what the option is for", () => {
  for (const wrong of [
    { timeout: Number.NaN },
    { timeout: -1 },
    { timeout: "5" },
    { volume: 1.5 },
    { volume: 11 },
    { volume: null },
    { loud: 1 },
    { side: "c" },
    { signal: new AbortController() },
    { limits: 3 },
    { limits: { tickMs: Number.POSITIVE_INFINITY } },
  ]) {
    expect(refusal({ volume: 1, ...wrong }).details.argument).toMatch(Object.keys(wrong)[0]!);
  }
  table.check({ volume: 1, timeout: Number.POSITIVE_INFINITY, limits: { tickMs: 1 } });
});

test("what is no object with options is refused, in words that help", () => {
  for (const wrong of [
    null,
    undefined,
    3,
    "text",
    [],
    () => {},
    new Date(),
    new Map(),
    Promise.resolve({}),
  ]) {
    expect(refusal(wrong).message).toContain("play takes its options as one plain object, not ");
  }
  expect(refusal(new AbortController().signal).message).toContain("pass it as { signal }");
  expect(describeValue(Promise.resolve())).toContain("await");
});

test("what a library has added to every object is nobody's option", () => {
  Object.defineProperty(Object.prototype, "polluted", { value: 1, enumerable: true, configurable: true });
  try {
    table.check({ volume: 1 });
  } finally {
    delete (Object.prototype as { polluted?: number }).polluted;
  }
});

test("names are near by edits, swaps included, and not when most of them differs", () => {
  expect(editDistance("ab", "ba")).toBe(1);
  expect(editDistance("kitten", "sitting")).toBe(3);
  expect(nearest("prefx", ["gte", "prefix"])).toBe("prefix");
  expect(nearest("highwatermark", ["highWaterMark"])).toBe("highWaterMark");
  expect(nearest("ttl", ["prev", "lease"])).toBeUndefined();
});
