import { afterEach, beforeEach, expect, test } from "vitest";
import { QuorateError } from "../../src/base/errors.ts";
import { Kv } from "../../src/kv/kv.ts";
import { KvMachine } from "../../src/kv/machine/kv-machine.ts";
import type { Codec } from "../../src/replica/state-machine.ts";
import { HandClock, LoneReplica, rejection, settled } from "./support.ts";

interface Versioned {
  readonly schema: 2;
  readonly n: number;
}

/** A codec that refuses what an older release wrote, by errors of its own. */
const SCHEMA: Codec<Versioned> = {
  name: "schema 2",
  encode: (value) => new TextEncoder().encode(JSON.stringify(value)),
  decode: (bytes) => {
    const value = JSON.parse(new TextDecoder().decode(bytes)) as Versioned;
    if (value.schema !== 2) throw new RangeError("schema 1 is too old");
    return value;
  },
};
const OLD = '{"schema":1}';
const fresh = (n: number): Versioned => ({ schema: 2, n });

let text: Kv<string>;
let kv: Kv<Versioned>;
let replica: LoneReplica;
beforeEach(() => {
  const machine = new KvMachine();
  replica = new LoneReplica(machine, new HandClock());
  text = Kv.over(replica, machine);
  kv = text.namespace("", { values: SCHEMA });
});
afterEach(() => text.close());

/** What reading the value throws. */
function failureOf(entry: { readonly value: unknown } | undefined): unknown {
  try {
    return entry?.value;
  } catch (error) {
    return error;
  }
}

test("a write that was made does not fail because what was there before cannot be decoded", async () => {
  const { revision } = await text.put("a", OLD);
  const put = await kv.put("a", fresh(1), { prev: true });
  expect(put.revision).toBe(revision + 1);
  expect(put.prev).toMatchObject({ key: "a", modRevision: revision });
  await text.put("a", OLD);
  const touched = await kv.touch("a", { prev: true });
  const deleted = await kv.delete({ prefix: "a" }, { prev: true });
  expect(deleted.deleted).toBe(1);
  for (const entry of [put.prev, touched.prev, deleted.prev?.[0]]) {
    expect(failureOf(entry)).toMatchObject({
      code: "ERR_DECODE",
      outcome: "done",
      retryable: false,
      details: { key: "a", revision: entry?.modRevision },
      cause: new RangeError("schema 1 is too old"),
    });
  }
  expect(await kv.range().count()).toBe(0);
});

test("a transaction that was made gives all its results; only reading the value that cannot be decoded throws", async () => {
  await text.put("old", OLD);
  await kv.put("new", fresh(1));
  const { ok, revision, results } = await kv
    .txn()
    .do((op) => [
      op.put("old", fresh(2), { prev: true }),
      op.get("new"),
      op.range({ all: true, revision: 2 }),
      op.delete("new", { prev: true }),
      op.txn((inner) => inner.do((nested) => [nested.get("old")])),
    ])
    .commit();
  expect(ok).toBe(true);
  expect(revision).toBe(4);
  const [before, read, range, deleted] = results;
  expect(failureOf(before)).toMatchObject({ code: "ERR_DECODE", outcome: "done", details: { key: "old" } });
  expect(read?.value).toEqual(fresh(1));
  expect(range).toHaveLength(1);
  expect(failureOf(range?.[0])).toMatchObject({ code: "ERR_DECODE", details: { key: "old", revision: 2 } });
  expect(deleted?.[0]?.value).toEqual(fresh(1));
});

test("a session's write that is made again tells the same, though what was there cannot be decoded", async () => {
  await text.put("a", OLD);
  const write = (await kv.session()).once();
  const first = await write.put("a", fresh(1), { prev: true });
  const again = await write.put("a", fresh(1), { prev: true });
  expect(again.revision).toBe(first.revision);
  for (const { prev } of [first, again])
    expect(failureOf(prev)).toMatchObject({ code: "ERR_DECODE", outcome: "done" });
  expect((await kv.entry("a"))?.version).toBe(2);
});

test("a read of a value that cannot be decoded says which key, and which revision wrote it", async () => {
  await text.put("a", "x");
  const { revision } = await text.put("a", OLD);
  await text.put("b", "x");
  const expected = { code: "ERR_DECODE", outcome: "none", details: { key: "a", revision } };
  for (const read of [
    () => kv.get("a"),
    () => kv.entry("a"),
    () => kv.range({ lt: "b" }).toArray(),
    () => kv.range({ lt: "b" }).first(),
    () => kv.range({ lt: "b" }).page(),
    () => kv.transact((tx) => tx.get("a")),
  ]) {
    const error = await rejection(read());
    expect(error).toMatchObject(expected);
    expect(error.message).toContain('"a"');
    expect(error.cause).toBeInstanceOf(RangeError);
  }
  const namespaced = await rejection(text.namespace("", { values: "json" }).get("b"));
  expect(namespaced).toMatchObject({ code: "ERR_DECODE", details: { key: "b" } });
  expect(await kv.range().keys()).toEqual(["a", "b"]);
  expect(await kv.range().count()).toBe(2);
});

test("a read gives what it is told to in place of a value that cannot be decoded", async () => {
  const { revision } = await text.put("a", OLD);
  expect(await kv.get("a", { onDecodeError: "skip" })).toBeUndefined();
  expect(await kv.get("a", { onDecodeError: "raw" })).toEqual(new TextEncoder().encode(OLD));
  expect(await kv.get("a", { onDecodeError: ({ revision: at, bytes }) => [at, bytes.length] })).toEqual([
    revision,
    12,
  ]);
  expect(await kv.entry("a", { onDecodeError: () => undefined })).toBeUndefined();
  expect(await kv.entry("a", { onDecodeError: () => null })).toMatchObject({
    key: "a",
    value: null,
    version: 1,
  });
  const thrown = await rejection(
    kv.get("a", {
      onDecodeError: () => {
        throw new Error("mine");
      },
    }),
  );
  expect(thrown).toMatchObject({
    code: "ERR_DECODE",
    details: { key: "a", revision },
    cause: new Error("mine"),
  });
});

test("a scan steps over what cannot be decoded, and its limit counts what it gives", async () => {
  for (const at of [0, 1, 2, 3, 4, 5])
    await text.put(`k${at}`, at % 2 === 0 ? OLD : JSON.stringify(fresh(at)));
  const scan = (limit?: number) => kv.range({ all: true, onDecodeError: "skip", limit });
  expect((await scan().toArray()).map(({ key }) => key)).toEqual(["k1", "k3", "k5"]);
  expect((await scan(2).toArray()).map(({ key }) => key)).toEqual(["k1", "k3"]);
  expect((await scan().first())?.key).toBe("k1");
  const pages = scan();
  const first = await pages.page({ limit: 2 });
  expect([first.entries.map(({ key }) => key), first.more]).toEqual([["k1", "k3"], true]);
  const rest = await pages.page({ limit: 2, after: "k3" });
  expect([rest.entries.map(({ key }) => key), rest.more]).toEqual([["k5"], false]);
  expect((await scan(3).page()).more).toBe(false);
  expect(await scan(0).toArray()).toEqual([]);

  const raw = await kv.range({ all: true, onDecodeError: "raw", limit: 2 }).toArray();
  expect(raw.map(({ value }) => value instanceof Uint8Array)).toEqual([true, false]);
  const broken: string[] = [];
  const given: string[] = [];
  for await (const { key } of kv.range({ all: true, onDecodeError: (one) => void broken.push(one.key) }))
    given.push(key);
  expect([broken, given]).toEqual([
    ["k0", "k2", "k4"],
    ["k1", "k3", "k5"],
  ]);
});

test("an iteration gives what comes before a value that cannot be decoded, and ends there", async () => {
  await kv.put("a", fresh(1));
  await text.put("b", OLD);
  const given: string[] = [];
  const reading = (async () => {
    for await (const { key } of kv.range()) given.push(key);
  })();
  expect(await rejection(reading)).toMatchObject({ code: "ERR_DECODE", details: { key: "b" } });
  expect(given).toEqual(["a"]);
});

test("a watch tells whole revisions up to a value that cannot be decoded, and one from there steps over it", async () => {
  const first = await kv.put("a", fresh(1));
  await text
    .txn()
    .do((op) => [op.put("b", JSON.stringify(fresh(2))), op.put("c", OLD)])
    .commit();
  await kv.put("d", fresh(3));

  const watch = kv.watch({ all: true, from: first.revision });
  const told: string[] = [];
  const reading = (async () => {
    for await (const batch of watch.batches()) for (const event of batch) told.push(event.type);
  })();
  const error = await rejection(reading);
  expect(error).toMatchObject({ code: "ERR_DECODE", details: { key: "c", revision: first.revision + 1 } });
  expect(told).toEqual(["put"]);
  expect(watch.progress).toBe(first.revision);

  const keys: string[] = [];
  const resumed = kv.watch({ all: true, from: watch.progress! + 1, onDecodeError: "skip" });
  for await (const event of resumed) {
    if (event.type === "put") keys.push(event.entry.key);
    if (keys.length === 2) break;
  }
  expect(keys).toEqual(["b", "d"]);
});

test("a watch's listeners get what comes before, and then the error with key and revision", async () => {
  const watch = kv.watch({ all: true });
  const told: unknown[] = [];
  watch.on("put", ({ key }) => told.push(key));
  watch.on("error", ({ code, details }) => told.push(code, details));
  watch.on("end", () => told.push("end"));
  const { revision } = await kv.put("a", fresh(1));
  await text.put("b", OLD);
  await settled();
  expect(told).toEqual(["a", "ERR_DECODE", { key: "b", revision: revision + 1 }, "end"]);
  expect(watch.progress).toBe(revision);
});

test("a watch whose values cannot be decoded disturbs no other watch, and not the member", async () => {
  const told: string[] = [];
  const broken = kv.watch({ all: true });
  const handled = kv.watch({
    all: true,
    onDecodeError: () => {
      throw new Error("mine");
    },
  });
  const whole = text.watch({ all: true });
  const raw = kv.watch({ all: true, onDecodeError: "raw" });
  whole.on("put", ({ value }) => told.push(value));
  for (const watch of [broken, handled]) watch.on("put", () => told.push("not this"));
  raw.on("put", ({ value }) => told.push(value instanceof Uint8Array ? "raw" : "decoded"));
  const errors: QuorateError[] = [];
  for (const watch of [broken, handled]) watch.on("error", (error) => errors.push(error));
  await text.put("a", OLD);
  await settled();
  await kv.put("b", fresh(1));
  await settled();
  expect(errors.map(({ code }) => code)).toEqual(["ERR_DECODE", "ERR_DECODE"]);
  expect(errors[1]?.cause).toEqual(new Error("mine"));
  expect(told.sort()).toEqual([OLD, JSON.stringify(fresh(1)), "decoded", "raw"].sort());
});

test("what a watched key was before may be undecodable: reading that throws, and the watch goes on", async () => {
  const { revision } = await text.put("a", OLD);
  const watch = kv.watch({ prefix: "a", from: revision + 1, prev: true });
  const raw = kv.watch({ prefix: "a", from: revision + 1, prev: true, onDecodeError: "raw" });
  const left = kv.watch({ prefix: "a", from: revision + 1, prev: true, onDecodeError: "skip" });
  await kv.put("a", fresh(1));
  await kv.delete("a");
  const events = [];
  for await (const event of watch) if (events.push(event) === 2) break;
  expect(failureOf(events[0]?.prev)).toMatchObject({
    code: "ERR_DECODE",
    outcome: "none",
    details: { revision },
  });
  expect(events[1]?.prev?.value).toEqual(fresh(1));
  for await (const event of raw) {
    expect(event.prev?.value).toBeInstanceOf(Uint8Array);
    break;
  }
  for await (const event of left) {
    expect([event.type, event.prev]).toEqual(["put", undefined]);
    break;
  }
});

test("a value that its own codec cannot read back is told of before anything is proposed", async () => {
  const proposals = replica.proposals;
  const odd = text.namespace("", {
    values: { name: "odd", encode: () => new Uint8Array([1]), decode: (): string => assertNever() },
  });
  const error = await rejection(
    odd.transact(async (tx) => {
      tx.put("a", "x");
      return tx.get("a");
    }),
  );
  expect(error).toMatchObject({ code: "ERR_DECODE", outcome: "none" });
  expect(replica.proposals).toBe(proposals);
});

function assertNever(): never {
  throw new QuorateError("ERR_INTERNAL", "a codec may throw anything", {}, { outcome: "unknown" });
}
