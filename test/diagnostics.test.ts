import { subscribe, tracingChannel, unsubscribe } from "node:diagnostics_channel";
import { expect, test } from "vitest";
import { open } from "../src/open.ts";
import { rejection } from "./kv/support.ts";

test("a member tells its events and the course of its calls to whoever subscribes", async () => {
  const told: unknown[] = [];
  const onRole = (message: unknown) => told.push(message);
  subscribe("quorate:role", onRole);
  const traced: { member: string; bytes: number; error?: unknown }[] = [];
  const nothing = () => {};
  const tracing = {
    start: nothing,
    end: nothing,
    asyncStart: nothing,
    asyncEnd: (message: object) => traced.push(message as (typeof traced)[number]),
    error: nothing,
  };
  const store = await open({ name: "n1" });
  await store.ready();
  await store.put("a", "1");
  tracingChannel("quorate:propose").subscribe(tracing);
  await store.put("a", "2");
  await rejection(store.put("a", "x".repeat(2_000_000)));
  tracingChannel("quorate:propose").unsubscribe(tracing);
  await store.put("a", "4");
  await store.close();
  unsubscribe("quorate:role", onRole);

  expect(told).toContainEqual({ member: "n1", args: ["leader", expect.any(Number)] });
  expect(traced).toMatchObject([
    { member: "n1", bytes: expect.any(Number) },
    { error: { code: "ERR_TOO_LARGE" } },
  ]);
});

test("a store gives its numbers, and those of its member", async () => {
  const store = await open({});
  await store.ready();
  const watch = store.watch({ all: true });
  await store.put("a", "1");
  await expect(store.compact(99)).rejects.toMatchObject({ code: "ERR_FUTURE_REVISION" });
  for await (const _ of watch) break;
  const lease = await store.lease(60_000);
  const metrics = store.metrics();
  expect(metrics).toMatchObject({
    ...{ revision: 2, compactRevision: -1, keys: 1, leases: 1, sessions: 0, watchers: 0, watchersBehind: 0 },
    ...{ commandsTotal: 3, refusalsTotal: 1, watchEventsTotal: 1, outOfSpace: 0 },
    ...{ isLeader: 1, hasLeader: 1, proposals: 0 },
  });
  expect(metrics.heldBytes).toBeGreaterThan(0);
  expect(Object.values(metrics).every((value) => typeof value === "number")).toBe(true);
  await lease.revoke();
  await store.close();
});
