import { expect, test } from "vitest";
import { Kv } from "../../src/kv/kv.ts";
import { KvContext, type KvLimits } from "../../src/kv/kv-context.ts";
import type { Command, Operation } from "../../src/kv/machine/command.ts";
import { encodeCommand } from "../../src/kv/machine/command-codec.ts";
import { KvMachine } from "../../src/kv/machine/kv-machine.ts";
import { MachineBackend } from "../../src/kv/machine-backend.ts";
import { ALL_KEYS, singleKey } from "../../src/kv/mvcc/key-range.ts";
import { Applying, HandClock, LoneReplica, rejection } from "./support.ts";

const put = (key: string, value = "") => ({ kind: "put", key, value, lease: "" }) as const;
const txn = (success: readonly Operation[]): Command => ({ kind: "txn", compares: [], success, failure: [] });
const alarm = (isRaised: boolean): Command => ({ kind: "alarm", alarm: "no-space", member: 1, isRaised });

function opened(limits: KvLimits) {
  const clock = new HandClock();
  const machine = new KvMachine();
  const replica = new LoneReplica(machine, clock);
  return { clock, machine, replica, kv: Kv.over(replica, machine, limits) };
}

/** A member whose process can be made short of memory. */
function housed(limits: KvLimits, memberIds = [1, 2]) {
  const clock = new HandClock();
  const machine = new KvMachine();
  const replica = Object.assign(new LoneReplica(machine, clock), { memberIds });
  const memory = { isShort: false, stop() {} };
  const backend = new MachineBackend(new KvContext(replica, machine, limits, memory));
  const alarms = () => machine.alarms.all().map(({ member }) => member);
  return { clock, machine, replica, memory, backend, alarms };
}

test("without space puts and leases are refused, deletes, compactions and reads are not, until it is disarmed (trap 20)", () => {
  const applying = new Applying(new KvMachine());
  applying.batch([
    { kind: "lease-grant", lease: "L", ttlMs: 1000 },
    put("a"),
    put("b"),
    put("c"),
    alarm(true),
  ]);
  const code = (command: Command) => {
    const result = applying.one(command);
    return result.kind === "refused" ? result.code : "ok";
  };
  const remove = { kind: "delete", range: singleKey("a") } as const;
  expect(code(put("a"))).toBe("ERR_NO_SPACE");
  expect(code(txn([put("a")]))).toBe("ERR_NO_SPACE");
  expect(code({ kind: "txn", compares: [], success: [], failure: [put("a")] })).toBe("ERR_NO_SPACE");
  expect(code(txn([{ kind: "txn", compares: [], success: [put("a")], failure: [] }]))).toBe("ERR_NO_SPACE");
  expect(code({ kind: "lease-grant", lease: "", ttlMs: 1000 })).toBe("ERR_NO_SPACE");

  expect(code(remove)).toBe("ok");
  expect(code(txn([{ kind: "delete", range: singleKey("b") }]))).toBe("ok");
  expect(code({ kind: "lease-keep-alive", leases: ["L"] })).toBe("ok");
  expect(code({ kind: "lease-revoke", lease: "L", renewedAt: null })).toBe("ok");
  expect(code({ kind: "compact", revision: 5 })).toBe("ok");
  expect(applying.machine.query({ kind: "count", range: ALL_KEYS })).toMatchObject({ count: 1 });

  const restored = new KvMachine();
  restored.restore(applying.machine.snapshot());
  expect(restored.isOutOfSpace).toBe(true);
  expect(code(put("a"))).toBe("ERR_NO_SPACE");
  expect(code(alarm(false))).toBe("ok");
  expect(code(put("a"))).toBe("ok");
});

test("what is held is weighed, and weighs less once it is deleted and compacted", () => {
  const applying = new Applying(new KvMachine());
  const { store } = applying.machine;
  expect(store.heldBytes).toBe(0);
  applying.batch([put("a", "x".repeat(1000)), put("a", "x".repeat(500)), put("b")]);
  expect(store.heldBytes).toBeGreaterThan(1500);
  applying.one({ kind: "compact", revision: 4 });
  expect(store.heldBytes).toBeLessThan(1500);
  const restored = new KvMachine();
  restored.restore(applying.machine.snapshot());
  expect(restored.store.heldBytes).toBe(store.heldBytes);
  applying.batch([{ kind: "delete", range: ALL_KEYS }, put("c"), { kind: "compact", revision: 6 }, put("c")]);
  expect(store.heldBytes).toBe(2 * 240 + 2);
});

test("the leader raises the alarm over the quota, makes room, and lowers it when there is space", async () => {
  const { clock, kv } = opened({ quotaBytes: 20_000, historyRevisions: 100 });
  for (let at = 0; at < 30; at++) await kv.put("a", "x".repeat(1000));
  await clock.pass(200);
  const refused = await rejection(kv.put("a", "y"));
  expect(refused).toMatchObject({ code: "ERR_NO_SPACE", outcome: "none" });
  expect(kv.metrics()).toMatchObject({ outOfSpace: 1, quotaBytes: 20_000, refusalsTotal: 1 });
  // It was history alone that took the space.
  await clock.pass(1000);
  expect(kv.metrics()).toMatchObject({ outOfSpace: 0, keys: 1 });
  await kv.put("a", "y");
  kv.close();
});

test("a store that is full of live keys stays read-only until something is deleted; disarming alone helps for a moment", async () => {
  const { clock, kv } = opened({ quotaBytes: 20_000 });
  for (let at = 0; at < 30; at++) await kv.put(`k${at}`, "x".repeat(1000));
  await clock.pass(2000);
  expect((await rejection(kv.put("a", ""))).code).toBe("ERR_NO_SPACE");
  await kv.disarm();
  await kv.put("a", "");
  await clock.pass(200);
  expect((await rejection(kv.put("a", ""))).code).toBe("ERR_NO_SPACE");
  await kv.delete({ prefix: "k" });
  await clock.pass(2000);
  await kv.put("a", "");
  kv.close();
});

test("history is compacted by itself, half of it at a time, and only by the leader", async () => {
  const { clock, kv, replica, machine } = opened({ historyRevisions: 10 });
  replica.become("follower", 2);
  for (let at = 0; at < 40; at++) await kv.put("a", String(at));
  await clock.pass(1000);
  expect(machine.store.compactRevision).toBe(-1);
  replica.become("leader", 3);
  await clock.pass(1000);
  expect(machine.store.compactRevision).toBe(31);
  const { proposals } = replica;
  for (let at = 0; at < 9; at++) await kv.put("a", String(at));
  await clock.pass(1000);
  expect(replica.proposals).toBe(proposals + 9);
  await kv.put("a", "");
  await clock.pass(1000);
  expect(machine.store.compactRevision).toBe(41);
  kv.close();
});

test("a store whose history is its user's to compact is neither compacted nor disarmed, but still has a quota", async () => {
  const { clock, kv, machine } = opened({
    quotaBytes: 10_000,
    historyRevisions: Number.POSITIVE_INFINITY,
  });
  for (let at = 0; at < 40; at++) await kv.put("a", "x".repeat(300));
  await clock.pass(1000);
  expect(machine.store.compactRevision).toBe(-1);
  expect(kv.metrics().outOfSpace).toBe(1);
  await kv.compact(kv.metrics().revision);
  await clock.pass(1000);
  expect(kv.metrics().outOfSpace).toBe(1);
  await kv.disarm();
  await clock.pass(1000);
  expect(kv.metrics().outOfSpace).toBe(0);
  kv.close();
});

test("impossible limits are refused", () => {
  for (const limits of [{ quotaBytes: 0 }, { historyRevisions: 1.5 }])
    expect(() => opened(limits)).toThrow(/whole/);
});

test("leases and client sessions weigh as well, and no longer once they are gone; the same after a restore", () => {
  const applying = new Applying(new KvMachine());
  const { machine } = applying;
  for (let lease = 1; lease <= 10; lease++)
    applying.one({ kind: "lease-grant", lease: String(lease), ttlMs: 1000 });
  const { session } = applying.one({ kind: "session-open" }) as { session: string };
  const write = encodeCommand(put("a", "x"));
  for (let number = 1; number <= 200; number++)
    applying.one({ kind: "session-write", session, number, write });
  const held = machine.heldBytes - machine.store.heldBytes;
  expect(held).toBeGreaterThan(10 * 500 + 100 * 200);

  const restored = new KvMachine();
  restored.restore(machine.snapshot());
  expect(restored.heldBytes).toBe(machine.heldBytes);
  applying.one({ kind: "session-end", session });
  for (let lease = 1; lease <= 10; lease++)
    applying.one({ kind: "lease-revoke", lease: String(lease), renewedAt: null });
  expect(machine.heldBytes).toBe(machine.store.heldBytes);
});

test("no client session is opened without space, but those that are open may delete", () => {
  const applying = new Applying(new KvMachine());
  const { session } = applying.one({ kind: "session-open" }) as { session: string };
  applying.batch([put("a"), alarm(true)]);
  expect(applying.one({ kind: "session-open" })).toMatchObject({ code: "ERR_NO_SPACE" });
  const write = encodeCommand({ kind: "delete", range: singleKey("a") });
  expect(applying.one({ kind: "session-write", session, number: 1, write })).toMatchObject({
    kind: "delete",
    revision: 3,
  });
});

test("a member that is short of memory refuses what grows at once, and all do so through its alarm, until it has room", async () => {
  const { clock, memory, replica, backend, alarms } = housed({ historyRevisions: 100 });
  replica.become("follower", 2);
  await backend.propose(put("a"));
  memory.isShort = true;
  expect(await rejection(backend.propose(put("b")))).toMatchObject({ code: "ERR_NO_SPACE", outcome: "none" });
  expect(await backend.propose({ kind: "delete", range: singleKey("a") })).toMatchObject({
    kind: "delete",
    revision: 3,
  });
  await clock.pass(200);
  expect(alarms()).toEqual([1]);
  expect(backend.metrics()).toMatchObject({ outOfSpace: 1, shortOfMemory: 1 });
  await clock.pass(1000);
  expect(alarms()).toEqual([1]);
  memory.isShort = false;
  await clock.pass(400);
  expect(alarms()).toEqual([]);
  expect(await backend.propose(put("b"))).toMatchObject({ kind: "put" });
  backend.close();
});

test("a leader lowers its own alarm and those of members that take no part any more, not those of others", async () => {
  const { clock, machine, replica, backend, alarms } = housed({ historyRevisions: 100 });
  const applying = new Applying(machine, 100);
  for (const member of [1, 2, 3]) applying.one({ kind: "alarm", alarm: "no-space", member, isRaised: true });
  await clock.pass(1000);
  expect(alarms()).toEqual([2]);
  replica.become("follower", 2);
  applying.one({ kind: "alarm", alarm: "no-space", member: 3, isRaised: true });
  await clock.pass(1000);
  expect(alarms()).toEqual([2, 3]);
  backend.close();
});
