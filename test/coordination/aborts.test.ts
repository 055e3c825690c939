import { afterEach, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { Coordination } from "../../src/coordination/coordination.ts";
import { open } from "../../src/open.ts";
import type { CallOptions } from "../../src/replica/calls/call.ts";
import type { Store } from "../../src/store.ts";
import { MemoryNetwork } from "../../src/transport/memory-transport.ts";
import { settled } from "../kv/support.ts";
import { World } from "./processes.ts";

const LIMIT_MS = 10_000;
const ROUNDS = 200;
const NAMES = ["n1", "n2", "n3"];

let network: MemoryNetwork;
let stores: Store<string>[] = [];
afterEach(async () => {
  await Promise.all(stores.map((store) => store.close()));
});

const places: Record<string, () => Promise<Store<string>[]>> = {
  "an embedded store": async () => [await open({})],
  "three members": async () => {
    network = new MemoryNetwork({ random: new Random(5) });
    const peers = Object.fromEntries(NAMES.map((name) => [name, ""]));
    const limits = { tickMs: 10, electionTicks: 20, callTimeoutMs: LIMIT_MS };
    const opened = await Promise.all(
      NAMES.map((name) => open({ name, peers, limits, transport: network.transport() })),
    );
    await Promise.all(opened.map((member) => member.ready({ timeoutMs: LIMIT_MS })));
    return opened;
  },
};

/** What is begun with the limits that it is given, and how it is let go should it succeed. */
type Attempt = (coordination: Coordination<string>, limits: CallOptions) => Promise<() => Promise<unknown>>;

const attempts: Record<string, Attempt> = {
  session: async (coordination, limits) => {
    const session = await coordination.session(limits);
    return () => session.close();
  },
  acquire: async (coordination, limits) => {
    const held = await coordination.lock("lock").acquire(limits);
    return () => held.release();
  },
  tryAcquire: async (coordination, limits) => {
    const held = await coordination.lock("lock").tryAcquire(limits);
    return async () => held?.release();
  },
  campaign: async (coordination, limits) => {
    const lead = await coordination.election("election").campaign("me", limits);
    return () => lead.release();
  },
  register: async (coordination, limits) => {
    const registration = await coordination.registry().register({ name: "mail", address: "a:1" }, limits);
    return () => registration.release();
  },
  enter: async (coordination, limits) => {
    const inside = await coordination.doubleBarrier("double", 1).enter(limits);
    return () => inside.leave();
  },
  "enter and leave": async (coordination, limits) => {
    const inside = await coordination.doubleBarrier("double", 1).enter();
    await inside.leave(limits);
    return async () => {};
  },
  dequeue: async (coordination, limits) => {
    await coordination.queue("queue").dequeue(limits);
    return async () => {};
  },
  "wait for a barrier": async (coordination, limits) => {
    await coordination.barrier("held").wait(limits);
    return async () => {};
  },
};

/** Gives up after some turns of the event loop, or some milliseconds, by signal or by timeout. */
function limitsOf(random: Random): CallOptions {
  const ms = random.between(0, 6);
  if (random.fraction() < 0.3) return { timeoutMs: ms };
  const giveUp = new AbortController();
  const turns = random.between(0, 12);
  const step = (left: number): void => {
    if (left === 0) giveUp.abort(new Error("enough"));
    else setImmediate(() => step(left - 1));
  };
  if (random.fraction() < 0.5) step(turns);
  else setTimeout(() => giveUp.abort(new Error("enough")), ms);
  return { signal: giveUp.signal };
}

async function eventually(holds: () => Promise<unknown>, wanted: unknown): Promise<void> {
  const end = Date.now() + LIMIT_MS;
  for (;;) {
    const now = await holds();
    if (JSON.stringify(now) === JSON.stringify(wanted)) return;
    if (Date.now() > end) expect(now).toEqual(wanted);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

for (const [place, begin] of Object.entries(places)) {
  for (const [name, attempt] of Object.entries(attempts)) {
    test(`on ${place}, ${name} that is given up at any moment leaves no lease, key or watch behind`, async () => {
      stores = await begin();
      const [store] = stores as [Store<string>];
      await store.put("held", "");
      const random = new Random(7);
      const coordinations = stores.map((each) => new Coordination(each));
      let given = 0;
      for (let round = 0; round < ROUNDS; round += 10) {
        const batch = Array.from({ length: 10 }, async (_, at) => {
          const coordination = coordinations[(round + at) % stores.length]!;
          const letGo = await attempt(coordination, limitsOf(random)).catch(() => null);
          if (letGo === null) given += 1;
          await letGo?.();
        });
        await Promise.all(batch);
      }
      expect(given).toBeGreaterThan(0);
      await eventually(async () => (await store.leases()).length, 0);
      await eventually(() => store.range().keys(), ["held"]);
      await eventually(
        async () => stores.map((each) => each.metrics().watchers),
        stores.map(() => 0),
      );
    }, 60_000);
  }
}

test("acquires that are given up in a shared session leave its other holds alone, and no key", async () => {
  stores = await places["three members"]!();
  const random = new Random(11);
  const session = await new Coordination(stores[0]!).session();
  const { key } = await new Coordination(stores[0]!).lock("kept").acquire({ session });
  for (let round = 0; round < ROUNDS; round++) {
    const held = await stores[0]!
      .lock("lock")
      .acquire({ ...limitsOf(random), session })
      .catch(() => null);
    await held?.release();
  }
  await eventually(() => stores[0]!.range().keys(), [key]);
  await session.close();
  await eventually(async () => (await stores[0]!.leases()).length, 0);
});

test("a dequeue that is given up by its signal loses no item, and an enqueue leaves nothing but items", async () => {
  stores = await places["an embedded store"]!();
  const [store] = stores as [Store<string>];
  const queue = new Coordination(store).queue("queue");
  const random = new Random(13);
  const signalled = (): CallOptions => {
    for (;;) {
      const limits = limitsOf(random);
      if (limits.signal !== undefined) return limits;
    }
  };
  let there = 0;
  let taken = 0;
  for (let round = 0; round < ROUNDS; round++) {
    await queue.enqueue(String(round), signalled()).catch(() => {});
    there = await store.range({ prefix: "queue/" }).count();
    const item = await queue.dequeue(signalled()).catch(() => null);
    taken += Number(item !== null);
    expect(await store.range({ prefix: "queue/" }).count()).toBe(there - Number(item !== null));
  }
  expect(taken).toBeGreaterThan(0);
  while ((await queue.tryDequeue()) !== undefined);
  expect(await store.range().keys()).toEqual(["queue"]);
});

test("what runs out of time while nobody confirms it says that it may have happened", async () => {
  stores = await places["three members"]!();
  const leader = stores.find((store) => store.status().role === "leader")!;
  const queue = new Coordination(leader).queue("queue");
  await queue.enqueue("item");
  const { name } = leader.status();
  for (const other of NAMES) if (other !== name) network.cut(name, other);
  const late = queue.enqueue("late", { timeoutMs: 150 });
  await expect(late).rejects.toMatchObject({ code: "ERR_TIMEOUT", outcome: "unknown" });
  network.healAll();
});

test("calls that are given up leave no timer behind", async () => {
  const world = new World();
  const { coordination } = world.process();
  await world.process().coordination.lock("lock").acquire();
  await settled();
  const { timers } = world.clock;
  for (const call of [
    (options: CallOptions) => coordination.lock("lock").acquire(options),
    (options: CallOptions) => coordination.election("lock").campaign("me", options),
    (options: CallOptions) => coordination.queue("queue").dequeue(options),
    (options: CallOptions) => coordination.doubleBarrier("double", 2).enter(options),
    (options: CallOptions) => coordination.barrier("lock").wait(options),
  ]) {
    const giveUp = new AbortController();
    const waiting = call({ signal: giveUp.signal, timeoutMs: 1_000_000 }).catch(() => {});
    await settled();
    giveUp.abort();
    await waiting;
    await settled();
  }
  expect(world.clock.timers).toBe(timers);
  expect(world.leases).toBe(1);
  world.close();
});
