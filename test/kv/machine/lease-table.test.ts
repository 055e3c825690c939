import { expect, test } from "vitest";
import { QuorateError } from "../../../src/base/errors.ts";
import { Kv } from "../../../src/kv/kv.ts";
import type { Command } from "../../../src/kv/machine/command.ts";
import { encodeCommand } from "../../../src/kv/machine/command-codec.ts";
import { KvMachine } from "../../../src/kv/machine/kv-machine.ts";
import { ALL_KEYS } from "../../../src/kv/mvcc/key-range.ts";
import { Applying, HandClock, LoneReplica, rejection, settled } from "../support.ts";

const put = (key: string, lease: string): Command => ({ kind: "put", key, value: "", lease });
const grant = (lease: string, ttlMs = 1000): Command => ({ kind: "lease-grant", lease, ttlMs });
const revoke = (lease: string, renewedAt: number | null = null): Command => ({
  kind: "lease-revoke",
  lease,
  renewedAt,
});

function leasing() {
  const clock = new HandClock();
  const machine = new KvMachine();
  const replica = new LoneReplica(machine, clock);
  const kv = Kv.over(replica, machine);
  return { clock, machine, replica, kv };
}

const noQuorum = () => new QuorateError("ERR_NO_QUORUM", "cut off", { waitedMs: 1 }, { retryable: true });

test("revoking a lease deletes its keys in key order in one revision, and no others", () => {
  const applying = new Applying(new KvMachine());
  const setUp = [
    grant("L"),
    grant("M"),
    put("c", "L"),
    put("a", "L"),
    put("b", "M"),
    put("d", "L"),
    put("d", ""),
  ];
  applying.batch(setUp);
  const watcher = applying.machine.watches.watch({ range: ALL_KEYS, from: null }, () => {});
  expect(applying.one(revoke("L"))).toMatchObject({ kind: "lease-revoke", revision: 7 });
  const batch = watcher.take();
  expect(
    batch?.kind === "changes" && batch.changes.map(({ change }) => [change.key, change.modRevision]),
  ).toEqual([
    ["a", 7],
    ["c", 7],
  ]);
  expect(applying.machine.store.range(ALL_KEYS).versions.map(({ key }) => key)).toEqual(["b", "d"]);
  expect(applying.one(revoke("L"))).toMatchObject({ code: "ERR_LEASE_NOT_FOUND" });
});

test("a key that is deleted and made again hangs on no lease", () => {
  const applying = new Applying(new KvMachine());
  applying.batch([grant("L"), put("a", "L"), { kind: "delete", range: ALL_KEYS }, put("a", "")]);
  expect(applying.one(revoke("L"))).toMatchObject({ deleted: [] });
  expect(applying.machine.store.get("a")).toBeDefined();
});

test("a revoke that names an older renewal does nothing to a lease that was renewed since (etcd-io/etcd#15247)", () => {
  const applying = new Applying(new KvMachine());
  applying.batch([grant("L"), put("a", "L")]);
  const seen = applying.machine.leases.get("L")!.renewedAt;
  applying.one({ kind: "lease-keep-alive", leases: ["L"] });
  expect(applying.one(revoke("L", seen))).toMatchObject({ code: "ERR_LEASE_NOT_FOUND" });
  expect(applying.machine.leases.has("L")).toBe(true);
  const { renewedAt } = applying.machine.leases.get("L")!;
  expect(applying.one(revoke("L", renewedAt))).toMatchObject({ kind: "lease-revoke" });
});

test("a grant without an id never takes one that is in use", () => {
  const applying = new Applying(new KvMachine());
  applying.batch([grant("2"), grant("20")]);
  const applied = new Applying(applying.machine, 1);
  expect(applied.one(grant(""))).toMatchObject({ kind: "lease-grant", lease: "200" });
  expect(applied.one(grant("2"))).toMatchObject({ code: "ERR_LEASE_EXISTS" });
});

test("a lease that nobody keeps alive ends after its time, and its keys with it", async () => {
  const { clock, machine, replica, kv } = leasing();
  const lease = await kv.lease(3000);
  await kv.put("a", "1", { lease });
  lease.close();
  await clock.pass(2900);
  expect(machine.leases.size).toBe(1);
  await clock.pass(500);
  expect(machine.leases.size).toBe(0);
  expect(await kv.get("a")).toBeUndefined();
  expect(replica.proposals).toBeGreaterThan(2);
  kv.close();
});

test("a lease keeps itself alive for as long as it is held", async () => {
  const { clock, machine, kv } = leasing();
  const lease = await kv.lease(3000);
  await clock.pass(60_000);
  expect(lease.signal.aborted).toBe(false);
  expect(machine.leases.size).toBe(1);
  await lease.revoke();
  expect(machine.leases.size).toBe(0);
  expect(lease.signal.aborted).toBe(true);
  await lease.revoke();
  kv.close();
});

test("a lease that cannot be kept alive is reported lost before it can have expired, and once", async () => {
  const { clock, replica, kv } = leasing();
  const lease = await kv.lease(3000);
  const lost: string[] = [];
  lease.on("lost", (error) => lost.push(error.code));
  replica.failure = noQuorum();
  await clock.pass(2600);
  expect(lost).toEqual([]);
  await clock.pass(200);
  expect(lost).toEqual(["ERR_TIMEOUT"]);
  expect(lease.signal.aborted).toBe(true);
  replica.failure = null;
  await clock.pass(10_000);
  expect(lost).toHaveLength(1);
  kv.close();
});

test("a lease's time is counted from when a keep-alive was sent, not from when the answer came", async () => {
  const { clock, replica, kv } = leasing();
  const lease = await kv.lease(3000);
  replica.answerMs = 800;
  await clock.pass(1500);
  replica.failure = noQuorum();
  await clock.pass(2100);
  expect(lease.signal.aborted).toBe(false);
  await clock.pass(200);
  expect(lease.signal.aborted).toBe(true);
  kv.close();
});

test("a failed keep-alive is tried again in time", async () => {
  const { clock, replica, kv } = leasing();
  const lease = await kv.lease(3000);
  replica.failure = noQuorum();
  await clock.pass(2000);
  replica.failure = null;
  await clock.pass(20_000);
  expect(lease.signal.aborted).toBe(false);
  kv.close();
});

test("a lease that somebody else revoked is lost at the next keep-alive", async () => {
  const { clock, replica, kv } = leasing();
  const lease = await kv.lease(3000);
  const lost: string[] = [];
  lease.on("lost", (error) => lost.push(error.code));
  await replica.propose(encodeCommand(revoke(lease.id)));
  await clock.pass(1100);
  expect(lost).toEqual(["ERR_LEASE_NOT_FOUND"]);
  kv.close();
});

test("only the leader ends leases, but every member counts: whoever leads next goes on", async () => {
  const { clock, machine, replica, kv } = leasing();
  (await kv.lease(30_000)).close();
  await clock.pass(20_000);
  replica.become("follower", 2);
  await clock.pass(5_000);
  replica.become("leader", 3);
  await clock.pass(4_900);
  expect(machine.leases.size).toBe(1);
  await clock.pass(1_300);
  expect(machine.leases.size).toBe(0);
  kv.close();
});

test("a lease whose time ran out while nobody led has a third of it left for its holder to ask again", async () => {
  const { clock, machine, replica, kv } = leasing();
  (await kv.lease(3000)).close();
  replica.become("follower", 2);
  await clock.pass(100_000);
  expect(machine.leases.size).toBe(1);
  replica.become("leader", 3);
  await clock.pass(900);
  expect(machine.leases.size).toBe(1);
  await clock.pass(600);
  expect(machine.leases.size).toBe(0);
  kv.close();
});

test("a restart gives a lease what the last checkpoint left, not its whole time (etcd-io/etcd#9395)", async () => {
  const minute = 60_000;
  const { clock, machine, kv } = leasing();
  (await kv.lease(20 * minute)).close();
  await clock.pass(11 * minute);
  const left = machine.leases.all().next().value!.remainingMs;
  expect(left).toBeGreaterThanOrEqual(9 * minute);
  expect(left).toBeLessThanOrEqual((9 + 20 / 8) * minute);
  kv.close();

  const restarted = new KvMachine();
  restarted.restore(machine.snapshot());
  const again = Kv.over(new LoneReplica(restarted, clock), restarted);
  expect(await again.leases()).toMatchObject([{ ttlMs: 20 * minute, remainingMs: left }]);
  await clock.pass(left - 1000);
  expect(restarted.leases.size).toBe(1);
  await clock.pass(2000);
  expect(restarted.leases.size).toBe(0);
  again.close();
});

test("a snapshot from the leader does not begin a lease's time anew, unless it was renewed meanwhile", async () => {
  const { clock, machine, kv } = leasing();
  const [quiet, renewed] = await Promise.all([kv.lease(60_000), kv.lease(60_000)]);
  for (const lease of [quiet, renewed]) lease.close();
  await clock.pass(10_000);
  const ahead = new Applying(new KvMachine(), 100);
  ahead.machine.restore(machine.snapshot());
  ahead.one({ kind: "lease-keep-alive", leases: [renewed.id] });
  machine.restore(ahead.machine.snapshot());
  expect(await kv.leaseInfo(quiet.id)).toMatchObject({ remainingMs: 50_000 });
  expect(await kv.leaseInfo(renewed.id)).toMatchObject({ remainingMs: 60_000 });
  kv.close();
});

test("leases that are kept alive write nothing but keep-alives, one for all that are due together", async () => {
  const { clock, machine, replica, kv } = leasing();
  const leases = await Promise.all(Array.from({ length: 500 }, () => kv.lease(9_000)));
  const { proposals } = replica;
  await clock.pass(60_000);
  expect(replica.proposals - proposals).toBeLessThanOrEqual(60_000 / 3_000);
  expect(machine.leases.size).toBe(500);
  expect(leases.some(({ isOver }) => isOver)).toBe(false);
  kv.close();
});

test("leases can be listed, looked at and revoked by whoever knows their id", async () => {
  const { clock, kv } = leasing();
  const lease = await kv.lease(60_000, { id: "süd" });
  lease.close();
  await kv.namespace("n/").put("b", "", { lease });
  await kv.put("a", "", { lease: "süd" });
  await clock.pass(1500);
  const known = { id: "süd", ttlMs: 60_000, remainingMs: 58_500 };
  expect(await kv.leases()).toEqual([{ ...known, keys: ["a", "n/b"] }]);
  expect(await kv.namespace("n/").leaseInfo("süd")).toEqual({ ...known, keys: ["b"] });
  expect(await kv.leaseInfo("other")).toBeUndefined();
  expect((await rejection(kv.lease(1000, { id: "süd" }))).code).toBe("ERR_LEASE_EXISTS");
  expect(await kv.revoke("süd")).toMatchObject({ deleted: 2 });
  expect((await rejection(kv.revoke(lease))).code).toBe("ERR_LEASE_NOT_FOUND");
  kv.close();
});

test("a leader without a quorum tries again until leases can be ended", async () => {
  const { clock, machine, replica, kv } = leasing();
  (await kv.lease(1000)).close();
  replica.failure = noQuorum();
  await clock.pass(5000);
  expect(machine.leases.size).toBe(1);
  replica.failure = null;
  await clock.pass(1500);
  expect(machine.leases.size).toBe(0);
  kv.close();
});

test("many leases that end together are ended, and nothing is proposed once they are gone", async () => {
  const { clock, machine, replica, kv } = leasing();
  const leases = await Promise.all(Array.from({ length: 500 }, () => kv.lease(1000)));
  for (const lease of leases) lease.close();
  await clock.pass(5000);
  expect(machine.leases.size).toBe(0);
  const { proposals } = replica;
  await clock.pass(600_000);
  expect(replica.proposals).toBe(proposals);
  kv.close();
});

test("a closed store lets its leases expire and does no work any more", async () => {
  const { clock, replica, kv } = leasing();
  const lease = await kv.lease(1000);
  kv.close();
  expect(lease.signal.aborted).toBe(true);
  const { proposals } = replica;
  await clock.pass(60_000);
  await settled();
  expect(replica.proposals).toBe(proposals);
});

test("a lease that is granted while the store is closed is not kept alive", async () => {
  const { clock, kv } = leasing();
  const granted = kv.lease(1000);
  kv.close();
  const lease = await granted;
  expect(lease.signal.aborted).toBe(true);
  expect(clock.timers).toBe(0);
});
