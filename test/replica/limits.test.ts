import { afterEach, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { QuorateError } from "../../src/base/errors.ts";
import { createReplica } from "../../src/open.ts";
import { DEFAULT_LIMITS, type ReplicaLimits } from "../../src/replica/options.ts";
import { tcp } from "../../src/transport/tcp/tcp-transport.ts";
import { Counter } from "./counter.ts";
import { type CounterReplica, TestCluster, until } from "./test-cluster.ts";

let cluster: TestCluster;

afterEach(() => cluster?.stopAll());

/** A member of three that is cut off, so that whatever it is asked waits. */
async function lonely(limits: Partial<ReplicaLimits>): Promise<CounterReplica> {
  cluster = new TestCluster(3, {}, limits);
  await cluster.startAll();
  const { leader } = cluster;
  cluster.isolate(leader.name);
  await until(() => !leader.isLeader, "the leader to step down");
  return leader;
}

/** Asks `count` times, over several turns and ticks, and returns how many were refused with ERR_BUSY meanwhile. */
async function refusedOf(count: number, ask: (signal: AbortSignal) => Promise<unknown>): Promise<number> {
  let busy = 0;
  const end = new AbortController();
  const asked = Array.from({ length: count }, async (_, at) => {
    await new Promise((resolve) => setTimeout(resolve, at % 5));
    await ask(end.signal).catch((error: unknown) => {
      if (QuorateError.is(error, "ERR_BUSY")) busy += 1;
    });
  });
  await new Promise((resolve) => setTimeout(resolve, 30));
  end.abort();
  await Promise.all(asked);
  return busy;
}

test("as many reads wait as readsMax says, however many turns they come in, and their places are free when they end", async () => {
  const member = await lonely({ readsMax: 10 });
  const read = (signal: AbortSignal) => member.barrier({ signal });
  for (let round = 0; round < 2; round++) {
    expect(await refusedOf(10, read)).toBe(0);
    expect(await refusedOf(50, read)).toBe(40);
  }
});

test("reads that the leader has under way count as well", async () => {
  cluster = new TestCluster(3, {}, { readsMax: 10, electionTicks: 100 });
  await cluster.startAll();
  const { leader } = cluster;
  cluster.isolate(leader.name);
  expect(await refusedOf(50, (signal) => leader.barrier({ signal }))).toBe(40);
});

test("as many commands wait as proposalsMax says", async () => {
  const member = await lonely({ proposalsMax: 10 });
  expect(await refusedOf(50, (signal) => member.propose({ add: 1 }, { signal }))).toBe(40);
});

test("as many changes of membership wait as changesMax says", async () => {
  const member = await lonely({ changesMax: 10 });
  const add = (signal: AbortSignal) => member.cluster.add({ address: "" }, { signal });
  expect(await refusedOf(50, add)).toBe(40);
});

test("the largest command is as long as commandBytesMax says, envelope included", async () => {
  cluster = new TestCluster(1, {}, { commandBytesMax: 100 });
  await cluster.startAll();
  const empty = JSON.stringify({ add: 1, text: "" }).length;
  const propose = (bytes: number) => {
    const command = { add: 1, text: "x".repeat(bytes - empty) };
    return cluster.leader.propose(command).then(
      () => null,
      (error: unknown) => (error as QuorateError).details,
    );
  };
  const tooLong = await propose(100);
  const { limit } = tooLong as { limit: number };
  expect(await propose(limit)).toBe(null);
  expect(await propose(limit + 1)).toEqual({ what: "command", size: limit + 1, limit });
});

test("a transfer of leadership whose time limit is undefined has the default one", async () => {
  cluster = new TestCluster(3, {}, { callTimeoutMs: 300 });
  await cluster.startAll();
  const { leader, followers } = cluster;
  const [to] = followers;
  cluster.isolate(to!.name);
  // The leader cannot know yet that the other one is gone: it waits for it.
  const error: unknown = await leader.cluster
    .transfer(to!.name, { timeoutMs: undefined })
    .catch((reason) => reason);
  expect(QuorateError.is(error, "ERR_TIMEOUT")).toBe(true);
});

test("every limit is a whole number above 0, and an unknown one is refused", async () => {
  for (const name of Object.keys(DEFAULT_LIMITS)) {
    for (const value of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, null, "10"]) {
      cluster = new TestCluster(1, {}, { [name]: value });
      const error: unknown = await cluster.startAll().catch((reason) => reason);
      expect(error, `${name}: ${value}`).toMatchObject({ code: "ERR_INVALID_ARGUMENT" });
    }
  }
});

test("a time limit of more than 2^31 ms does not end at once", async () => {
  let isOver = false;
  const timer = systemClock.after(2 ** 31, () => {
    isOver = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 10));
  expect(isOver).toBe(false);
  timer.cancel();
});

test("a member is refused whose largest command would be lost on the way", async () => {
  const room = 1024 * 1024 + 64 * 1024;
  const withFrames = (commandBytesMax: number, frameBytesMax: number) => {
    const peers = { a: "127.0.0.1:0" };
    const transport = tcp({ limits: { frameBytesMax } });
    return createReplica({
      name: "a",
      peers,
      machine: new Counter(),
      transport,
      limits: { commandBytesMax },
    });
  };
  const error: unknown = await withFrames(20_000_001, 20_000_000 + room).catch((reason) => reason);
  expect(error).toMatchObject({
    code: "ERR_INVALID_ARGUMENT",
    details: { argument: "limits.commandBytesMax" },
    message: expect.stringContaining("20000000"),
  });
  const replica = await withFrames(20_000_000, 20_000_000 + room);
  await replica.close();
});
