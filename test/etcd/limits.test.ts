import { once } from "node:events";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Clock } from "../../src/base/clock.ts";
import { AuthTokens, mintToken, tokenText } from "../../src/etcd/call/auth-tokens.ts";
import { ALARMS_MAX, Alarms } from "../../src/kv/machine/alarms.ts";
import { MemoryNetwork } from "../../src/transport/memory-transport.ts";
import { METHODS } from "../../src/wire/services.ts";
import { page, post } from "./support/http.ts";
import { RpcClient } from "./support/rpc-client.ts";
import { type ServedStore, serveStore } from "./support/served-store.ts";

let served: ServedStore;
let client: RpcClient;
let url: string;

beforeAll(async () => {
  served = await serveStore();
  client = new RpcClient(served.endpoint);
  url = `http://${served.endpoint}`;
});
afterAll(async () => {
  client.close();
  await served.stop();
});

test("a stream has 10,000 watchers, and one more is refused by itself", async () => {
  const stream = client.stream(METHODS.watch);
  const created: { readonly canceled: boolean; readonly cancelReason: string }[] = [];
  const all = new Promise<void>((resolve) => {
    stream.on("data", (response) => {
      created.push(response);
      if (created.length === 10_001) resolve();
    });
  });
  stream.on("error", () => {});
  const createRequest = METHODS.watch.request.decode(
    METHODS.watch.request.encode({ createRequest: { key: "w" } } as never),
  ).createRequest;
  for (let at = 0; at < 10_001; at++) stream.write({ createRequest });
  await all;
  const refused = created.filter(({ canceled }) => canceled);
  expect(refused).toHaveLength(1);
  expect(refused[0]?.cancelReason).toContain("etcdserver: too many requests");
  stream.cancel();
}, 60_000);

test("10,000 renewals wait on a stream, and one more ends it", async () => {
  // Nobody leads, so nothing is renewed: a thousand are being asked for, and the rest waits for them.
  const peers = { n1: "127.0.0.1:1", n2: "127.0.0.1:2" };
  const leaderless = await serveStore({}, { name: "n1", peers, transport: new MemoryNetwork().transport() });
  const asking = new RpcClient(leaderless.endpoint);
  const refusedAfter = async (count: number) => {
    const stream = asking.stream(METHODS.leaseKeepAlive);
    const failed = once(stream, "error");
    for (let at = 0; at < count; at++) stream.write({ id: String(at + 1) });
    return failed;
  };
  const within = refusedAfter(11_000);
  const [error] = await refusedAfter(11_001);
  expect(error).toMatchObject({ code: 8, details: "etcdserver: too many requests" });
  const isRefused = await Promise.race([within.then(() => true), Promise.resolve(false)]);
  expect(isRefused).toBe(false);
  asking.close();
  await Promise.allSettled([within, leaderless.stop()]);
}, 60_000);

// Each operation counts twice: as an element of the list, and as a message.
test("a request has 20,000 elements, counted before they are made", async () => {
  const operations = (count: number) => ({ failure: Array(count).fill({}) });
  const within = await client.call(METHODS.txn, operations(9_000) as never);
  expect(within).toMatchObject({ code: 3, message: "etcdserver: too many operations in txn request" });
  const above = await client.call(METHODS.txn, operations(10_001) as never);
  expect(above).toMatchObject({ code: 13, message: expect.stringContaining("unmarshalling") });
});

test("a request nests 32 deep, also as JSON", async () => {
  let txn: object = { compare: [] };
  for (let depth = 0; depth < 20; depth++) txn = { success: [{ request_txn: txn }] };
  expect(await post(`${url}/v3/kv/txn`, txn)).toMatchObject({
    status: 400,
    json: { message: expect.stringContaining("nested more than 32 times") },
  });
});

test("a head of 16 KiB over HTTP is not read to its end", async () => {
  const head = (bytes: number) => page(`${url}/version`, { headers: { padding: "x".repeat(bytes) } });
  expect(await head(15 * 1024)).toMatchObject({ status: 200 });
  expect(await head(17 * 1024)).toMatchObject({ status: 431 });
});

test("names that are JavaScript's own are names like others, and change nothing in this process", async () => {
  for (const body of [
    '{"__proto__":{"polluted":true},"key":"YQ=="}',
    '{"constructor":{"prototype":{"polluted":true}},"key":"YQ=="}',
    '{"key":"YQ==","toString":1}',
  ]) {
    expect(await page(`${url}/v3/kv/range`, { method: "POST", body })).toMatchObject({ status: 200 });
  }
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
});

test("of 100,000 tokens and one the one that was not used for longest gives way", () => {
  const clock = { monotonic: () => 0, wall: () => 0 } as Clock;
  const tokens = new AuthTokens(clock, { historyIndex: 0, time: () => 0 });
  const minted = Array.from({ length: 100_001 }, () => mintToken());
  for (const { digest } of minted) tokens.add({ user: "ann", digest, authRevision: 1, index: 1, time: 0 });
  expect(tokens.size).toBe(100_000);
  expect(tokens.find(tokenText(minted[0]!.secret, 1))).toBeNull();
  expect(tokens.find(tokenText(minted[1]!.secret, 1))).toMatchObject({ user: "ann" });
});

test("255 alarms stand, and one more is not taken", () => {
  const alarms = new Alarms();
  for (let member = 1; member <= ALARMS_MAX; member++)
    expect(alarms.raise({ kind: "no-space", member })).toBe(true);
  expect(alarms.raise({ kind: "corrupt", member: 1 })).toBe(false);
  expect(alarms.raise({ kind: "no-space", member: 1 })).toBe(true);
});
