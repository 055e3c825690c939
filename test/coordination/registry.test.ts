import { afterEach, beforeEach, expect, test } from "vitest";
import { settled } from "../kv/support.ts";
import { left, type Process, World } from "./processes.ts";

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.close());

const registry = (process: Process) => process.coordination.registry();

test("instances are listed while they are registered, those that came first in front", async () => {
  const [one, two] = [world.process(), world.process()];
  const first = await registry(one).register({ name: "mail", address: "a:1", metadata: { zone: "x" } });
  const second = await registry(two).register({ name: "mail", address: "b:1" });
  await registry(two).register({ name: "mail/archive", address: "c:1" });
  const listed = await registry(one).services("mail");
  expect(listed).toMatchObject([
    { name: "mail", address: "a:1", metadata: { zone: "x" } },
    { name: "mail", address: "b:1" },
  ]);
  expect(listed[1]!.fence).toBeGreaterThan(listed[0]!.fence);
  expect(await registry(one).services("mail/archive")).toMatchObject([{ name: "mail/archive" }]);
  await first.release();
  await second.release();
  expect(await registry(one).services("mail")).toEqual([]);
});

test("a watch tells the list, now and after every change", async () => {
  const [one, two] = [world.process(), world.process()];
  const first = await registry(one).register({ name: "mail", address: "a:1" });
  const lists: string[][] = [];
  void left(
    (async () => {
      for await (const services of registry(two).watch("mail")) {
        lists.push(services.map(({ address }) => address));
      }
    })(),
  );
  await settled();
  await registry(two).register({ name: "mail", address: "b:1" });
  await registry(two).register({ name: "other", address: "c:1" });
  await first.release();
  await settled();
  expect(lists).toEqual([["a:1"], ["a:1", "b:1"], ["b:1"]]);
});

test("an instance that cannot be reached is gone from the list, and comes back by itself", async () => {
  const [one, other] = [world.process(), world.process()];
  const addresses = async () => (await registry(other).services("mail")).map(({ address }) => address);
  const registration = await registry(one).register({ name: "mail", address: "a:1" }, { ttlMs: 2000 });
  one.cut();
  await world.pass(5000);
  expect(await addresses()).toEqual([]);
  one.heal();
  await world.pass(1000);
  expect(await addresses()).toEqual(["a:1"]);
  one.cut();
  await world.pass(5000);
  one.heal();
  await world.pass(1000);
  expect(await addresses()).toEqual(["a:1"]);
  await registration.release();
  await world.pass(5000);
  expect(await addresses()).toEqual([]);
  expect(world.leases).toBe(0);
});

test("an instance that was released while it could not be reached does not come back", async () => {
  const one = world.process();
  const registration = await registry(one).register({ name: "mail", address: "a:1" }, { ttlMs: 1000 });
  one.cut();
  await world.pass(3000);
  expect(registration.signal.aborted).toBe(false);
  await registration.release();
  expect(registration.signal.aborted).toBe(true);
  one.heal();
  await world.pass(3000);
  expect(await world.keys()).toEqual([]);
});

test("what no instance has written is not in the list, and is in nobody's way", async () => {
  const one = world.process();
  const lists: number[] = [];
  void left(
    (async () => {
      for await (const services of registry(one).watch("mail")) lists.push(services.length);
    })(),
  );
  const registration = await registry(one).register({ name: "mail", address: "a:1" });
  const lease = await one.kv.lease(60_000);
  const key = `services/mail/${Number(lease.id).toString(16)}`;
  for (const stray of ["not json", "null", "7", "[]", "{}", '{"address":5}']) {
    await one.kv.put(key, stray, { lease });
    await one.kv.put("services/mail/stray", stray);
    expect(await registry(one).services("mail")).toMatchObject([{ address: "a:1" }]);
  }
  await one.kv.put(key, '{"address":"b:1","metadata":null}', { lease });
  expect(await registry(one).services("mail")).toMatchObject([{ address: "a:1" }, { address: "b:1" }]);
  await one.kv.put(key, "not json again", { lease });
  expect(await registry(one).services("mail")).toMatchObject([{ address: "a:1" }]);
  await registration.release();
  await settled();
  expect(new Set(lists)).toEqual(new Set([0, 1, 2]));
  expect(lists.at(-1)).toBe(0);
});

test("a registration ends with its store, and says so", async () => {
  const one = world.process();
  const registration = await registry(one).register({ name: "mail", address: "a:1" });
  one.kv.close();
  await settled();
  expect(registration.signal.reason).toMatchObject({ code: "ERR_CLOSED" });
});
