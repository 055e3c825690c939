import { afterEach, beforeEach, expect, test } from "vitest";
import { untilDeleted } from "../../src/coordination/key-lifetime.ts";
import { rejection, settled } from "../kv/support.ts";
import { left, stateOf, World } from "./processes.ts";

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.close());

test("a key that was deleted and made again in what was compacted since has another life", async () => {
  const { kv } = world.process();
  const { revision } = await kv.put("a", "first");
  await kv.delete("a");
  await kv.put("a", "second");
  await kv.put("b", "");
  await kv.compact(world.leader.machine.store.revision);
  const old = { key: "a", createRevision: revision, seenAt: revision };
  expect(await stateOf(untilDeleted(kv, old, undefined))).toBe("resolved");

  const present = { ...old, createRevision: revision + 2 };
  const over = left(untilDeleted(kv, present, undefined));
  expect(await stateOf(over)).toBe("waiting");
  await kv.delete("a");
  expect(await stateOf(over)).toBe("resolved");
});

test("a leader whose key was deleted proclaims nothing, also before it is told of that", async () => {
  const one = world.process();
  const lead = await one.coordination.election("e").campaign("one");
  // Both are agreed on before anybody is told.
  const deleted = one.kv.delete(lead.key);
  const proclaimed = rejection(lead.proclaim("still me"));
  await deleted;
  expect(await proclaimed).toMatchObject({ code: "ERR_LOCK_LOST", outcome: "none" });
  await settled();
  expect(await world.keys()).toEqual([]);
  expect(await one.coordination.election("e").leader()).toBeUndefined();
});
