import { afterAll, beforeAll, expect, test } from "vitest";
import { RangeRequest, RequestOp } from "../../src/wire/kv-messages.ts";
import { METHODS } from "../../src/wire/services.ts";
import { RpcClient } from "./support/rpc-client.ts";
import { type ServedCluster, serveCluster } from "./support/served-cluster.ts";

/** A member that hears nobody, so that whatever it answers may be out of date. */
let cluster: ServedCluster;
let client: RpcClient;
const LEASE = "77";

beforeAll(async () => {
  cluster = await serveCluster(["a", "b", "c"], {}, { limits: { callTimeoutMs: 600 } });
  const leader = cluster.leader();
  const follower = cluster.members.find((member) => member !== leader)!;
  await leader.store.lease(60_000, { id: LEASE });
  await leader.store.put("key", "old");
  await follower.store.get("key");
  const { name } = follower.store.status();
  for (const other of ["a", "b", "c"]) if (other !== name) cluster.network.cut(name, other);
  await leader.store.put("key", "new");
  client = new RpcClient(follower.endpoint);
}, 30_000);
afterAll(async () => {
  client.close();
  cluster.network.healAll();
  await cluster.stop();
});

const read = (serializable: boolean) => RangeRequest.of({ key: "key", serializable });
const txn = (serializable: boolean) => ({
  compare: [],
  success: [RequestOp.of({ requestRange: read(serializable) })],
  failure: [],
});
const unavailable = { code: 14, message: "etcdserver: request timed out" };

test("a member that was left alone answers what may be old, to those who ask for that", async () => {
  const { kvs } = await client.ask(METHODS.range, read(true));
  expect(kvs.map(({ value }) => value)).toEqual(["old"]);
  const { responses } = await client.ask(METHODS.txn, txn(true));
  expect(responses[0]?.responseRange?.kvs[0]?.value).toBe("old");
});

test("it answers no linearizable range", async () => {
  expect(await client.call(METHODS.range, read(false))).toEqual(unavailable);
});

test("it answers no transaction that only reads", async () => {
  expect(await client.call(METHODS.txn, txn(false))).toEqual(unavailable);
});

test("it says of no lease how long it lives, nor which ones there are", async () => {
  expect(await client.call(METHODS.leaseTimeToLive, { id: LEASE, keys: false })).toEqual(unavailable);
  expect(await client.call(METHODS.leaseLeases, {})).toEqual(unavailable);
});
