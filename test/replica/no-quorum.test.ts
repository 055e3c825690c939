import { createServer, type Server } from "node:net";
import { afterEach, expect, test } from "vitest";
import { freePorts } from "../../examples/kubernetes/free-ports.ts";
import { QuorateError } from "../../src/base/errors.ts";
import { open } from "../../src/open.ts";
import type { Store } from "../../src/store.ts";
import { MemoryNetwork } from "../../src/transport/memory-transport.ts";
import { tcp } from "../../src/transport/tcp/tcp-transport.ts";
import { TestCluster, until } from "./test-cluster.ts";

let cluster: TestCluster | null = null;
const stores: Store<string>[] = [];

afterEach(async () => {
  await Promise.all([cluster?.stopAll(), ...stores.splice(0).map((store) => store.close())]);
  cluster = null;
});

async function failure(call: Promise<unknown>): Promise<QuorateError> {
  const reason: unknown = await call.then(
    () => null,
    (error: unknown) => error,
  );
  if (QuorateError.is(reason)) return reason;
  throw new Error(`expected a QuorateError, not ${String(reason)}`);
}

test("the first write after the quorum is lost fails like all later ones, but that it may still happen", async () => {
  cluster = new TestCluster(3, {}, { callTimeoutMs: 600 });
  await cluster.startAll();
  const { leader } = cluster;
  cluster.isolate(leader.name);
  expect(await failure(leader.propose({ add: 1 }))).toMatchObject({
    code: "ERR_NO_QUORUM",
    outcome: "unknown",
  });
  expect(await failure(leader.propose({ add: 1 }))).toMatchObject({ code: "ERR_NO_QUORUM", outcome: "none" });
});

test("a change of membership without a quorum fails with ERR_NO_QUORUM, as a write does", async () => {
  cluster = new TestCluster(3, {}, { callTimeoutMs: 600 });
  await cluster.startAll();
  const { leader } = cluster;
  cluster.isolate(leader.name);
  const add = (name: string) => failure(leader.cluster.add({ name, address: "" }));
  expect(await add("n4")).toMatchObject({ code: "ERR_NO_QUORUM", outcome: "unknown" });
  expect(await add("n5")).toMatchObject({ code: "ERR_NO_QUORUM", outcome: "none" });
});

test("a write whose time ends while a leader is known was not confirmed", async () => {
  cluster = new TestCluster(3, {}, { electionTicks: 100 });
  await cluster.startAll();
  const { leader } = cluster;
  cluster.isolate(leader.name);
  const error = await failure(leader.propose({ add: 1 }, { timeoutMs: 30 }));
  expect(error).toMatchObject({ code: "ERR_TIMEOUT", outcome: "unknown" });
});

test("ready without a quorum names the peers that cannot be reached, and why", async () => {
  const [own, refusing, silent] = await freePorts(3);
  const silence: Server = createServer(() => {});
  await new Promise<void>((resolve) => silence.listen(silent, "127.0.0.1", resolve));
  const peers = {
    n1: `127.0.0.1:${own}`,
    n2: `127.0.0.1:${refusing}`,
    n3: `127.0.0.1:${silent}`,
  };
  const store = await open({ name: "n1", peers, transport: tcp({ limits: { handshakeMs: 100 } }) });
  stores.push(store);
  const error = await failure(store.ready({ timeoutMs: 700 }));
  silence.close();
  const refused = `n2 (127.0.0.1:${refusing}): connect ECONNREFUSED 127.0.0.1:${refusing}`;
  const mute = `n3 (127.0.0.1:${silent}): no answer within 100 ms`;
  expect(error).toMatchObject({ code: "ERR_NO_QUORUM", details: { unreachable: [refused, mute].sort() } });
  expect(error.message).toContain(refused);
  expect(error.message).toContain(mute);
});

test("a removed member refuses every call with ERR_MEMBERSHIP: while others still need it, when it has stopped, and when it was closed", async () => {
  const network = new MemoryNetwork();
  const peers = { n1: "", n2: "", n3: "" };
  const limits = { tickMs: 10 };
  for (const name of Object.keys(peers))
    stores.push(await open({ name, peers, limits, transport: network.transport() }));
  await Promise.all(stores.map((store) => store.ready()));
  const gone = stores.find((store) => store.status().role !== "leader")!;
  const others = stores.filter((store) => store !== gone);
  const errors: string[] = [];
  gone.on("error", ({ code }) => errors.push(code));
  const lease = await gone.lease(60_000);
  const watching = (async () => {
    for await (const _ of gone.watch({ prefix: "a" }));
  })();
  const ended = failure(watching);
  const calls: (() => Promise<unknown>)[] = [
    ...[() => gone.put("a", "1"), () => gone.get("a"), () => gone.get("a", { consistency: "stale" })],
    ...[() => gone.delete("a"), () => gone.ready(), () => gone.lease(10_000)],
    async () => gone.range({ prefix: "a" }).toArray(),
    async () =>
      gone
        .txn()
        .do((op) => [op.get("a")])
        .commit(),
    ...[() => gone.cluster.remove("n1"), () => gone.cluster.add({ address: "" })],
  ];
  const codes = async (): Promise<Set<string>> => {
    const errors = await Promise.all(calls.map((call) => failure(call())));
    return new Set(errors.map(({ code }) => code));
  };
  await others[0]!.cluster.remove(gone.status().name);
  await until(() => gone.status().state !== "open", "the member to know");
  expect(await codes()).toEqual(new Set(["ERR_MEMBERSHIP"]));
  await until(() => gone.status().state === "failed", "the member to stop");
  expect(await codes()).toEqual(new Set(["ERR_MEMBERSHIP"]));
  expect(errors).toEqual(["ERR_MEMBERSHIP"]);
  expect((await ended).code).toBe("ERR_MEMBERSHIP");
  expect(lease.signal.reason).toMatchObject({ code: "ERR_MEMBERSHIP" });
  await gone.close();
  expect(await codes()).toEqual(new Set(["ERR_MEMBERSHIP"]));
});
