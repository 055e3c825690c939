import fc from "fast-check";
import { expect, test } from "vitest";
import { Kv } from "../../src/kv/kv.ts";
import { KvMachine } from "../../src/kv/machine/kv-machine.ts";
import type { ScanOptions } from "../../src/kv/scan.ts";
import type { CallOptions } from "../../src/replica/calls/call.ts";
import { Applying, HandClock, LoneReplica, rejection } from "./support.ts";

function opened() {
  const machine = new KvMachine();
  return Kv.over(new LoneReplica(machine), machine);
}

const keysOf = (entries: readonly { readonly key: string }[]) => entries.map(({ key }) => key);
const numbered = (count: number) =>
  Array.from({ length: count }, (_, at) => `k${String(at).padStart(4, "0")}`);

test("a list tells the revision that it shows, and a watch from the next one has no gap", async () => {
  const kv = opened();
  await kv.put("a", "1");
  await kv.put("b", "1");
  const scan = kv.range();
  expect(scan.revision).toBeUndefined();
  const listed = await scan.toArray();
  await kv.put("c", "1");
  expect(scan.revision).toBe(3);
  expect(keysOf(listed)).toEqual(["a", "b"]);
  for await (const event of kv.watch({ all: true, from: scan.revision! + 1 })) {
    expect(event).toMatchObject({ type: "put", entry: { key: "c" }, revision: 4 });
    break;
  }
});

test("pages go on behind a key and at one revision, whatever is written in between", async () => {
  const kv = opened();
  const keys = numbered(700);
  await Promise.all(keys.map((key) => kv.put(key, "")));
  for (const reverse of [false, true]) {
    const scan = kv.range({ prefix: "k", reverse });
    const seen: string[] = [];
    let page = await scan.page({ limit: 300, count: true });
    expect(page).toMatchObject({ more: true, count: 700 });
    const { revision } = page;
    for (;;) {
      seen.push(...keysOf(page.entries));
      if (!page.more) break;
      await kv.put("k-new", String(seen.length));
      await kv.delete("k-new");
      page = await scan.page({ limit: 300, after: seen.at(-1)! });
      expect(page.revision).toBe(revision);
    }
    expect(seen).toEqual(reverse ? keys.toReversed() : keys);
  }
});

test("a page counts the whole range whatever its limit, filters and place (trap 5)", async () => {
  const kv = opened();
  for (const key of ["a", "b", "c", "d"]) await kv.put(key, "");
  const scan = kv.range({ gte: "b", minModRevision: 5 });
  expect(await scan.page({ limit: 1, count: true })).toMatchObject({
    entries: [{ key: "d" }],
    more: false,
    count: 3,
  });
  expect(await scan.page({ after: "b", count: true })).toMatchObject({ entries: [{ key: "d" }], count: 3 });
  expect(await scan.page({ limit: 0 })).toEqual({ entries: [], revision: 5, more: true });
  expect(await kv.range({ gte: "b" }).page()).toMatchObject({ more: false, revision: 5 });
  expect(await kv.range({ gt: "x" }).page({ count: true })).toMatchObject({
    entries: [],
    more: false,
    count: 0,
  });
});

test("a page of an old revision tells that one", async () => {
  const kv = opened();
  await kv.put("a", "1");
  await kv.put("b", "1");
  expect(await kv.range({ all: true, revision: 2 }).page()).toMatchObject({
    entries: [{ key: "a" }],
    revision: 2,
  });
});

test("entries can be sorted by everything that is known of them, and filtered by their revisions", async () => {
  const kv = opened();
  await kv.put("a", "3");
  await kv.put("b", "2");
  await kv.put("c", "1");
  await kv.put("b", "2");
  const keys = async (options: ScanOptions) => (await kv.range(options).keys()).join("");
  expect(await keys({ all: true, sortBy: "value" })).toBe("cba");
  expect(await keys({ all: true, sortBy: "value", limit: 1 })).toBe("c");
  expect(await keys({ all: true, sortBy: "version", reverse: true })).toBe("bac");
  expect(await keys({ all: true, sortBy: "modRevision" })).toBe("acb");
  expect(await keys({ all: true, sortBy: "createRevision", reverse: true })).toBe("cba");
  expect(await keys({ all: true, sortBy: "key" })).toBe("abc");
  expect(await keys({ all: true, minModRevision: 4 })).toBe("bc");
  expect(await keys({ all: true, maxModRevision: 4, reverse: true })).toBe("ca");
  expect(await keys({ all: true, minCreateRevision: 3, maxCreateRevision: 3 })).toBe("b");
  expect(await kv.range({ all: true, minModRevision: 4 }).count()).toBe(2);
  expect(await kv.range({ all: true, minModRevision: 4, limit: 1 }).toArray()).toMatchObject([{ key: "b" }]);
  expect(await kv.range({ all: true, minModRevision: 4, reverse: true }).first()).toMatchObject({ key: "c" });
  const sorted = await kv
    .txn()
    .do((op) => [op.range({ all: true, sortBy: "value", limit: 2 })])
    .commit();
  expect(sorted.ok && keysOf(sorted.results[0])).toEqual(["c", "b"]);
});

test("a scan gives what its parts would give in one go, for any options", async () => {
  const kv = opened();
  const keys = numbered(600);
  for (const key of keys) await kv.put(key, String(Number(key.slice(1)) % 7));
  const all = await kv.range().toArray();
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        sortBy: fc.constantFrom("key" as const, "value" as const, "modRevision" as const),
        minModRevision: fc.nat(600),
        limit: fc.nat(600),
        reverse: fc.boolean(),
      }),
      async (options) => {
        const { sortBy, minModRevision, limit, reverse } = options;
        const sign = reverse ? -1 : 1;
        const field = (entry: (typeof all)[number]) => entry[sortBy];
        const expected = all
          .filter(({ modRevision }) => modRevision >= minModRevision)
          .sort((one, other) => (field(one) < field(other) ? -sign : field(one) > field(other) ? sign : 0))
          .slice(0, limit);
        expect(keysOf(await kv.range({ all: true, ...options }).toArray())).toEqual(keysOf(expected));
        expect(await kv.range({ all: true, ...options }).count()).toBe(expected.length);
      },
    ),
    { numRuns: 40 },
  );
});

test("a count, a hash and an iteration end when their caller gives up, and in their time, however long they are", async () => {
  const clock = new HandClock();
  const machine = new KvMachine();
  const kv = Kv.over(new LoneReplica(machine, clock), machine);
  const applying = new Applying(machine);
  applying.batch(
    Array.from({ length: 5_000 }, (_, at) => ({ kind: "put", key: `k${at}`, value: "", lease: "" }) as const),
  );
  for (const read of [
    (options: CallOptions) => kv.range({ all: true, ...options }).count(),
    (options: CallOptions) => kv.range({ all: true, ...options }).keys(),
    (options: CallOptions) => kv.hash(options),
  ]) {
    const controller = new AbortController();
    const aborted = expect(read({ signal: controller.signal })).rejects.toThrow("enough");
    const late = rejection(read({ timeoutMs: 5 }));
    await clock.pass(0);
    controller.abort(new Error("enough"));
    await clock.pass(10);
    await aborted;
    expect(await late).toMatchObject({ code: "ERR_TIMEOUT", outcome: "none", retryable: true });
  }
});

test("what no scan can do is refused: unknown sorts, odd numbers, and going on in sorted entries", async () => {
  const kv = opened();
  expect(() => kv.range({ all: true, sortBy: "colour" as "key" })).toThrow(/sortBy must be one of/);
  expect(() => kv.range({ all: true, minModRevision: -1 })).toThrow(/whole number/);
  expect(() => kv.range({ all: true, limit: 1.5 })).toThrow(/whole number/);
  expect((await rejection(kv.range({ all: true, sortBy: "value" }).page({ after: "a" }))).code).toBe(
    "ERR_INVALID_ARGUMENT",
  );
});
