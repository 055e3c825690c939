import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  Compare,
  DeleteRangeRequest,
  PutRequest,
  RangeRequest,
  RequestOp,
  type TxnResponse,
} from "../../src/wire/kv-messages.ts";
import { METHODS } from "../../src/wire/services.ts";
import { RpcClient } from "./support/rpc-client.ts";
import { type ServedStore, serveStore } from "./support/served-store.ts";
import { WatchClient } from "./support/watch-client.ts";

const PODS = "/registry/pods/";
const PODS_END = "/registry/pods0";
const MOD = 2;
const VERSION = 0;

let served: ServedStore;
let client: RpcClient;

beforeAll(async () => {
  served = await serveStore({}, { historyRevisions: Number.POSITIVE_INFINITY });
  client = new RpcClient(served.endpoint);
});

afterAll(async () => {
  client.close();
  await served.stop();
});

function range(request: Partial<RangeRequest>) {
  return client.ask(METHODS.range, request);
}

/** The API server's three writes: if the key is at `revision`, do this; otherwise show what is there. */
function guarded(
  key: string,
  revision: number,
  then: Partial<RequestOp>,
  isCreate = false,
): Promise<TxnResponse> {
  return client.ask(METHODS.txn, {
    compare: [Compare.of({ key, target: MOD, modRevision: revision })],
    success: [RequestOp.of(then)],
    failure: isCreate ? [] : [RequestOp.of({ requestRange: RangeRequest.of({ key }) })],
  });
}

const create = (key: string, value: string, lease = ""): Promise<TxnResponse> =>
  guarded(key, 0, { requestPut: PutRequest.of({ key, value, lease }) }, true);
const update = (key: string, revision: number, value: string): Promise<TxnResponse> =>
  guarded(key, revision, { requestPut: PutRequest.of({ key, value }) });
const remove = (key: string, revision: number): Promise<TxnResponse> =>
  guarded(key, revision, { requestDeleteRange: DeleteRangeRequest.of({ key }) });

describe("what the API server of Kubernetes relies on", () => {
  it("1: a page tells how many keys there are from its start on, also at an old revision", async () => {
    for (let at = 0; at < 25; at++) await create(`${PODS}list/${String(at).padStart(2, "0")}`, "pod");
    const first = await range({ key: `${PODS}list/`, rangeEnd: `${PODS}list0`, limit: 10 });
    expect(first).toMatchObject({ count: 25, more: true });
    await create(`${PODS}list/99`, "late");
    const revision = first.header!.revision;
    let page = first;
    const seen = page.kvs.map(({ key }) => key);
    while (page.kvs.length < page.count) {
      const key = `${seen.at(-1)}\0`;
      page = await range({ key, rangeEnd: `${PODS}list0`, limit: 10, revision });
      seen.push(...page.kvs.map((kv) => kv.key));
      expect(page.header!.revision).toBeGreaterThan(revision);
    }
    expect(seen).toHaveLength(25);
    const counted = await range({ key: `${PODS}list/`, rangeEnd: `${PODS}list0`, countOnly: true });
    expect(counted).toMatchObject({ count: 26, kvs: [], more: false });
  });

  it("2: every answer tells the revision, also of a transaction whose claim does not hold", async () => {
    const key = `${PODS}conflict`;
    const made = await create(key, "1");
    expect(made.succeeded).toBe(true);
    const again = await create(key, "2");
    expect(again).toMatchObject({ succeeded: false, responses: [] });
    expect(again.header!.revision).toBe(made.header!.revision);
    const lost = await update(key, 1, "3");
    expect(lost.succeeded).toBe(false);
    expect(lost.responses[0]!.responseRange!.kvs[0]).toMatchObject({
      value: "1",
      modRevision: made.header!.revision,
    });
    const nothing = await remove(`${PODS}nobody`, 7);
    expect(nothing.responses[0]!.responseRange!.kvs).toEqual([]);
  });

  it("3: events that are no creations tell what was before, and a deletion its revision", async () => {
    const key = `${PODS}watched`;
    const watch = new WatchClient(client, { hasleader: "true" });
    const { header } = await range({ key: "/registry/pods", limit: 1 });
    await watch.create({ key: PODS, rangeEnd: PODS_END, startRevision: header!.revision + 1, prevKv: true });
    const made = await create(key, "1");
    const changed = await update(key, made.header!.revision, "2");
    const gone = await remove(key, changed.header!.revision);
    const [creation, change, deletion] = await watch.events(3);
    expect(creation!.kv!.createRevision).toBe(creation!.kv!.modRevision);
    expect(creation!.prevKv).toBeNull();
    expect(change!.prevKv).toMatchObject({ value: "1", modRevision: made.header!.revision });
    expect(deletion).toMatchObject({ type: 1, kv: { key, modRevision: gone.header!.revision, value: "" } });
    expect(deletion!.prevKv).toMatchObject({ value: "2" });
    watch.close();
  });

  it("4: what was compacted, and what is still to come, is refused in etcd's words", async () => {
    const { header } = await create(`${PODS}compacting`, "1");
    const { revision } = header!;
    await update(`${PODS}compacting`, revision, "2");
    await client.ask(METHODS.compact, { revision: revision + 1 });
    expect(await client.call(METHODS.range, { key: PODS, rangeEnd: PODS_END, revision })).toEqual({
      code: 11,
      message: "etcdserver: mvcc: required revision has been compacted",
    });
    expect(await client.call(METHODS.range, { key: PODS, revision: revision + 1_000 })).toEqual({
      code: 11,
      message: "etcdserver: mvcc: required revision is a future revision",
    });
    const watch = new WatchClient(client);
    expect(await watch.create({ key: PODS, rangeEnd: PODS_END, startRevision: revision })).toMatchObject({
      created: true,
      canceled: false,
    });
    expect(await watch.next()).toMatchObject({ canceled: true, compactRevision: revision + 1 });
    watch.close();
  });

  it("5: the version is one for which progress is trusted", async () => {
    const { version } = await client.ask(METHODS.status, {});
    const [major, minor, patch] = version.split(".").map(Number);
    expect(Number.isInteger(patch)).toBe(true);
    expect(major! * 100 + minor!).toBeGreaterThanOrEqual(306);
  });

  it("6: progress is told at once, and never before the events that it covers", async () => {
    const watch = new WatchClient(client);
    await watch.create({ key: PODS, rangeEnd: PODS_END });
    let newest = 0;
    for (let round = 0; round < 30; round++) {
      const writes = Array.from({ length: 5 }, (_, at) => create(`${PODS}progress/${round}-${at}`, "x"));
      const { header } = await range({ key: PODS, limit: 1 });
      for (let asked = false; !asked || newest < header!.revision; asked = true) {
        watch.askProgress();
        const response = await watch.next();
        for (const { kv } of response.events) {
          expect(kv!.modRevision).toBeGreaterThanOrEqual(newest);
          newest = kv!.modRevision;
        }
        if (response.watchId !== -1) continue;
        expect(response.header!.revision).toBeGreaterThanOrEqual(newest);
        newest = response.header!.revision;
      }
      await Promise.all(writes);
    }
    watch.close();
  });

  it("6: every 100 ms it is asked, of a quiet watcher, and answers with the newest revision", async () => {
    const watch = new WatchClient(client);
    await watch.create({ key: "/registry/quiet/", rangeEnd: "/registry/quiet0", prevKv: true });
    for (let round = 0; round < 5; round++) {
      const { header } = await create(`${PODS}elsewhere/${round}`, "x");
      watch.askProgress();
      const told = await watch.next(100);
      expect(told).toMatchObject({ watchId: -1, created: false, canceled: false, events: [] });
      expect(told.header!.revision).toBe(header!.revision);
    }
    watch.close();
  });

  it("6: a watcher that begins in the future keeps progress back until then", async () => {
    const { header } = await range({ key: PODS, limit: 1 });
    const watch = new WatchClient(client);
    await watch.create({ key: "/registry/future/", startRevision: header!.revision + 1 });
    watch.askProgress();
    expect(await watch.maybeNext(100)).toBeNull();
    await create(`${PODS}future`, "x");
    watch.askProgress();
    expect(await watch.next()).toMatchObject({ watchId: -1 });
    watch.close();
  });

  it("7: hundreds of watches share a connection", async () => {
    const watches = Array.from({ length: 150 }, () => new WatchClient(client, { hasleader: "true" }));
    await Promise.all(watches.map((watch) => watch.create({ key: PODS, rangeEnd: PODS_END })));
    await create(`${PODS}shared`, "x");
    const events = await Promise.all(watches.map((watch) => watch.events(1)));
    expect(events.every(([event]) => event!.kv!.key === `${PODS}shared`)).toBe(true);
    for (const watch of watches) watch.close();
  });

  it("8: objects may be as large as a request, and lists larger", async () => {
    const value = "x".repeat(1_500_000);
    for (let at = 0; at < 8; at++) await create(`/registry/large/${at}`, value);
    const { kvs } = await range({ key: "/registry/large/", rangeEnd: "/registry/large0" });
    expect(kvs.map((kv) => kv.value.length)).toEqual(Array(8).fill(value.length));
  });

  it("9: a ping every few seconds is no reason to hang up", async () => {
    const { Client, credentials } = await import("@grpc/grpc-js");
    const pinging = new Client(served.endpoint, credentials.createInsecure(), {
      "grpc.keepalive_time_ms": 100,
      "grpc.keepalive_timeout_ms": 1_000,
      "grpc.keepalive_permit_without_calls": 1,
    });
    const stream = pinging.makeBidiStreamRequest(
      METHODS.watch.path,
      (bytes: Buffer) => bytes,
      (bytes: Buffer) => bytes,
    );
    let error: Error | null = null;
    stream.on("error", (raised: Error) => {
      error = raised;
    });
    stream.on("data", () => {});
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(error).toBeNull();
    stream.cancel();
    pinging.close();
  });

  it("12: a lease that a thousand objects hang on ends with all of them, in one revision", async () => {
    const { id } = await client.ask(METHODS.leaseGrant, { ttl: 4 });
    for (let from = 0; from < 1_000; from += 100) {
      const puts = Array.from({ length: 100 }, (_, at) =>
        PutRequest.of({ key: `/registry/events/${from + at}`, value: "e", lease: id }),
      );
      await client.ask(METHODS.txn, { success: puts.map((requestPut) => RequestOp.of({ requestPut })) });
    }
    const { header } = await range({
      key: "/registry/events/",
      rangeEnd: "/registry/events0",
      countOnly: true,
    });
    const watch = new WatchClient(client);
    await watch.create({
      key: "/registry/events/",
      rangeEnd: "/registry/events0",
      startRevision: header!.revision + 1,
      prevKv: true,
    });
    const events = await watch.events(1_000);
    expect(new Set(events.map(({ kv }) => kv!.modRevision)).size).toBe(1);
    expect(events.map(({ kv }) => kv!.key)).toEqual(events.map(({ kv }) => kv!.key).toSorted());
    expect(events.every(({ type, prevKv }) => type === 1 && prevKv!.value === "e")).toBe(true);
    watch.close();
  });

  it("compacts by turns: whoever wins the key compacts what was current five minutes ago", async () => {
    const claim = (version: number, revision: number): Promise<TxnResponse> =>
      client.ask(METHODS.txn, {
        compare: [Compare.of({ key: "compact_rev_key", target: VERSION, version })],
        success: [
          RequestOp.of({ requestPut: PutRequest.of({ key: "compact_rev_key", value: String(revision) }) }),
        ],
        failure: [RequestOp.of({ requestRange: RangeRequest.of({ key: "compact_rev_key" }) })],
      });
    const watch = new WatchClient(client);
    const before = await range({ key: "compact_rev_key" });
    await watch.create({ key: "compact_rev_key", startRevision: before.header!.revision });
    let target = 0;
    for (let turn = 0; turn < 5; turn++) {
      const [one, other] = await Promise.all([claim(turn, target), claim(turn, target)]);
      const [winner, loser] = one.succeeded ? [one, other] : [other, one];
      expect(winner.succeeded && !loser.succeeded).toBe(true);
      expect(loser.responses[0]!.responseRange!.kvs[0]!.version).toBe(turn + 1);
      if (target > 0) await client.ask(METHODS.compact, { revision: target });
      target = winner.header!.revision;
      for (let at = 0; at < 20; at++) await create(`${PODS}turn${turn}/${at}`, "x");
      expect((await watch.events(1))[0]!.kv).toMatchObject({ key: "compact_rev_key", version: turn + 1 });
    }
    expect(served.store.status().compactRevision).toBeGreaterThan(0);
    watch.close();
  });

  it("streams a range at one revision, whole only with its last part", async () => {
    for (let at = 0; at < 120; at++) await create(`/registry/stream/${String(at).padStart(3, "0")}`, "x");
    const outcome = await client.collect(METHODS.rangeStream, {
      key: "/registry/stream/",
      rangeEnd: "/registry/stream0",
    });
    const parts = ("ok" in outcome ? outcome.ok : []).map(({ rangeResponse }) => rangeResponse!);
    expect(parts.length).toBeGreaterThan(2);
    expect(parts.flatMap(({ kvs }) => kvs)).toHaveLength(120);
    expect(parts.slice(0, -1).every(({ header, count }) => header === null && count === 0)).toBe(true);
    expect(parts.at(-1)).toMatchObject({ count: 120, more: false });
    const limited = await client.collect(METHODS.rangeStream, {
      key: "/registry/stream/",
      rangeEnd: "/registry/stream0",
      limit: 50,
    });
    const last = ("ok" in limited ? limited.ok : []).at(-1)!.rangeResponse!;
    expect(last).toMatchObject({ count: 120, more: true });
    expect(await client.collect(METHODS.rangeStream, { key: "a", sortTarget: 2 })).toMatchObject({
      code: 12,
    });
  });
});
