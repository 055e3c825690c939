import { expect, test } from "vitest";
import { Kv } from "../../src/kv/kv.ts";
import { KvMachine } from "../../src/kv/machine/kv-machine.ts";
import type { WatchEvent, WatchOptions } from "../../src/kv/watch.ts";
import { WATCH_PROGRESS_MS } from "../../src/kv/watch.ts";
import { uncaughtDuring } from "../base/uncaught.ts";
import { HandClock, LoneReplica, rejection, settled } from "./support.ts";

function opened() {
  const machine = new KvMachine();
  const clock = new HandClock();
  const kv = Kv.over(new LoneReplica(machine, clock), machine);
  return { machine, clock, kv };
}

const told = (event: WatchEvent<string>) =>
  event.type === "put"
    ? `${event.entry.key}=${event.entry.value}@${event.revision}`
    : `${event.key} gone@${event.revision}`;

async function take(watch: AsyncIterable<WatchEvent<string>>, count: number): Promise<string[]> {
  const events: string[] = [];
  for await (const event of watch) if (events.push(told(event)) === count) break;
  return events;
}

test("an iteration tells what was, from a revision on, and then what comes", async () => {
  const { kv } = opened();
  await kv.put("a", "1");
  await kv.put("x", "1");
  await kv.delete("a");
  const events = take(kv.watch({ lt: "b", from: 1 }), 3);
  await settled();
  await kv.put("a", "2");
  expect(await events).toEqual(["a=1@2", "a gone@4", "a=2@5"]);
});

test("a watch without a revision begins with the next one", async () => {
  const { kv } = opened();
  await kv.put("a", "1");
  const watch = kv.watch("a");
  expect(watch.revision).toBe(2);
  await kv.put("a", "2");
  expect(await take(watch, 1)).toEqual(["a=2@3"]);
});

test("listeners are told the same, and what was there before if asked", async () => {
  const { kv } = opened();
  const watch = kv.watch({ all: true, prev: true });
  const events: unknown[] = [];
  watch.on("put", (entry, prev) => events.push([entry.key, entry.value, prev?.value]));
  watch.on("delete", (key, prev, revision) => events.push([key, prev?.value, revision]));
  await kv.put("a", "1");
  await kv.put("a", "2");
  await kv.delete("a");
  await settled();
  expect(events).toEqual([
    ["a", "1", undefined],
    ["a", "2", "1"],
    ["a", "2", 4],
  ]);
  await watch.close();
  await kv.put("a", "3");
  await settled();
  expect(events).toHaveLength(3);
});

test("a listener that comes late is told what has waited for it", async () => {
  const { kv } = opened();
  const watch = kv.watch("a");
  await kv.put("a", "1");
  await settled();
  const values: string[] = [];
  watch.on("put", ({ value }) => values.push(value));
  await settled();
  expect(values).toEqual(["1"]);
});

test("an iteration takes over from listeners without losing or repeating an event", async () => {
  const { kv } = opened();
  const watch = kv.watch({ all: true });
  const heard: string[] = [];
  watch.on("put", ({ value }) => heard.push(value));
  await kv.put("a", "1");
  await settled();
  const events = take(watch, 2);
  await kv.put("a", "2");
  await kv.put("a", "3");
  expect(await events).toEqual(["a=2@3", "a=3@4"]);
  expect(heard).toEqual(["1"]);
});

test("an iteration that a listener begins is told what the listeners are not told any more", async () => {
  const { kv } = opened();
  const watch = kv.watch({ all: true });
  const heard: string[] = [];
  let rest: Promise<string[]> | undefined;
  watch.on("put", ({ value }) => {
    heard.push(value);
    rest ??= take(watch, 2);
  });
  for (const value of ["1", "2", "3"]) await kv.put("a", value);
  await settled();
  expect(heard).toEqual(["1"]);
  expect(await rest).toEqual(["a=2@3", "a=3@4"]);
});

test("what a listener throws surfaces, and costs no events", async () => {
  const { kv } = opened();
  const heard: string[] = [];
  const watch = kv.watch({ all: true });
  watch.on("put", ({ value }) => {
    throw new Error(value);
  });
  watch.on("put", ({ value }) => heard.push(value));
  const caught = await uncaughtDuring(async () => {
    for (const value of ["1", "2", "3"]) await kv.put("a", value);
    for (let turn = 0; turn < 3; turn++) await settled();
  });
  expect(heard).toEqual(["1", "2", "3"]);
  expect(caught).toEqual([Error("1"), Error("2"), Error("3")]);
});

test("batches never split a revision, even for a consumer that is slow", async () => {
  const { kv } = opened();
  const watch = kv.watch({ all: true, highWaterMark: 1 });
  for (let round = 0; round < 5; round++) {
    await kv
      .txn()
      .do((op) => ["a", "b", "c"].map((key) => op.put(key, String(round))))
      .commit();
  }
  let seen = 0;
  for await (const batch of watch.batches()) {
    expect(batch.length % 3).toBe(0);
    seen += batch.length;
    if (seen === 15) break;
  }
});

test("leaving the loop ends the watch", async () => {
  const { kv } = opened();
  const watch = kv.watch({ all: true });
  await kv.put("a", "1");
  await take(watch, 1);
  expect(watch.listenerCount("put")).toBe(0);
  expect((await rejection(watch[Symbol.asyncIterator]().next())).code).toBe("ERR_INVALID_ARGUMENT");
});

test("a watch from a compacted revision fails with it, for iterations and listeners", async () => {
  const { kv } = opened();
  for (const value of ["1", "2", "3"]) await kv.put("a", value);
  await kv.compact(4);
  const expected = { code: "ERR_COMPACTED", details: { revision: 2, compactRevision: 4 } };
  expect(await rejection(take(kv.watch({ all: true, from: 2 }), 1))).toMatchObject(expected);

  const watch = kv.watch({ all: true, from: 2 });
  const events: unknown[] = [];
  watch.on("error", (error) => events.push(error));
  watch.on("end", () => events.push("end"));
  watch.on("put", () => events.push("put"));
  await settled();
  expect(events).toMatchObject([expected, "end"]);
});

test("a signal ends a watch: an iteration throws its reason, listeners are told the end", async () => {
  const { kv } = opened();
  const controller = new AbortController();
  const options: WatchOptions = { all: true, signal: controller.signal };
  const iterated = take(kv.watch(options), 1).catch((reason: unknown) => reason);
  const watch = kv.watch(options);
  let hasEnded = false;
  watch.on("end", () => {
    hasEnded = true;
  });
  controller.abort("enough");
  expect(await iterated).toBe("enough");
  expect(hasEnded).toBe(true);
  expect(await take(kv.watch(options), 1).catch((reason: unknown) => reason)).toBe("enough");
});

test("a quiet watch tells its progress when asked to, a busy one does not", async () => {
  const { kv, clock } = opened();
  const watch = kv.watch({ prefix: "a", progress: true });
  const progress: number[] = [];
  watch.on("progress", (revision) => progress.push(revision));
  watch.on("put", () => {});
  await kv.put("b", "1");
  await clock.pass(WATCH_PROGRESS_MS);
  expect(progress).toEqual([2]);
  await kv.put("a", "1");
  await clock.pass(WATCH_PROGRESS_MS);
  expect(progress).toEqual([2]);
  await clock.pass(WATCH_PROGRESS_MS);
  expect(progress).toEqual([2, 3]);
  await watch.close();
  await clock.pass(WATCH_PROGRESS_MS * 3);
  expect(progress).toHaveLength(2);
});

test("a value that the codec cannot read ends the watch with an error", async () => {
  const { kv } = opened();
  const watch = kv.namespace("", { values: "json" }).watch({ all: true });
  const errors: string[] = [];
  watch.on("error", ({ code }) => errors.push(code));
  watch.on("put", () => {});
  await kv.put("a", "not json");
  await settled();
  expect(errors).toEqual(["ERR_DECODE"]);
});

test("impossible options are refused at once", () => {
  const { kv } = opened();
  for (const options of [{ from: 0 }, { from: 1.5 }, { highWaterMark: 0 }]) {
    expect(() => kv.watch({ all: true, ...options })).toThrow(/whole number/);
  }
});

test("a watch whose signal was aborted before leaves nothing behind", () => {
  const { kv, clock } = opened();
  const { timers } = clock;
  const watch = kv.watch({ all: true, signal: AbortSignal.abort(), progress: true });
  expect(watch.isOver).toBe(true);
  expect(clock.timers).toBe(timers);
});

test("a quiet iteration of batches is told progress by an empty one, if asked to", async () => {
  const { kv, clock } = opened();
  const watch = kv.watch({ prefix: "a", progress: true });
  const batches: [number, number | undefined][] = [];
  const iterated = (async () => {
    for await (const batch of watch.batches()) batches.push([batch.length, watch.progress]);
  })();
  await settled();
  await kv.put("b", "1");
  await clock.pass(WATCH_PROGRESS_MS);
  expect(batches).toEqual([[0, 2]]);
  await kv.put("a", "1");
  await clock.pass(WATCH_PROGRESS_MS);
  // While a batch is gone through, it is not told yet.
  expect(batches.slice(1)).toEqual([[1, 2]]);
  await clock.pass(WATCH_PROGRESS_MS);
  expect(batches.slice(2)).toEqual([[0, 3]]);
  await watch.close();
  await iterated;
});

test("progress claims nothing that is still on its way, and nothing before the first revision of interest", async () => {
  const { kv } = opened();
  const future = kv.watch({ all: true, from: 4 });
  const watch = kv.watch({ all: true });
  expect([watch.progress, future.progress]).toEqual([1, undefined]);
  await kv.put("a", "1");
  await kv.put("a", "2");
  expect([watch.progress, future.progress]).toEqual([1, undefined]);
  const claims: (number | undefined)[] = [];
  const iterated = (async () => {
    for await (const event of watch) {
      claims.push(watch.progress);
      if (event.revision === 3) break;
    }
  })();
  await iterated;
  expect(claims).toEqual([1, 1]);
  await kv.put("a", "3");
  const listened = kv.watch({ all: true, from: 2 });
  listened.on("put", () => claims.push(listened.progress));
  await settled();
  expect(claims.slice(2)).toEqual([1, 1, 1]);
  expect([listened.progress, future.progress]).toEqual([4, 3]);
});
