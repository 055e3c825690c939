import { expect, test } from "vitest";
import { open } from "../../src/open.ts";
import { rejection } from "./support.ts";

test("closing a namespace, or a session's view, ends what was begun through it and nothing else", async () => {
  const store = await open({});
  await store.ready();
  const [own, around] = [store.namespace("a/").namespace("b/"), store.namespace("a/")];
  const view = (await store.session()).once();
  const kept = [store.watch("a"), around.watch("a"), await store.lease(60_000)];
  const ended = [own.watch("a"), own.namespace("c/").watch("a"), await own.lease(60_000)];
  own.close();
  view.close();
  expect(ended.map(({ isOver }) => isOver)).toEqual([true, true, true]);
  expect(kept.map(({ isOver }) => isOver)).toEqual([false, false, false]);
  expect((await rejection(own.get("a"))).code).toBe("ERR_CLOSED");
  expect(() => own.namespace("c/").range()).toThrow(/closed/);
  expect((await rejection(view.get("a"))).code).toBe("ERR_CLOSED");
  await around.put("x", "1");
  expect(await store.get("a/x")).toBe("1");

  const within = around.namespace("d/").watch("a");
  await store.close();
  expect([within, ...kept].every(({ isOver }) => isOver)).toBe(true);
  expect((await rejection(around.get("x"))).code).toBe("ERR_CLOSED");
});

test("views that come and go leave nothing behind in the store that they are of", async () => {
  const store = await open({});
  await store.ready();
  const watch = store.namespace("a/").watch("b");
  for (let round = 0; round < 1_000; round++) store.namespace(`${round}/`).close();
  await watch.close();
  expect(store.metrics().watchers).toBe(0);
  await store.close();
});

test("a lease that is shorter than the shortest is refused, with the least that is granted", async () => {
  const store = await open({});
  await store.ready();
  expect(await rejection(store.lease(10))).toMatchObject({
    code: "ERR_INVALID_ARGUMENT",
    message: expect.stringContaining("from 500 to"),
    outcome: "none",
  });
  expect((await rejection(store.lock("a").acquire({ ttlMs: 499 }))).message).toContain("from 500 to");
  expect((await store.lease(500)).ttlMs).toBe(500);
  await store.close();
});
