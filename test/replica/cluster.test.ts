import { afterEach, expect, test } from "vitest";
import { QuorateError } from "../../src/base/errors.ts";
import type { ReplicaLimits } from "../../src/replica/options.ts";
import type { NetworkFaults } from "../../src/transport/memory-transport.ts";
import { type CounterReplica, TestCluster, until } from "./test-cluster.ts";

let cluster: TestCluster;

afterEach(() => cluster.stopAll());

async function started(
  size: number,
  faults: Partial<NetworkFaults> = {},
  limits: Partial<ReplicaLimits> = {},
): Promise<TestCluster> {
  cluster = new TestCluster(size, faults, limits);
  await cluster.startAll();
  return cluster;
}

function proposeMany(members: readonly CounterReplica[], each: number): Promise<number[]> {
  const calls = members.flatMap((member) => Array.from({ length: each }, () => member.propose({ add: 1 })));
  return Promise.all(calls);
}

async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return "no error";
  } catch (error) {
    return QuorateError.is(error) ? `${error.code} ${error.outcome}` : String(error);
  }
}

test("a lone member leads itself", async () => {
  const { leader } = await started(1);
  expect(await leader.propose({ add: 2 })).toBe(2);
  expect(await leader.query()).toBe(2);
});

test("every member takes commands and reads, and all see the same sum", async () => {
  const { all } = await started(3);
  const results = await proposeMany(all, 100);
  expect(results.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 300 }, (_, at) => at + 1));
  expect(await Promise.all(all.map((member) => member.query()))).toEqual([300, 300, 300]);
});

test("a command takes effect once, though frames are lost, doubled and overtaken", async () => {
  const { all } = await started(3, { loss: 0.05, duplication: 0.3, delayMsMin: 0, delayMsMax: 8 });
  // In many waves, so that many frames carry commands.
  for (let wave = 0; wave < 20; wave++) await proposeMany(all, 5);
  expect(await Promise.all(all.map((member) => member.query()))).toEqual([300, 300, 300]);
});

test("a command that waits when the leader goes is applied under the next one, once", async () => {
  const { leader, followers } = await started(3);
  const calls = proposeMany(followers, 50);
  cluster.isolate(leader.name);
  await calls;
  expect(await followers[0]!.query()).toBe(100);

  cluster.network.healAll();
  expect(await leader.query()).toBe(100);
});

test("another member leads at once when the leader's process ends", async () => {
  const { leader, followers } = await started(3);
  await cluster.stop(leader.name);
  await followers[0]!.propose({ add: 5 });
  expect(await followers[1]!.query()).toBe(5);
});

test("a member that was away catches up, by entries or by a snapshot", async () => {
  await started(3, {}, { snapshotEntries: 40, trailingEntries: 10 });
  const [away] = cluster.followers;
  for (const count of [5, 200]) {
    await cluster.stop(away!.name);
    await proposeMany(cluster.all, count);
    const back = await cluster.start(away!.name);
    const sum = await cluster.leader.query();
    expect(await back.query()).toBe(sum);
  }
  expect(cluster.leader.status().snapshot).toBeGreaterThan(100);
});

test("a member that starts again has its state from its own disk", async () => {
  await started(1, {}, { snapshotEntries: 30, trailingEntries: 5 });
  await proposeMany(cluster.all, 100);
  await cluster.stop("n1");
  const again = await cluster.start("n1");
  expect(await again.query()).toBe(100);
});

test("the time that a command is given is the same on every member and never goes back", async () => {
  const { all } = await started(3);
  await proposeMany(all, 20);
  await Promise.all(all.map((member) => member.query()));
  const [first, ...others] = [...cluster.machines.values()].map(({ times }) => times);
  expect(first).toEqual(first!.toSorted((a, b) => a - b));
  for (const other of others) expect(other).toEqual(first);
});

test("without a quorum a write fails in time, and says that it may still happen once it was sent", async () => {
  const { leader, followers } = await started(3);
  for (const { name } of followers) await cluster.stop(name);
  expect(await codeOf(leader.propose({ add: 1 }, { timeoutMs: 50 }))).toBe("ERR_TIMEOUT unknown");
  await until(() => leader.status().leader === undefined, "the leader to step down");
  expect(await codeOf(leader.propose({ add: 1 }, { timeoutMs: 50 }))).toBe("ERR_NO_QUORUM none");
  expect(await codeOf(leader.query(undefined, { timeoutMs: 50 }))).toBe("ERR_NO_QUORUM none");
  expect(await leader.query(undefined, { consistency: "stale" })).toBe(0);
});

test("an aborted call rejects with the signal's reason", async () => {
  const { leader, followers } = await started(3);
  for (const { name } of followers) await cluster.stop(name);
  const abort = new AbortController();
  const call = leader.propose({ add: 1 }, { signal: abort.signal });
  abort.abort(new Error("enough"));
  expect(await codeOf(call)).toBe("Error: enough");
  expect(await codeOf(leader.barrier({ signal: abort.signal }))).toBe("Error: enough");
});

test("a member whose disk was wiped is not taken for the one that voted, and stops", async () => {
  const { leader, followers } = await started(3);
  await leader.propose({ add: 1 });
  await until(
    () => leader.status().members.every(({ store }) => store !== undefined),
    "agreement on the stores",
  );
  const [gone, other] = followers;
  await cluster.stop(gone!.name);
  cluster.wipe(gone!.name);

  const impostor = await cluster.start(gone!.name);
  const error = await new Promise<QuorateError>((resolve) => impostor.once("error", resolve));
  // Either the others say so, or the leader's first word shows that something is missing here.
  expect(error.message).toMatch(/wiped or replaced|has the disk lost what was acknowledged/);
  expect(await codeOf(impostor.propose({ add: 1 }))).toBe(`${error.code} none`);

  // Neither its votes nor its acknowledgements count: with the other one gone too there is no majority.
  await cluster.stop(gone!.name);
  await cluster.start(gone!.name);
  await cluster.stop(other!.name);
  expect(await codeOf(leader.propose({ add: 1 }, { timeoutMs: 1_000 }))).toBe("ERR_NO_QUORUM unknown");
});

test("a leader whose disk stands still hands over", async () => {
  const { leader, followers } = await started(3);
  const slow = new Promise<string>((resolve) => leader.once("slow", resolve));
  cluster.disks.get(leader.name)!.stall();
  const calls = proposeMany(followers, 5);
  expect(await slow).toBe("disk");
  await until(() => !leader.isLeader, "another leader");
  await calls;
  expect(await followers[0]!.query()).toBe(10);

  cluster.disks.get(leader.name)!.resume();
  expect(await leader.query()).toBe(10);
});

test("a member whose disk is full refuses commands, and hands over if it leads", async () => {
  const { leader, followers } = await started(3);
  const disk = cluster.disks.get(leader.name)!;
  disk.isFull = true;
  expect(await codeOf(leader.propose({ add: 1 }))).toBe("ERR_DISK_FULL none");
  await until(() => !leader.isLeader, "another leader");
  expect(leader.status().snapshot).toBeGreaterThan(1);
  await followers[0]!.propose({ add: 1 });
  expect(await leader.query()).toBe(1);

  disk.isFull = false;
  expect(await leader.propose({ add: 1 })).toBe(2);
});

test("leadership can be handed over", async () => {
  const { leader, followers } = await started(3);
  const [heir] = followers;
  await leader.cluster.transfer(heir!.name);
  expect(leader.isLeader).toBe(false);
  expect(leader.status().leader).toBe(heir!.name);
  expect(await codeOf(leader.cluster.transfer("n9"))).toBe("ERR_MEMBERSHIP none");
});

test("a state machine that throws stops its member and says where", async () => {
  const { leader } = await started(1);
  let told: unknown;
  leader.on("error", (error) => {
    told = error;
  });
  expect(await codeOf(leader.propose({ add: 13 }))).toBe("ERR_APPLY unknown");
  expect(QuorateError.is(told, "ERR_APPLY")).toBe(true);
  expect(await codeOf(leader.propose({ add: 1 }))).toBe("ERR_APPLY none");
  expect(leader.status().state).toBe("failed");
});

test("limits are kept: on the size of a command and on how many wait", async () => {
  const { leader } = await started(1, {}, { proposalsMax: 1, commandBytesMax: 64 });
  expect(await codeOf(leader.propose({ add: Number.MAX_SAFE_INTEGER, ...{ more: "x".repeat(64) } }))).toBe(
    "ERR_TOO_LARGE none",
  );
  const first = leader.propose({ add: 1 });
  expect(await codeOf(leader.propose({ add: 1 }))).toBe("ERR_BUSY none");
  await first;
});

test("a closed member refuses calls, and closing twice is no error", async () => {
  const { leader } = await started(1);
  await Promise.all([leader.close(), leader.close()]);
  expect(await codeOf(leader.propose({ add: 1 }))).toBe("ERR_CLOSED none");
  expect(await codeOf(leader.query())).toBe("ERR_CLOSED none");
});
