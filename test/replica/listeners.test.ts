import { afterEach, expect, test } from "vitest";
import { QuorateError } from "../../src/base/errors.ts";
import { createReplica, open } from "../../src/open.ts";
import type { ReplicaEvents } from "../../src/replica/events.ts";
import { MemoryNetwork } from "../../src/transport/memory-transport.ts";
import type { Transport, TransportHost } from "../../src/transport/transport.ts";
import { uncaughtDuring } from "../base/uncaught.ts";
import { Counter } from "./counter.ts";
import { TestCluster, until } from "./test-cluster.ts";

let cluster: TestCluster | null = null;

afterEach(async () => {
  await cluster?.stopAll();
  cluster = null;
});

const EVENTS: (keyof ReplicaEvents)[] = ["role", "leader", "members", "peer", "snapshot", "slow", "refused"];

async function failure(call: Promise<unknown>): Promise<QuorateError> {
  const reason: unknown = await call.then(
    () => null,
    (error: unknown) => error,
  );
  if (QuorateError.is(reason)) return reason;
  throw new Error(`expected a QuorateError, not ${String(reason)}`);
}

test("a cluster whose listeners throw at every event goes on, on all members, and each exception surfaces", async () => {
  cluster = new TestCluster(3, {}, { snapshotEntries: 20 });
  const three = cluster;
  const seen = new Set<string>();
  const caught = await uncaughtDuring(async () => {
    for (const name of three.names) {
      const member = await three.start(name);
      for (const event of EVENTS) {
        member.on(event, () => {
          seen.add(event);
          throw new Error(`a bug in ${event}`);
        });
      }
    }
    await Promise.all(three.all.map((member) => member.ready()));
    for (let count = 0; count < 50; count++) await three.leader.propose({ add: 1 });
    const before = three.leader;
    await before.cluster.transfer(three.followers[0]!.name);
    await before.cluster.add({ name: "n4", address: "" });
    await three.stop(three.followers[0]!.name);
    await three.leader.propose({ add: 1 });
    expect(three.all.map((member) => member.status().state)).toEqual(["open", "open"]);
    expect(await three.leader.query()).toBe(51);
    await three.stopAll();
  });
  expect([...seen].sort()).toEqual(["leader", "members", "peer", "role", "snapshot"]);
  expect(new Set(caught.map((error) => (error as Error).message))).toEqual(
    new Set([...seen].map((event) => `a bug in ${event}`)),
  );
});

test("a listener may close its member in the middle of a turn, propose, and take a snapshot of the state it sees", async () => {
  cluster = new TestCluster(1);
  await cluster.startAll();
  const { leader } = cluster;
  const results: Promise<unknown>[] = [];
  leader.once("members", () => {
    results.push(leader.propose({ add: 1 }));
    leader.snapshot();
  });
  // In one batch: what is applied after the change must not be in a snapshot from before it.
  await Promise.all([
    leader.propose({ add: 10 }),
    leader.cluster.add({ name: "n2", address: "" }),
    leader.propose({ add: 100 }),
  ]);
  await Promise.all(results);
  expect(await leader.query()).toBe(111);
  const taken = leader.status().snapshot;
  const closed = new Promise((resolve) => leader.once("close", () => resolve("closed")));
  leader.once("members", () => void leader.close());
  leader.cluster.add({ name: "n3", address: "" }).catch(() => {});
  expect(await closed).toBe("closed");
  cluster.members.clear();
  const again = await cluster.start("n1");
  expect(again.status().snapshot).toBe(taken);
  await again.ready();
  expect(await again.query()).toBe(111);
});

test("a member that fails with nobody to hear of it warns the process, and its calls say why", async () => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning);
  process.on("warning", onWarning);
  const replica = await createReplica({ machine: new Counter() });
  await replica.ready();
  expect(await failure(replica.propose({ add: 13 }))).toMatchObject({ code: "ERR_APPLY" });
  await until(() => warnings.length > 0, "the warning");
  process.off("warning", onWarning);
  expect(warnings[0]).toMatchObject({
    name: "QuorateWarning",
    message: expect.stringContaining("ERR_APPLY"),
  });
  for (const call of [replica.propose({ add: 1 }), replica.query()])
    expect(await failure(call)).toMatchObject({
      code: "ERR_APPLY",
      cause: { code: "ERR_APPLY", cause: Error("not 13") },
    });
  await replica.close();
});

test("the calls, watches and leases of a store whose member has failed say why", async () => {
  const transport = new MemoryNetwork().transport();
  const host: { current: TransportHost | null } = { current: null };
  const spied: Transport = {
    start: (given, started) => {
      host.current = given;
      transport.start(given, started);
    },
    setPeers: (peers) => transport.setPeers(peers),
    send: (to, frame) => transport.send(to, frame),
    close: (closed) => transport.close(closed),
  };
  const store = await open({ transport: spied });
  await store.ready();
  const errors: QuorateError[] = [];
  store.on("error", (error) => errors.push(error));
  const lease = await store.lease(60_000);
  const watching = (async () => {
    for await (const _ of store.watch({ all: true }));
  })();
  // Bytes that are no frame are dropped; what is not even bytes is a bug of the transport, and stops the member.
  host.current!.deliver("member", null as unknown as Uint8Array);
  await until(() => errors.length > 0, "the failure");
  expect(errors[0]!.code).toBe("ERR_TRANSPORT");
  const cause = { code: "ERR_TRANSPORT", cause: errors[0] };
  expect(await failure(watching)).toMatchObject(cause);
  expect(lease.signal.reason).toMatchObject(cause);
  expect(await failure(store.get("a"))).toMatchObject({ ...cause, outcome: "none" });
  expect(await failure(store.put("a", "b"))).toMatchObject({ ...cause, outcome: "none" });
  await store.close();
  expect(await failure(store.get("a"))).toMatchObject(cause);
});

test("what a transport of one's own throws is a warning, once for each method, and costs no more than the frame", async () => {
  const network = new MemoryNetwork();
  const clumsy = (): Transport => {
    const transport = network.transport();
    let sends = 0;
    return {
      start: (host, started) => transport.start(host, started),
      setPeers: (peers) => transport.setPeers(peers),
      send: (to, frame) => {
        if (++sends % 3 === 0) throw new Error("not connected");
        transport.send(to, frame);
      },
      close: () => {
        transport.close(() => {});
        throw new Error("cannot close");
      },
    };
  };
  const peers = { a: "", b: "" };
  const limits = { tickMs: 10 };
  const warnings: Error[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning);
  process.on("warning", onWarning);
  const caught = await uncaughtDuring(async () => {
    const stores = await Promise.all(
      Object.keys(peers).map((name) => open({ name, peers, limits, transport: clumsy() })),
    );
    await Promise.all(stores.map((store) => store.ready()));
    for (let count = 0; count < 20; count++) await stores[0]!.put("key", String(count));
    expect(await stores[1]!.get("key")).toBe("19");
    await Promise.all(stores.map((store) => store.close()));
  });
  process.off("warning", onWarning);
  expect(caught).toEqual([]);
  const failed = (method: string, reason: string) =>
    `ERR_TRANSPORT: the transport failed in ${method}: ${reason}`;
  expect(warnings.map(({ message }) => message).sort()).toEqual([
    ...Array(2).fill(failed("close", "cannot close")),
    ...Array(2).fill(failed("send", "not connected")),
  ]);
});

test("a codec that throws, or gives no bytes, fails the call alone", async () => {
  const given: unknown[] = [new Error("cannot"), "text", null, [1, 2], new Uint16Array(4), 7];
  const replica = await createReplica<number, number>({
    machine: { apply: (batch) => batch.map(() => 1), query: () => 0, snapshot: () => [], restore: () => {} },
    codec: {
      name: "odd",
      encode: (at) => {
        if (at < 0) return Buffer.from("sound");
        if (given[at] instanceof Error) throw given[at];
        return given[at] as Uint8Array;
      },
      decode: () => 0,
    },
  });
  for (const at of given.keys())
    expect(await failure(replica.propose(at))).toMatchObject({ code: "ERR_INVALID_ARGUMENT" });
  expect((await failure(replica.propose(0))).cause).toBe(given[0]);
  expect(await replica.propose(-1)).toBe(1);
  await replica.close();
});

const broken = () => {
  throw new Error("a bug");
};
const BROKEN_MACHINES: Record<string, Partial<Counter> & { beginHash?(): () => number | null }> = {
  snapshot: { snapshot: broken },
  "snapshot later": {
    *snapshot() {
      yield new Uint8Array(1);
      broken();
    },
  },
  beginHash: { beginHash: broken },
  "beginHash later": { beginHash: () => broken },
};

for (const [name, broken] of Object.entries(BROKEN_MACHINES)) {
  test(`a state machine that throws in ${name} stops its member, which says so and goes nowhere without a word`, async () => {
    // The first snapshot of a new store is taken of its state at the beginning.
    const machine = new Counter();
    const limits = { snapshotEntries: 30, checkpointEntries: 40 };
    const replica = await createReplica<{ add: number }, number>({ machine, limits });
    const errors: QuorateError[] = [];
    replica.on("error", (error) => errors.push(error));
    Object.assign(machine, broken);
    await until(() => {
      replica.propose({ add: 1 }).catch(() => {});
      return errors.length > 0;
    }, "the failure");
    const [method] = name.split(" ");
    expect(errors).toMatchObject([{ code: "ERR_MACHINE", details: { method }, cause: Error("a bug") }]);
    expect(replica.status().state).toBe("failed");
    await replica.close();
  });
}
