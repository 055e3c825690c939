import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { QuorateError } from "../../src/base/errors.ts";
import { Coordination } from "../../src/coordination/coordination.ts";
import type { Kv } from "../../src/kv/kv.ts";
import type { CodecValue, ValuesOption } from "../../src/kv/value-codec.ts";

/** One place where a store can be: how its view is opened, and how all ends. */
export interface StorePlace {
  open<Values extends ValuesOption>(values: Values): Promise<Kv<CodecValue<Values>>>;
  close(): Promise<void>;
}

/**
 * What a program may rely on wherever its store is: in its own process, on a Quorate server, or on an etcd cluster.
 * Every test works under a prefix of its own.
 */
export function storeSuite(name: string, begin: () => Promise<StorePlace>): void {
  describe(name, () => {
    let place: StorePlace;
    const opened: { close(): unknown }[] = [];
    let count = 0;

    beforeAll(async () => {
      place = await begin();
    }, 30_000);
    afterEach(async () => {
      for (const kv of opened.splice(0)) await kv.close();
    });
    afterAll(() => place?.close());

    async function fresh<Values extends ValuesOption = "utf8">(
      values: Values = "utf8" as Values,
    ): Promise<Kv<CodecValue<Values>>> {
      const kv = await place.open(values);
      opened.push(kv);
      count += 1;
      return kv.namespace(`test-${count}/`);
    }

    test("what was put is read, with its revisions", async () => {
      const kv = await fresh();
      expect(await kv.get("a")).toBeUndefined();
      const first = await kv.put("a", "one");
      const second = await kv.put("a", "zwei ü");
      expect(second.revision).toBe(first.revision + 1);
      expect(await kv.entry("a")).toEqual({
        ...{ key: "a", value: "zwei ü", version: 2 },
        ...{ createRevision: first.revision, modRevision: second.revision },
      });
      expect(await kv.get("a", { revision: first.revision })).toBe("one");
      expect(await kv.get("a", { consistency: "stale" })).toBe("zwei ü");
    });

    test("values are what the codec says, and may be empty", async () => {
      const binary = await fresh("binary");
      const bytes = Uint8Array.from({ length: 256 }, (_, at) => at);
      await binary.put("b", bytes);
      expect(await binary.get("b")).toEqual(bytes);
      const json = await fresh("json");
      await json.put("j", { nested: [1, null] });
      expect(await json.get("j")).toEqual({ nested: [1, null] });
      const text = await fresh();
      await text.put("t", "");
      expect(await text.get("t")).toBe("");
    });

    test("a put tells what was there before, if it is asked to", async () => {
      const kv = await fresh();
      expect((await kv.put("a", "1", { prev: true })).prev).toBeUndefined();
      expect((await kv.put("a", "2", { prev: true })).prev?.value).toBe("1");
      expect((await kv.put("a", "3")).prev).toBeUndefined();
    });

    test("a condition that does not hold is refused, with what the key is", async () => {
      const kv = await fresh();
      const { revision } = await kv.put("a", "1", { ifMissing: true });
      const details = { key: "a", version: 1, modRevision: revision };
      for (const options of [{ ifMissing: true }, { ifVersion: 2 }, { ifRevision: revision - 1 }]) {
        const refused = kv.put("a", "2", options);
        await expect(refused).rejects.toMatchObject({
          code: "ERR_CONDITION_FAILED",
          outcome: "none",
          details,
        });
      }
      await kv.put("a", "2", { ifVersion: 1, ifRevision: revision });
      expect(await kv.get("a")).toBe("2");
    });

    test("keys of a range are deleted in one revision, and none is made for nothing", async () => {
      const kv = await fresh();
      for (const key of ["a/1", "a/2", "b"]) await kv.put(key, "x");
      const { revision, deleted } = await kv.delete({ prefix: "a/" });
      expect(deleted).toBe(2);
      expect(await kv.delete("a/1")).toEqual({ revision, deleted: 0 });
      expect(await kv.range().keys()).toEqual(["b"]);
    });

    test("a delete tells what was deleted, in order, if it is asked to", async () => {
      const kv = await fresh();
      for (const key of ["a/2", "a/1", "b"]) await kv.put(key, `of ${key}`);
      const { prev, deleted } = await kv.delete({ prefix: "a/" }, { prev: true });
      expect([deleted, prev?.map(({ key, value }) => [key, value])]).toEqual([
        2,
        [
          ["a/1", "of a/1"],
          ["a/2", "of a/2"],
        ],
      ]);
      expect((await kv.delete("a/1", { prev: true })).prev).toEqual([]);
      expect((await kv.delete("b")).prev).toBeUndefined();
    });

    test("a write is made whatever the codec says of the value that it replaces", async () => {
      const text = await fresh();
      const kv = text.namespace("", { values: "json" });
      const { revision } = await text.put("a", "not json");
      const put = await kv.put("a", 1, { prev: true });
      expect(put).toMatchObject({ revision: revision + 1, prev: { key: "a", modRevision: revision } });
      expect(() => put.prev?.value).toThrow(expect.objectContaining({ code: "ERR_DECODE", outcome: "done" }));
      await text.put("a", "not json");
      const { results } = await kv
        .txn()
        .do((op) => [op.get("a"), op.delete("a", { prev: true })])
        .commit();
      for (const entry of [results[0], results[1]?.[0]]) {
        expect(entry?.version).toBe(3);
        expect(() => entry?.value).toThrow(expect.objectContaining({ code: "ERR_DECODE", outcome: "done" }));
      }
    });

    test("a value that cannot be decoded is told by key and revision, and can be stepped over", async () => {
      const text = await fresh();
      const kv = text.namespace("", { values: "json" });
      const { revision } = await text.put("a", "not json");
      await kv.put("b", 1);
      const broken = { code: "ERR_DECODE", outcome: "none", details: { key: "a", revision } };
      await expect(kv.get("a")).rejects.toMatchObject(broken);
      await expect(kv.range().toArray()).rejects.toMatchObject(broken);
      const ended = (async () => {
        for await (const _event of kv.watch({ all: true, from: revision })) expect.unreachable();
      })();
      await expect(ended).rejects.toMatchObject(broken);
      expect(await kv.get("a", { onDecodeError: "raw" })).toEqual(new TextEncoder().encode("not json"));
      expect((await kv.range({ all: true, onDecodeError: "skip" }).first())?.key).toBe("b");
      for await (const event of kv.watch({ all: true, from: revision, onDecodeError: "skip" })) {
        expect(event).toMatchObject({ type: "put", entry: { key: "b", value: 1 } });
        break;
      }
    });

    test("a put can keep the lease that there is, and a touch keeps the value", async () => {
      const kv = await fresh();
      const lease = await kv.lease(60_000);
      await kv.put("a", "1", { lease });
      await kv.put("a", "2", { keepLease: true });
      expect(await kv.entry("a")).toMatchObject({ value: "2", version: 2, lease: lease.id });
      const touched = await kv.touch("a", { prev: true });
      expect(touched.prev).toMatchObject({ value: "2", version: 2 });
      const entry = await kv.entry("a");
      expect(entry).toMatchObject({ value: "2", version: 3, modRevision: touched.revision });
      expect(entry?.lease).toBeUndefined();
      await kv.touch("a", { lease });
      await kv.touch("a", { keepLease: true, ifVersion: 4 });
      expect(await kv.entry("a")).toMatchObject({ value: "2", version: 5, lease: lease.id });
      await lease.revoke();
      expect(await kv.get("a")).toBeUndefined();
    });

    test("there is nothing to keep of a key that does not exist, and no lease is named and kept at once", async () => {
      const kv = await fresh();
      const missing = { code: "ERR_KEY_NOT_FOUND", outcome: "none" };
      await expect(kv.put("a", "1", { keepLease: true })).rejects.toMatchObject(missing);
      await expect(kv.touch("a")).rejects.toMatchObject(missing);
      await expect(
        kv
          .txn()
          .do((op) => [op.put("b", "1"), op.touch("a")])
          .commit(),
      ).rejects.toMatchObject(missing);
      await expect(kv.put("a", "1", { keepLease: true, lease: "7" })).rejects.toMatchObject({
        code: "ERR_INVALID_ARGUMENT",
      });
      expect(await kv.range().count()).toBe(0);
    });

    test("ranges have bounds, limits, both directions, pages and counts", async () => {
      const kv = await fresh();
      const keys = Array.from({ length: 12 }, (_, at) => `k${String(at).padStart(2, "0")}`);
      for (const key of keys) await kv.put(key, key);
      expect(await kv.range().keys()).toEqual(keys);
      expect(await kv.range({ gt: "k02", lte: "k05" }).keys()).toEqual(["k03", "k04", "k05"]);
      expect(await kv.range({ all: true, reverse: true, limit: 2 }).keys()).toEqual(["k11", "k10"]);
      expect(await kv.range({ prefix: "k1" }).count()).toBe(2);
      expect(() => kv.range({ gte: "x", lt: "a" })).toThrow(/no key can be within/);
      expect((await kv.range({ all: true, reverse: true }).first())?.value).toBe("k11");
      const scan = kv.range();
      const page = await scan.page({ limit: 5, count: true });
      await kv.put("k000", "later");
      expect(page).toMatchObject({ more: true, count: 12 });
      const next = await scan.page({ limit: 20, after: page.entries.at(-1)!.key });
      expect([...page.entries, ...next.entries].map(({ key }) => key)).toEqual(keys);
      expect([next.more, next.revision]).toEqual([false, page.revision]);
      const sorted = await kv.range({ all: true, sortBy: "modRevision", reverse: true, limit: 2 }).keys();
      expect(sorted).toEqual(["k000", "k11"]);
      expect(await kv.range({ all: true, minModRevision: page.revision }).keys()).toEqual(["k000", "k11"]);
    });

    test("a long range is read whole, at one revision", async () => {
      const kv = await fresh();
      const size = 2_300;
      for (let from = 0; from < size; from += 100) {
        const keys = Array.from({ length: 100 }, (_, at) => `k${String(from + at).padStart(5, "0")}`);
        await kv
          .txn()
          .do((op) => keys.map((key) => op.put(key, "v")))
          .commit();
      }
      const seen: string[] = [];
      for await (const { key, value } of kv.range()) {
        if (seen.length === 1) await kv.put("k99999", "too late");
        seen.push(key);
        expect(value).toBe("v");
      }
      expect(seen.length).toBe(size);
      expect(await kv.range().count()).toBe(size + 1);
    });

    test("a transaction takes one branch, in one revision, and its operations see each other", async () => {
      const kv = await fresh();
      const { revision } = await kv.put("a", "1");
      const done = await kv
        .txn()
        .when(
          (key) => key("a").value.eq("1"),
          (key) => key("b").missing(),
          (key) => key("a").modRevision.lt(revision + 1),
        )
        .do((op) => [
          op.put("b", "2"),
          op.get("b"),
          op.range({ all: true }),
          op.delete("a"),
          op.put("c", "3", { prev: true }),
        ])
        .otherwise((op) => [op.get("a")])
        .commit();
      expect(done.ok).toBe(true);
      expect(done.revision).toBe(revision + 1);
      const [, b, all, deleted] = done.results;
      expect(b).toMatchObject({ key: "b", value: "2" });
      expect(all).toMatchObject([{ key: "a" }, { key: "b" }]);
      expect(deleted).toBe(1);
      const otherwise = await kv
        .txn()
        .when((key) => key("a").exists())
        .otherwise((op) => [op.get("c"), op.get("a")])
        .commit();
      expect(otherwise).toMatchObject({ ok: false, results: [{ value: "3" }, undefined] });
    });

    test("transactions nest, and their claims are about the state before all of it", async () => {
      const kv = await fresh();
      await kv.put("a", "1");
      const { revision, ok, results } = await kv
        .txn()
        .when((key) => key("a").exists())
        .do((op) => [
          op.put("b", "2"),
          op.txn((txn) =>
            txn
              .when((key) => key("b").exists())
              .do((inner) => [inner.get("a")])
              .otherwise((inner) => [
                inner.get("b"),
                inner.txn((txn) => txn.do((third) => [third.put("c", "3"), third.count({ all: true })])),
              ]),
          ),
        ])
        .commit();
      expect(ok).toBe(true);
      expect(results[1]).toMatchObject({
        ok: false,
        revision,
        results: [{ value: "2" }, { ok: true, results: [undefined, 3] }],
      });
      expect((await kv.range().toArray()).map(({ modRevision }) => modRevision)).toEqual([
        revision - 1,
        revision,
        revision,
      ]);
    });

    test("a claim can be about every key of a range, and about there being none", async () => {
      const kv = await fresh();
      for (const key of ["job/1", "job/2"]) await kv.put(key, "done");
      const holds = async (...claims: Parameters<ReturnType<typeof kv.txn>["when"]>) =>
        (
          await kv
            .txn()
            .when(...claims)
            .commit()
        ).ok;
      const jobs = { prefix: "job/" };
      expect(await holds((_, every) => every(jobs).value.eq("done"))).toBe(true);
      expect(await holds((_, every) => every(jobs).missing())).toBe(false);
      expect(await holds((_, every) => every({ prefix: "none/" }).missing())).toBe(true);
      expect(await holds((_, every) => every({ prefix: "none/" }).exists())).toBe(false);
      await kv.put("job/2", "again");
      expect(await holds((_, every) => every(jobs).exists())).toBe(true);
      expect(
        await holds(
          (_, every) => every(jobs).version.gt(0),
          (_, every) => every(jobs).value.eq("done"),
        ),
      ).toBe(false);
    });

    test("in a transaction deletes tell what they deleted, puts keep leases, and reads reach into the past", async () => {
      const kv = await fresh();
      const lease = await kv.lease(60_000);
      const { revision } = await kv.put("a", "1", { lease });
      await kv.put("b", "1");
      const { results } = await kv
        .txn()
        .do((op) => [
          op.put("a", "2", { keepLease: true, prev: true }),
          op.delete("b", { prev: true }),
          op.delete("c"),
          op.get("a", { revision }),
          op.count({ gte: "a" }),
          op.range({ all: true, revision }),
        ])
        .commit();
      expect(results).toMatchObject([
        { value: "1", lease: lease.id },
        [{ key: "b", value: "1", version: 1 }],
        0,
        { value: "1" },
        1,
        [{ key: "a", value: "1" }],
      ]);
      expect(await kv.entry("a")).toMatchObject({ value: "2", lease: lease.id });
      await lease.revoke();
    });

    test("a function that writes decides on leases as a put does", async () => {
      const kv = await fresh();
      const lease = await kv.lease(60_000);
      await kv.transact(async (tx) => tx.put("a", "1", { lease }));
      await kv.transact(async (tx) => tx.put("a", `${await tx.get("a")}+`, { keepLease: true }));
      expect(await kv.entry("a")).toMatchObject({ value: "1+", lease: lease.id });
      await kv.transact(async (tx) => {
        tx.put("b", "1", { lease });
        tx.put("b", "2", { keepLease: true });
      });
      expect(await kv.entry("b")).toMatchObject({ value: "2", lease: lease.id });
      const deletedFirst = kv.transact(async (tx) => {
        tx.delete("a");
        tx.put("a", "3", { keepLease: true });
      });
      await expect(deletedFirst).rejects.toMatchObject({ code: "ERR_KEY_NOT_FOUND" });
      await kv.transact(async (tx) => tx.put("a", "4"));
      await lease.revoke();
      expect(await kv.range().keys()).toEqual(["a"]);
    });

    test("a key is written once in a transaction", async () => {
      const kv = await fresh();
      const twice = kv
        .txn()
        .do((op) => [op.put("a", "1"), op.put("a", "2")])
        .commit();
      await expect(twice).rejects.toMatchObject({ code: "ERR_DUPLICATE_KEY", outcome: "none" });
    });

    test("a function that reads and writes is run again when others interfere", async () => {
      const kv = await fresh("json");
      await kv.put("counter", 0);
      const increment = () =>
        kv.transact(async (tx) => {
          const before = (await tx.get("counter")) as number;
          tx.put("counter", before + 1);
        });
      await Promise.all(Array.from({ length: 5 }, increment));
      expect(await kv.get("counter")).toBe(5);
    });

    test("a revision that was compacted away or is to come cannot be read", async () => {
      const kv = await fresh();
      const { revision: old } = await kv.put("a", "1");
      const { revision } = await kv.put("a", "2");
      await kv.compact(revision);
      await expect(kv.get("a", { revision: old })).rejects.toMatchObject({ code: "ERR_COMPACTED" });
      await expect(kv.compact(revision)).rejects.toMatchObject({ code: "ERR_COMPACTED" });
      const future = { revision: revision + 1_000_000 };
      await expect(kv.get("a", future)).rejects.toMatchObject({ code: "ERR_FUTURE_REVISION" });
      expect(await kv.get("a", { revision })).toBe("2");
    });

    test("a watch tells every change that was made after it, in order, revisions whole", async () => {
      const kv = await fresh();
      const watch = kv.watch({ prefix: "w/", prev: true });
      const { revision } = await kv.put("w/a", "1");
      await kv.put("other", "x");
      await kv
        .txn()
        .do((op) => [op.put("w/a", "2"), op.put("w/b", "3")])
        .commit();
      await kv.delete("w/a");
      const events: string[] = [];
      for await (const event of watch) {
        const prev = event.prev === undefined ? "" : ` was ${event.prev.value}`;
        const what = event.type === "put" ? `${event.entry.key}=${event.entry.value}` : `${event.key} gone`;
        events.push(`${event.revision - revision} ${what}${prev}`);
        if (event.type === "delete") break;
      }
      expect(events).toEqual(["0 w/a=1", "2 w/a=2 was 1", "2 w/b=3", "3 w/a gone was 2"]);
    });

    test("a watch can begin in the past, and leave out puts", async () => {
      const kv = await fresh();
      const { revision } = await kv.put("a", "1");
      await kv.delete("a");
      await kv.put("a", "2");
      const types: string[] = [];
      for await (const { type } of kv.watch({ all: true, from: revision })) {
        types.push(type);
        if (types.length === 3) break;
      }
      expect(types).toEqual(["put", "delete", "put"]);
      for await (const { type } of kv.watch({ all: true, from: revision, without: "put" })) {
        expect(type).toBe("delete");
        break;
      }
    });

    test("a watch that reads slowly loses nothing", async () => {
      const kv = await fresh();
      const watch = kv.watch({ all: true, highWaterMark: 4 });
      const { revision } = await kv.put("k", "0");
      for (let at = 1; at < 60; at++) await kv.put("k", String(at));
      const seen: string[] = [];
      for await (const event of watch) {
        if (event.type === "put") seen.push(event.entry.value);
        if (seen.length === 60) break;
      }
      expect(seen).toEqual(Array.from({ length: 60 }, (_, at) => String(at)));
      expect(watch.revision).toBeLessThan(revision);
    });

    test("a watch of what was compacted away ends with that", async () => {
      const kv = await fresh();
      const { revision: old } = await kv.put("a", "1");
      const { revision } = await kv.put("a", "2");
      await kv.compact(revision);
      const ended = (async () => {
        for await (const _ of kv.watch({ all: true, from: old })) throw new Error("told of what is gone");
      })();
      await expect(ended).rejects.toMatchObject({
        code: "ERR_COMPACTED",
        details: { compactRevision: revision },
      });
    });

    test("listeners are told as iterations are, and a watch ends when its signal says so", async () => {
      const kv = await fresh();
      const abort = new AbortController();
      const watch = kv.watch({ all: true, signal: abort.signal });
      const told: string[] = [];
      const gone = new Promise<void>((resolve) =>
        watch.on("delete", (key) => resolve(void told.push(`${key} gone`))),
      );
      watch.on("put", ({ key, value }) => told.push(`${key}=${value}`));
      const ended = new Promise<void>((resolve) => watch.on("end", resolve));
      await kv.put("a", "1");
      await kv.delete("a");
      await gone;
      abort.abort();
      await ended;
      expect(told).toEqual(["a=1", "a gone"]);
    });

    test("a lease keeps itself alive, and its keys go with it in one revision", async () => {
      const kv = await fresh();
      const lease = await kv.lease(2_000);
      await kv.put("a", "1", { lease });
      await kv.put("b", "2", { lease: lease.id });
      expect((await kv.entry("a"))?.lease).toBe(lease.id);
      expect(await kv.leaseInfo(lease.id)).toMatchObject({ id: lease.id, keys: ["a", "b"] });
      expect((await kv.leases()).map(({ id }) => id)).toContain(lease.id);
      await new Promise((resolve) => setTimeout(resolve, lease.ttlMs * 1.4));
      expect(lease.signal.aborted).toBe(false);
      expect(await kv.get("a")).toBe("1");

      const watch = kv.watch({ all: true });
      await kv.put("c", "marks the beginning");
      await lease.revoke();
      const revisions: number[] = [];
      for await (const event of watch) {
        if (event.type === "delete") revisions.push(event.revision);
        if (revisions.length === 2) break;
      }
      expect(revisions[0]).toBe(revisions[1]);
      expect(await kv.leaseInfo(lease.id)).toBeUndefined();
      expect(lease.signal.aborted).toBe(true);
    });

    test("a lease that somebody else ends is lost, and one that is gone holds nothing", async () => {
      const kv = await fresh();
      const lease = await kv.lease(3_000);
      await kv.put("a", "1", { lease });
      expect((await kv.revoke(lease.id)).deleted).toBe(1);
      const [error] = await new Promise<[QuorateError]>((resolve) =>
        lease.on("lost", (...args) => resolve(args)),
      );
      expect(error.code).toBe("ERR_LEASE_NOT_FOUND");
      const late = kv.put("b", "2", { lease });
      await expect(late).rejects.toMatchObject({ code: "ERR_LEASE_NOT_FOUND", outcome: "none" });
      await expect(kv.revoke(lease.id)).rejects.toMatchObject({ code: "ERR_LEASE_NOT_FOUND" });
    });

    test("a lease that is not kept alive expires", async () => {
      const kv = await fresh();
      const lease = await kv.lease(2_000);
      await kv.put("a", "1", { lease });
      lease.close();
      for await (const event of kv.watch("a")) if (event.type === "delete") break;
      expect(await kv.get("a")).toBeUndefined();
    }, 20_000);

    test("a lease's id may be chosen, once", async () => {
      const kv = await fresh();
      const id = String(1_000_000 + Math.floor(Math.random() * 1e9));
      const lease = await kv.lease(5_000, { id });
      expect(lease.id).toBe(id);
      await expect(kv.lease(5_000, { id })).rejects.toMatchObject({ code: "ERR_LEASE_EXISTS" });
      await lease.revoke();
    });

    test("the recipes work: one holder at a time", async () => {
      const [one, two] = [await place.open("utf8"), await place.open("utf8")];
      opened.push(one, two);
      const [first, second] = [one, two].map((kv) => new Coordination(kv).lock("locks/suite"));
      let holders = 0;
      let most = 0;
      const work = async () => {
        holders += 1;
        most = Math.max(most, holders);
        await new Promise((resolve) => setTimeout(resolve, 20));
        holders -= 1;
      };
      await Promise.all([first!.run(work), second!.run(work), first!.run(work)]);
      expect(most).toBe(1);
    });

    test("a call can be cancelled, and a limit of its own holds", async () => {
      const kv = await fresh();
      const reason = new Error("enough");
      await expect(kv.get("a", { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
      await expect(kv.put("a", "1", { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
      expect(await kv.get("a")).toBeUndefined();
      await expect(kv.put("a", "1", { timeoutMs: -1 })).rejects.toMatchObject({
        code: "ERR_INVALID_ARGUMENT",
      });
    });

    test("what is too much for one request is refused, and nothing of it happens", async () => {
      const kv = await fresh();
      const large = kv.put("a", "x".repeat(4_000_000));
      await expect(large).rejects.toMatchObject({ code: "ERR_TOO_LARGE", outcome: "none" });
      expect(await kv.get("a")).toBeUndefined();
    });

    test("a closed store takes no calls, and its watches have ended", async () => {
      const kv = await place.open("utf8");
      const watch = kv.watch("a");
      const ended = (async () => {
        for await (const _ of watch);
      })();
      await kv.close();
      await ended;
      await expect(kv.get("a")).rejects.toMatchObject({ code: "ERR_CLOSED" });
      expect(() => kv.watch("a")).toThrow(QuorateError);
    });
  });
}
