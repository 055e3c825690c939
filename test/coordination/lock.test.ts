import { afterEach, beforeEach, expect, test } from "vitest";
import { Coordination } from "../../src/coordination/coordination.ts";
import type { Held } from "../../src/coordination/hold.ts";
import { rejection, settled } from "../kv/support.ts";
import { left, Resource, stateOf, World } from "./processes.ts";

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.close());

test("a lock goes to one at a time, first come first served, and each fence is greater than the last", async () => {
  const lock = () => world.process().coordination.lock("nightly");
  const first = await lock().acquire();
  const order: number[] = [];
  const waiting = [1, 2, 3].map(async (at) => {
    await settled();
    const held = await lock().acquire();
    order.push(at);
    return held;
  });
  await settled();
  await world.pass(60_000);
  expect(order).toEqual([]);

  let fence = first.fence;
  await first.release();
  for (const next of waiting) {
    const held = await next;
    expect(held.fence).toBeGreaterThan(fence);
    fence = held.fence;
    await held.release();
  }
  expect(order).toEqual([1, 2, 3]);
  expect(await world.keys()).toEqual([]);
});

test("the key of a hold is the name and the lease in hexadecimal, as etcd's own recipes have it", async () => {
  const { kv, coordination } = world.process();
  for (let grants = 0; grants < 30; grants++) await (await kv.lease(1000)).revoke();
  const held = await coordination.lock("nightly").acquire();
  const entry = await kv.entry(held.key);
  expect(held.key).toBe(`nightly/${Number(entry?.lease).toString(16)}`);
  expect(held.key).not.toBe(`nightly/${entry?.lease}`);
  expect(entry?.createRevision).toBe(held.fence);
});

test("a lock that is taken is not had at once, and trying leaves nothing behind", async () => {
  const [one, other] = [world.process(), world.process()];
  const held = await one.coordination.lock("a").tryAcquire();
  expect(held?.fence).toBeGreaterThan(0);
  const keys = await world.keys();
  expect(await other.coordination.lock("a").tryAcquire()).toBeUndefined();
  expect(await world.keys()).toEqual(keys);
  await held?.release();
  expect(await other.coordination.lock("a").tryAcquire()).not.toBeUndefined();
});

test("of many who try at the same moment one has it, and the others leave the line", async () => {
  const tried = await Promise.all(
    Array.from({ length: 10 }, () => world.process().coordination.lock("a").tryAcquire()),
  );
  await settled();
  expect(tried.filter((held) => held !== undefined)).toHaveLength(1);
  expect(await world.keys()).toHaveLength(1);
});

test("holds of one session share its lease, and still exclude each other", async () => {
  const { coordination } = world.process();
  const session = await coordination.session();
  const lock = coordination.lock("a");
  const [first, other] = [await lock.acquire({ session }), await coordination.lock("b").acquire({ session })];
  const second = lock.acquire({ session });
  expect(await stateOf(second)).toBe("waiting");
  expect(world.leases).toBe(1);
  await first.release();
  expect((await second).fence).toBeGreaterThan(other.fence);

  await session.close();
  for (const held of [await second, other]) expect(held.signal.aborted).toBe(true);
  expect(await world.keys()).toEqual([]);
});

test("other keys under the same prefix neither hold nor keep anybody waiting", async () => {
  const { kv, coordination } = world.process();
  const lease = await kv.lease(10_000);
  await kv.put("jobs/1", "data");
  await kv.put("jobs/2", "data", { lease });
  await coordination.lock("jobs/nightly").acquire();
  await coordination.lock("jobs").acquire({ timeoutMs: 1000 });
});

test("a lock on a namespace is another one than the same name outside of it", async () => {
  const { kv, coordination } = world.process();
  await coordination.lock("a").acquire();
  const held = await new Coordination(kv.namespace("team/")).lock("a").acquire({ timeoutMs: 1000 });
  expect(await world.keys()).toContain(`team/${held.key}`);
});

test("who gives up waiting, by signal or by timeout, leaves the line", async () => {
  const [one, two, three] = [world.process(), world.process(), world.process()];
  const first = await one.coordination.lock("a").acquire();
  const giveUp = new AbortController();
  const reason = new Error("enough");
  const byTimeout = rejection(two.coordination.lock("a").acquire({ timeoutMs: 3000 }));
  const bySignal = expect(two.coordination.lock("a").acquire({ signal: giveUp.signal })).rejects.toBe(reason);
  const last = three.coordination.lock("a").acquire();
  await settled();
  expect(await world.keys()).toHaveLength(4);
  giveUp.abort(reason);
  await bySignal;
  await world.pass(3100);
  expect(await byTimeout).toMatchObject({ code: "ERR_TIMEOUT", outcome: "none", retryable: true });
  expect(await world.keys()).toHaveLength(2);
  expect(world.leases).toBe(2);

  await first.release();
  expect((await last).signal.aborted).toBe(false);
});

test("who gives up waiting on a shared session leaves the line and keeps its other holds", async () => {
  const { coordination } = world.process();
  const other = await world.process().coordination.lock("a").acquire();
  const session = await coordination.session();
  const kept = await coordination.lock("b").acquire({ session });
  const late = rejection(coordination.lock("a").acquire({ session, timeoutMs: 100 }));
  await world.pass(200);
  expect((await late).code).toBe("ERR_TIMEOUT");
  await settled();
  expect((await world.keys()).sort()).toEqual([other.key, kept.key].sort());
});

test("a signal that has aborted already, or a name without text, gets nothing and writes nothing", async () => {
  const { coordination } = world.process();
  const reason = new Error("no");
  await expect(coordination.lock("a").acquire({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  expect((await rejection(coordination.lock("a").acquire({ timeoutMs: -1 }))).code).toBe(
    "ERR_INVALID_ARGUMENT",
  );
  expect(() => coordination.lock("")).toThrow("a name must be text");
  expect(await world.keys()).toEqual([]);
});

test("a departure wakes the next in line and nobody else", async () => {
  const holders = await Promise.all(Array.from({ length: 20 }, () => world.process()));
  const first = await holders[0]!.coordination.lock("a").acquire();
  const session = await Promise.all(holders.slice(1).map(({ coordination }) => coordination.session()));
  const waiting = holders
    .slice(1)
    .map(({ coordination }, at) => left(coordination.lock("a").acquire({ session: session[at]! })));
  await settled();
  await settled();
  const asked = () => holders.reduce((sum, { barriers }) => sum + barriers, 0);
  const before = asked();
  await first.release();
  await waiting[0];
  await settled();
  expect(asked()).toBe(before + 1);
});

test("a holder that cannot be reached is told before another has the lock, and releasing then does not fail", async () => {
  const [one, other] = [world.process(), world.process()];
  const held = await one.coordination.lock("a").acquire({ ttlMs: 3000 });
  const told: string[] = [];
  held.signal.addEventListener("abort", () => told.push("lost"));
  const next = other.coordination
    .lock("a")
    .acquire()
    .then((taken) => {
      told.push("taken");
      return taken;
    });
  one.cut();
  await world.pass(2600);
  expect(told).toEqual([]);
  await world.pass(5000);
  expect(told).toEqual(["lost", "taken"]);
  expect(held.signal.reason).toMatchObject({
    code: "ERR_LOCK_LOST",
    details: { key: held.key, reason: "its session is over" },
    cause: { code: "ERR_TIMEOUT" },
  });
  expect((await next).fence).toBeGreaterThan(held.fence);
  await held.release();
  expect((await next).signal.aborted).toBe(false);
});

test("who waits and cannot be reached for too long has lost its place", async () => {
  const [one, other] = [world.process(), world.process()];
  await one.coordination.lock("a").acquire();
  const waiting = rejection(other.coordination.lock("a").acquire({ ttlMs: 2000 }));
  await settled();
  other.cut();
  await world.pass(5000);
  expect(await waiting).toMatchObject({
    code: "ERR_LOCK_LOST",
    retryable: true,
    cause: { code: "ERR_TIMEOUT" },
  });
});

test("whoever deletes the key takes the lock away, and whoever deletes a waiting key the place", async () => {
  const [one, other] = [world.process(), world.process()];
  const held = await one.coordination.lock("a").acquire();
  const waiting = other.coordination.lock("a").acquire();
  await settled();
  const [, place] = await one.coordination.lock("a").waiters();
  await world.kv.delete(place!.key);
  await world.kv.delete(held.key);
  expect(await rejection(waiting)).toMatchObject({
    code: "ERR_LOCK_LOST",
    details: { reason: "its key was deleted" },
  });
  expect(held.signal.reason).toMatchObject({ details: { reason: "its key was deleted" } });
});

test("a lock outlasts the compaction of the history in which it was taken", async () => {
  const [one, other] = [world.process(), world.process()];
  const held = await one.coordination.lock("a").acquire();
  for (let put = 0; put < 10; put++) await world.kv.put("x", String(put));
  await world.kv.compact(world.leader.machine.store.revision);
  const next = other.coordination.lock("a").acquire();
  expect(await stateOf(next)).toBe("waiting");
  await held.release();
  expect((await next).signal.aborted).toBe(false);
});

test("a store that is closed ends its holds and its waiting", async () => {
  const [one, other] = [world.process(), world.process()];
  const held = await one.coordination.lock("a").acquire();
  const waiting = rejection(other.coordination.lock("a").acquire());
  await settled();
  one.kv.close();
  other.kv.close();
  expect((await waiting).code).toMatch(/ERR_LOCK_LOST|ERR_CLOSED/);
  expect(held.signal.aborted).toBe(true);
  await held.release();
});

test("run holds the lock while the work goes on, also when the work fails", async () => {
  const { coordination } = world.process();
  const lock = coordination.lock("a");
  expect(await lock.run(({ fence }) => fence)).toBeGreaterThan(0);
  await expect(lock.run(() => Promise.reject(new Error("work")))).rejects.toThrow("work");
  const early = lock.run(async (held) => {
    await held.release();
    expect(held.signal.reason).toMatchObject({ details: { reason: "it was released" } });
    return "done";
  });
  expect(await early).toBe("done");
  expect(await world.keys()).toEqual([]);
});

test("run does not report work as done that the lock did not outlast", async () => {
  const process = world.process();
  const running = rejection(
    process.coordination
      .lock("a")
      .run(({ signal }) => new Promise((resolve) => signal.addEventListener("abort", resolve)), {
        ttlMs: 2000,
      }),
  );
  await settled();
  process.cut();
  await world.pass(3000);
  expect((await running).code).toBe("ERR_LOCK_LOST");
});

test("a process that stood still acts too late, and what checks fences refuses it", async () => {
  const [one, other] = [world.process(), world.process()];
  const resource = new Resource();
  const old = await one.coordination.lock("a").acquire({ ttlMs: 2000 });
  expect(resource.write(old.fence)).toBe(true);
  one.clock.stop();
  const next = other.coordination.lock("a").acquire();
  await world.pass(5000);
  expect(resource.write((await next).fence)).toBe(true);
  // It knows nothing yet: without the fence this write would get through.
  expect(old.signal.aborted).toBe(true);
  expect(resource.write(old.fence)).toBe(false);
  one.clock.resume();
  await settled();
});

test("readers share, writers are alone, and nobody overtakes a writer who waits", async () => {
  const lock = () => world.process().coordination.readWriteLock("a");
  const readers = await Promise.all([lock().read.acquire(), lock().read.acquire()]);
  const writer = lock().write.acquire();
  expect(await stateOf(writer)).toBe("waiting");
  const late = lock().read.acquire();
  expect(await lock().read.tryAcquire()).toBeUndefined();
  expect(await stateOf(late)).toBe("waiting");
  await readers[1]!.release();
  expect(await stateOf(writer)).toBe("waiting");
  await readers[0]!.release();
  const written: Held = await writer;
  expect(await stateOf(late)).toBe("waiting");
  await written.release();
  expect((await late).fence).toBeGreaterThan(written.fence);
  expect(await lock().write.tryAcquire()).toBeUndefined();
  expect(await lock().read.tryAcquire()).not.toBeUndefined();
  expect(await world.process().coordination.lock("a").tryAcquire()).toBeUndefined();
});
