import fc from "fast-check";
import { expect, expectTypeOf, test } from "vitest";
import { QuorateError } from "../../src/base/errors.ts";
import type { KvEntry } from "../../src/kv/keyspace.ts";
import { Kv } from "../../src/kv/kv.ts";
import { KvMachine } from "../../src/kv/machine/kv-machine.ts";
import { TXN_DEPTH_MAX } from "../../src/kv/machine/limits.ts";
import type { Codec } from "../../src/replica/state-machine.ts";
import { HandClock, LoneReplica, rejection } from "./support.ts";

function opened() {
  const machine = new KvMachine();
  const replica = new LoneReplica(machine);
  return { machine, replica, kv: Kv.over(replica, machine) };
}

const keysOf = (entries: readonly KvEntry<unknown>[]) => entries.map(({ key }) => key);

test("what is put is got, with its revisions, until it is deleted", async () => {
  const { kv } = opened();
  expect(await kv.get("a")).toBeUndefined();
  expect(await kv.put("a", "1")).toEqual({ revision: 2 });
  expect(await kv.put("a", "2", { prev: true })).toMatchObject({
    revision: 3,
    prev: { value: "1", version: 1 },
  });
  expect(await kv.entry("a")).toEqual({
    key: "a",
    value: "2",
    createRevision: 2,
    modRevision: 3,
    version: 2,
  });
  expect(await kv.get("a", { revision: 2 })).toBe("1");
  expect(await kv.delete("a")).toEqual({ revision: 4, deleted: 1 });
  expect(await kv.delete("a")).toEqual({ revision: 4, deleted: 0 });
  expect(await kv.get("a")).toBeUndefined();
});

test("any text is a key and a value, and keys are in the order of their UTF-8 bytes", async () => {
  const character = fc
    .oneof(fc.nat(0xff), fc.nat(0x10ffff))
    .map((point) => String.fromCodePoint(point >= 0xd800 && point < 0xe000 ? 0xfffd : point));
  const text = fc.string({ unit: character, minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(text, { maxLength: 20 }), async (keys) => {
      const { kv } = opened();
      for (const key of keys) await kv.put(key, `${key}!`);
      for (const key of keys) expect(await kv.get(key)).toBe(`${key}!`);
      const inByteOrder = keys.toSorted((left, right) =>
        Buffer.compare(Buffer.from(left), Buffer.from(right)),
      );
      expect(keysOf(await kv.range().toArray())).toEqual(inByteOrder);
      kv.close();
    }),
    { numRuns: 30 },
  );
});

test("keys that cannot be told apart as bytes are refused, and so is the empty one", async () => {
  const { kv } = opened();
  for (const key of ["", "\ud800", "a\udc00"]) {
    expect((await rejection(kv.put(key, "x"))).code).toBe("ERR_INVALID_ARGUMENT");
    expect((await rejection(kv.get(key))).code).toBe("ERR_INVALID_ARGUMENT");
  }
  expect((await rejection(kv.put("a", "\ud800"))).code).toBe("ERR_INVALID_ARGUMENT");
});

test("a conditional put happens if the condition holds, and otherwise says what the key is", async () => {
  const { kv } = opened();
  await kv.put("ü", "1", { ifMissing: true });
  expect(await rejection(kv.put("ü", "2", { ifMissing: true }))).toMatchObject({
    code: "ERR_CONDITION_FAILED",
    outcome: "none",
    details: { key: "ü", version: 1, modRevision: 2 },
  });
  await kv.put("ü", "2", { ifVersion: 1 });
  await kv.put("ü", "3", { ifRevision: 3 });
  expect((await rejection(kv.put("ü", "4", { ifVersion: 1 }))).details).toMatchObject({ version: 3 });
  expect(await kv.put("new", "1", { ifRevision: 0, prev: true })).toEqual({ revision: 5 });
  expect(await kv.put("ü", "4", { ifVersion: 3, prev: true })).toMatchObject({ prev: { value: "3" } });
});

test("a range is bounded from both sides, limited and reversed", async () => {
  const { kv } = opened();
  for (const key of ["a", "a/1", "a/2", "b", "c"]) await kv.put(key, "");
  expect(keysOf(await kv.range({ prefix: "a/" }).toArray())).toEqual(["a/1", "a/2"]);
  expect(keysOf(await kv.range({ gt: "a", lt: "b" }).toArray())).toEqual(["a/1", "a/2"]);
  expect(keysOf(await kv.range({ gte: "a", lte: "b" }).toArray())).toEqual(["a", "a/1", "a/2", "b"]);
  expect(keysOf(await kv.range({ prefix: "a", gt: "a/1" }).toArray())).toEqual(["a/2"]);
  expect(keysOf(await kv.range({ gt: "c" }).toArray())).toEqual([]);
  expect(() => kv.range({ gt: "c", lt: "a" })).toThrow(/no key can be within gt "c" and lt "a"/);
  expect(keysOf(await kv.range({ all: true, limit: 2, reverse: true }).toArray())).toEqual(["c", "b"]);
  expect((await kv.range({ all: true, reverse: true }).first())?.key).toBe("c");
  expect(await kv.range({ prefix: "a" }).count()).toBe(3);
  expect(await kv.range({ prefix: "a", limit: 2 }).count()).toBe(2);
  expect(await kv.range({ all: true, limit: 0 }).toArray()).toEqual([]);
  expect(await kv.delete({ prefix: "a" })).toMatchObject({ deleted: 3 });
});

test.each([false, true])(
  "a long scan shows one revision, whatever is written meanwhile (reverse: %s)",
  async (reverse) => {
    const { kv } = opened();
    const keys = Array.from({ length: 1000 }, (_, at) => `k${String(at).padStart(4, "0")}`);
    await Promise.all(keys.map((key) => kv.put(key, "old")));
    const seen: KvEntry<string>[] = [];
    for await (const entry of kv.range({ all: true, reverse, limit: 900 })) {
      seen.push(entry);
      // Far ahead, so that it is not among what was read already.
      const ahead = Math.min(seen.length + 300, 890);
      const at = reverse ? 999 - ahead : ahead;
      if (seen.length % 100 === 0) await Promise.all([kv.delete(keys[at]!), kv.put(`${keys[at]}+`, "new")]);
    }
    expect(keysOf(seen)).toEqual((reverse ? keys.toReversed() : keys).slice(0, 900));
    expect(seen.every(({ value }) => value === "old")).toBe(true);
  },
);

test("a scan whose revision is compacted away ends with ERR_COMPACTED", async () => {
  const { kv } = opened();
  await Promise.all(Array.from({ length: 600 }, (_, at) => kv.put(`k${at}`, "")));
  const scan = kv.range()[Symbol.asyncIterator]();
  await scan.next();
  await kv.put("later", "");
  await kv.compact(602);
  const rest = async () => {
    while ((await scan.next()).done !== true);
  };
  expect((await rejection(rest())).code).toBe("ERR_COMPACTED");
});

test("a read of a revision that is gone, to come, or no revision is refused as such", async () => {
  const { kv } = opened();
  await kv.put("a", "1");
  await kv.put("a", "2");
  await kv.compact(3);
  expect(await rejection(kv.get("a", { revision: 2 }))).toMatchObject({
    code: "ERR_COMPACTED",
    details: { revision: 2, compactRevision: 3 },
  });
  expect((await rejection(kv.get("a", { revision: 4 }))).code).toBe("ERR_FUTURE_REVISION");
  expect(() => kv.range({ all: true, revision: 0 })).toThrow(/revision must be a whole number/);
  expect((await rejection(kv.compact(3))).code).toBe("ERR_COMPACTED");
  expect((await rejection(kv.compact(9))).code).toBe("ERR_FUTURE_REVISION");
});

test("values are what the codec says", async () => {
  const { kv } = opened();
  const json = kv.namespace("json/", { values: "json" });
  await json.put("a", { list: [1, "ü", null] });
  expect(await json.get("a")).toEqual({ list: [1, "ü", null] });
  expect((await rejection(json.put("a", undefined))).code).toBe("ERR_INVALID_ARGUMENT");

  const binary = kv.namespace("binary/", { values: "binary" });
  const bytes = Uint8Array.from({ length: 256 }, (_, at) => at);
  await binary.put("a", bytes);
  expect(new Uint8Array((await binary.get("a"))!)).toEqual(bytes);

  const packed = kv.namespace("msgpack/", { values: "msgpack" });
  await packed.put("a", { bytes: Buffer.from([1, 2]), at: 1.5 });
  expect(await packed.get("a")).toEqual({ bytes: Uint8Array.of(1, 2), at: 1.5 });

  const day: Codec<Date> = {
    name: "day",
    encode: (date) => new TextEncoder().encode(date.toISOString()),
    decode: (encoded) => new Date(new TextDecoder().decode(encoded)),
  };
  const days = kv.namespace("days/", { values: day });
  await days.put("a", new Date(0));
  expectTypeOf(await days.get("a")).toEqualTypeOf<Date | undefined>();
  expect(await days.get("a")).toEqual(new Date(0));
});

test("a value that the codec cannot read is an error, not a wrong value", async () => {
  const { kv } = opened();
  await kv.put("a", "not json");
  expect((await rejection(kv.namespace("", { values: "json" }).get("a"))).code).toBe("ERR_DECODE");
});

test("a namespace shows its own keys without their prefix, and nobody else's", async () => {
  const { kv } = opened();
  const inner = kv.namespace("a/").namespace("ü/");
  await inner.put("k", "1");
  await kv.put("a", "");
  await kv.put("b", "");
  expect(await kv.get("a/ü/k")).toBe("1");
  expect(keysOf(await inner.range().toArray())).toEqual(["k"]);
  expect(await inner.delete({ all: true })).toMatchObject({ deleted: 1 });
  expect(await kv.range().count()).toBe(2);
  expect(await inner.range({ lt: "a" }).count()).toBe(0);
});

test("a transaction gives the results of the branch it took, each with its type", async () => {
  const { kv } = opened();
  await kv.put("stock", "5");
  const order = kv
    .txn()
    .when(
      (key) => key("stock").value.gt("0"),
      (key) => key("order").missing(),
    )
    .do((op) => [op.put("order", "taken"), op.get("stock"), op.range({ prefix: "o" }), op.delete("stock")])
    .otherwise((op) => [op.get("order")]);
  expect("then" in order).toBe(false);

  const first = await order.commit();
  expect(first).toMatchObject({ ok: true, revision: 3 });
  if (first.ok) {
    expectTypeOf(first.results).toEqualTypeOf<
      [KvEntry<string> | undefined, KvEntry<string> | undefined, KvEntry<string>[], number]
    >();
    const [previous, stock, range, deleted] = first.results;
    expect([previous, stock?.value, keysOf(range), deleted]).toEqual([undefined, "5", ["order"], 1]);
  }
  const second = await order.commit();
  expect(second).toMatchObject({ ok: false, revision: 3, results: [{ value: "taken" }] });
});

test("a claim can be made about everything that is known of a key", async () => {
  const { kv } = opened();
  const lease = await kv.lease(60_000);
  await kv.put("a", "m", { lease });
  const holds = async (claim: Parameters<ReturnType<typeof kv.txn>["when"]>[0]) =>
    (await kv.txn().when(claim).commit()).ok;
  expect(await holds((key) => key("a").exists())).toBe(true);
  expect(await holds((key) => key("a").version.eq(1))).toBe(true);
  expect(await holds((key) => key("a").modRevision.lt(3))).toBe(true);
  expect(await holds((key) => key("a").createRevision.ne(2))).toBe(false);
  expect(await holds((key) => key("a").value.lt("n"))).toBe(true);
  expect(await holds((key) => key("a").lease.eq(lease.id))).toBe(true);
  expect(await holds((key) => key("b").lease.eq(""))).toBe(true);
  kv.close();
});

test("a refused transaction names the key as the user knows it", async () => {
  const { kv } = opened();
  const names = kv.namespace("n/");
  const twice = names.txn().do((op) => [op.put("ü", "1"), op.delete({ prefix: "ü" })]);
  expect(await rejection(twice.commit())).toMatchObject({ code: "ERR_DUPLICATE_KEY", details: { key: "ü" } });
});

test("concurrent transactions lose no update", async () => {
  const { kv } = opened();
  const increment = () =>
    kv.transact(async (tx) => {
      const count = Number((await tx.get("count")) ?? 0) + 1;
      await Promise.resolve();
      tx.put("count", String(count));
      expect(await tx.get("count")).toBe(String(count));
      return count;
    });
  const counts = await Promise.all(Array.from({ length: 5 }, increment));
  expect(counts.toSorted()).toEqual([1, 2, 3, 4, 5]);
  expect(await kv.get("count")).toBe("5");
});

test("a transaction reads one revision, and gives up after so many conflicts", async () => {
  const { kv } = opened();
  await kv.put("a", "1");
  await kv.put("b", "1");
  const seen = await kv.transact(async (tx) => {
    const a = await tx.get("a");
    await kv.put("b", "2");
    return [a, await tx.get("b")];
  });
  expect(seen).toEqual(["1", "1"]);

  let runs = 0;
  const disturbed = kv.transact(
    async (tx) => {
      runs += 1;
      await tx.get("a");
      await kv.put("a", String(runs));
      tx.delete("a");
    },
    { retries: 2 },
  );
  expect(await rejection(disturbed)).toMatchObject({ code: "ERR_BUSY", outcome: "none", retryable: true });
  expect(runs).toBe(3);
  expect(await kv.get("a")).toBe("3");
});

test("a transaction's time is that of all its attempts, and nothing is committed after it", async () => {
  const clock = new HandClock();
  const machine = new KvMachine();
  const kv = Kv.over(new LoneReplica(machine, clock), machine);
  await kv.put("a", "1");
  const slow = kv.transact(
    async (tx) => {
      await tx.get("a");
      tx.put("a", "late");
      await clock.pass(600);
      await kv.put("a", "1");
    },
    { timeoutMs: 1_000 },
  );
  expect(await rejection(slow)).toMatchObject({ code: "ERR_TIMEOUT", outcome: "none" });
  expect(await kv.get("a")).toBe("1");
});

test("transactions nest so deep and no deeper", async () => {
  const { kv } = opened();
  type Txn = ReturnType<typeof kv.txn>;
  const nested = (txn: Txn, depth: number): Txn =>
    (depth === 1
      ? txn.do((op) => [op.put("a", "deep")])
      : txn.do((op) => [op.txn((inner) => nested(inner, depth - 1))])) as unknown as Txn;
  expect(await rejection(nested(kv.txn(), TXN_DEPTH_MAX + 1).commit())).toMatchObject({
    code: "ERR_TOO_LARGE",
    details: { size: TXN_DEPTH_MAX + 1, limit: TXN_DEPTH_MAX },
  });
  expect((await nested(kv.txn(), TXN_DEPTH_MAX).commit()).ok).toBe(true);
  expect(await kv.get("a")).toBe("deep");
});

test("what the replica throws reaches the caller, with its outcome, and nothing is sent again", async () => {
  const { kv, replica } = opened();
  replica.failure = new QuorateError("ERR_TIMEOUT", "late", { timeoutMs: 1 }, { outcome: "unknown" });
  expect((await rejection(kv.put("a", "1"))).outcome).toBe("unknown");
  const transacted = kv.transact(async (tx) => tx.put("a", "1"));
  expect((await rejection(transacted)).outcome).toBe("unknown");
  expect(replica.proposals).toBe(2);
});

test("members that agree have the same hash, and a hash of an old revision does not change", async () => {
  const { kv, machine } = opened();
  await Promise.all(Array.from({ length: 3000 }, (_, at) => kv.put(`k${at}`, String(at))));
  const { revision, hash } = await kv.hash();
  await kv.put("k1", "changed");
  expect(await kv.hash({ revision })).toEqual({ revision, hash });
  expect((await kv.hash()).hash).not.toBe(hash);

  const copy = new KvMachine();
  copy.restore(machine.snapshot());
  expect(await Kv.over(new LoneReplica(copy), copy).hash({ revision })).toEqual({ revision, hash });
});

test("a closed store refuses calls and ends its watches", async () => {
  const { kv } = opened();
  const watch = kv.watch({ all: true });
  const ended = new Promise<void>((resolve) => watch.on("end", resolve));
  kv.close();
  await ended;
  for await (const _ of watch) expect.unreachable();
  expect((await rejection(kv.get("a"))).code).toBe("ERR_CLOSED");
  expect((await rejection(kv.put("a", "1"))).code).toBe("ERR_CLOSED");
  expect(() => kv.watch({ all: true })).toThrow(QuorateError);
  kv.close();
});
