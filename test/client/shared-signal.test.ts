import { getEventListeners } from "node:events";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connect } from "../../src/client/connect.ts";
import type { RemoteStore } from "../../src/client/remote-store.ts";
import type { EtcdServer } from "../../src/etcd/server.ts";
import { serveEtcd } from "../../src/etcd/server.ts";
import { open } from "../../src/open.ts";
import type { Store } from "../../src/store.ts";

let store: Store<string>;
let server: EtcdServer;
let remote: RemoteStore<string>;
const warnings: Error[] = [];
const onWarning = (warning: Error): void => void warnings.push(warning);

beforeAll(async () => {
  process.on("warning", onWarning);
  store = await open({});
  await store.ready();
  server = await serveEtcd(store, { listen: { port: 0 } });
  remote = await connect({ endpoints: server.urls });
});

afterAll(async () => {
  process.off("warning", onWarning);
  await remote.close();
  await server.close();
  await store.close();
});

const kinds = { local: () => store, remote: () => remote } as const;

test.each(["local", "remote"] as const)(
  "1,000 %s calls at a time with one signal print no warning and leave no listener behind",
  async (kind) => {
    const kv = kinds[kind]();
    const { signal } = new AbortController();
    await kv.put("a", "1");
    const watches = Array.from({ length: 20 }, () => kv.watch({ prefix: "b", signal }));
    const puts = Array.from({ length: 200 }, (_, at) => kv.put(`k${at}`, "1", { signal }));
    const gets = Array.from({ length: 1_000 }, () => kv.get("a", { signal }));
    const silent = Array.from({ length: 100 }, () => kv.get("a"));
    expect(new Set(await Promise.all([...gets, ...silent]))).toEqual(new Set(["1"]));
    await Promise.all(puts);
    for (const watch of watches) watch.close();
    await new Promise((resolve) => setImmediate(resolve));
    expect(getEventListeners(signal, "abort")).toEqual([]);
    expect(warnings.map(({ message }) => message)).toEqual([]);
  },
  30_000,
);

test.each(["local", "remote"] as const)("the signal of many %s calls ends each of them", async (kind) => {
  const kv = kinds[kind]();
  const aborting = new AbortController();
  const { signal } = aborting;
  const locks = Array.from({ length: 30 }, () => kv.lock("busy").acquire({ signal }));
  const held = await Promise.race(locks);
  aborting.abort(new Error("enough"));
  const outcomes = await Promise.allSettled(locks);
  expect(outcomes.filter(({ status }) => status === "rejected").length).toBeGreaterThan(28);
  for (const outcome of outcomes)
    if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ message: "enough" });
  await held.release();
  expect(getEventListeners(signal, "abort")).toEqual([]);
  expect(warnings.map(({ message }) => message)).toEqual([]);
});

test("a read or a write whose time is over says ERR_TIMEOUT, and nothing happened", async () => {
  const fresh = await connect({ endpoints: server.urls });
  for (const kv of [fresh, remote])
    for (const timeout of [0, 1e-9]) {
      const expected = { code: "ERR_TIMEOUT", outcome: "none", details: { timeoutMs: timeout } };
      await expect(kv.get("a", { timeoutMs: timeout })).rejects.toMatchObject(expected);
      await expect(kv.put("late", "1", { timeoutMs: timeout })).rejects.toMatchObject(expected);
      await expect(kv.range({ prefix: "a" }).toArray()).resolves.toBeDefined();
      await expect(kv.lease(10_000, { timeoutMs: timeout })).rejects.toMatchObject(expected);
      await expect(kv.cluster.members({ timeoutMs: timeout })).rejects.toMatchObject(expected);
    }
  expect(await remote.get("late")).toBeUndefined();
  await fresh.close();
  const none = await connect({ endpoints: "127.0.0.1:1" });
  await expect(none.get("a", { timeoutMs: 300 })).rejects.toMatchObject({ code: "ERR_NO_QUORUM" });
  await expect(none.get("a", { timeoutMs: 0 })).rejects.toMatchObject({ code: "ERR_TIMEOUT" });
  await none.close();
});
