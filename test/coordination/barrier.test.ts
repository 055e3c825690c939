import { afterEach, beforeEach, expect, test } from "vitest";
import { rejection, settled } from "../kv/support.ts";
import { left, stateOf, World } from "./processes.ts";

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.close());

test("a barrier keeps everybody waiting until it is opened, and nobody while it is open", async () => {
  const barrier = () => world.process().coordination.barrier("gate");
  await barrier().wait();
  await barrier().hold();
  await barrier().hold();
  const waiting = [barrier().wait(), barrier().wait()];
  await world.pass(60_000);
  expect(await stateOf(waiting[0]!)).toBe("waiting");
  await barrier().release();
  await Promise.all(waiting);
  await barrier().release();
});

test("whoever waits at a barrier can give up", async () => {
  const barrier = world.process().coordination.barrier("gate");
  await barrier.hold();
  const late = rejection(barrier.wait({ timeoutMs: 1000 }));
  await world.pass(1100);
  expect((await late).code).toBe("ERR_TIMEOUT");
});

test("a double barrier lets all in together and lets all out together, time and again", async () => {
  const processes = [world.process(), world.process(), world.process()];
  const barriers = processes.map(({ coordination }) => coordination.doubleBarrier("phase", 3));
  for (let round = 0; round < 3; round++) {
    const entering = barriers.slice(0, 2).map((barrier) => barrier.enter());
    expect(await stateOf(entering[0]!)).toBe("waiting");
    const inside = await Promise.all([...entering, barriers[2]!.enter()]);
    expect(new Set(inside.map(({ fence }) => fence)).size).toBe(3);

    const leaving = inside.slice(1).map((one) => one.leave());
    expect(await stateOf(leaving[0]!)).toBe("waiting");
    await Promise.all([...leaving, inside[0]!.leave()]);
    await settled();
    expect(await world.keys()).toEqual([]);
  }
});

test("one who learns late that all had come is let in although others have left again", async () => {
  const [slow, quick] = [world.process(), world.process()];
  const entering = slow.coordination.doubleBarrier("phase", 2).enter({ ttlMs: 5000 });
  await settled();
  slow.cut();
  const inside = await quick.coordination.doubleBarrier("phase", 2).enter();
  const leaving = inside.leave();
  expect(await stateOf(leaving)).toBe("waiting");
  slow.heal();
  await (await entering).leave();
  await leaving;
});

test("who crashed inside is waited for no longer than its lease lasts", async () => {
  const [one, other] = [world.process(), world.process()];
  const inside = await Promise.all(
    [one, other].map(({ coordination }) => coordination.doubleBarrier("phase", 2).enter({ ttlMs: 2000 })),
  );
  one.cut();
  const leaving = inside[1]!.leave();
  await world.pass(5000);
  await leaving;
  expect(inside[0]!.signal.aborted).toBe(true);
});

test("who gives up before all have come, or was not heard of, is not counted", async () => {
  const [one, two, three] = [world.process(), world.process(), world.process()];
  const late = rejection(one.coordination.doubleBarrier("phase", 2).enter({ timeoutMs: 1000 }));
  await world.pass(1100);
  expect((await late).code).toBe("ERR_TIMEOUT");
  const lost = rejection(two.coordination.doubleBarrier("phase", 2).enter({ ttlMs: 1000 }));
  await settled();
  two.cut();
  await world.pass(3000);
  expect((await lost).code).toBe("ERR_LOCK_LOST");
  const entering = left(three.coordination.doubleBarrier("phase", 2).enter());
  expect(await stateOf(entering)).toBe("waiting");
  expect(() => three.coordination.doubleBarrier("phase", 0)).toThrow("count");
});
