import { afterEach, expect, test } from "vitest";
import { connect } from "../../src/client/connect.ts";
import { Coordination } from "../../src/coordination/coordination.ts";
import { serveEtcd } from "../../src/etcd/server.ts";
import { open } from "../../src/open.ts";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** Something that waits, on a store where somebody else is first. */
const WAITING: Record<string, (recipes: Coordination<string>) => Promise<unknown>> = {
  "lock.acquire": (recipes) => recipes.lock("l").acquire(),
  "lock.acquire with a session": async (recipes) => {
    const session = await recipes.session();
    return recipes.lock("l").acquire({ session });
  },
  "lock.run": (recipes) => recipes.lock("l").run(() => {}),
  "a read lock": (recipes) => recipes.readWriteLock("rw").read.acquire(),
  "a write lock": (recipes) => recipes.readWriteLock("rw").write.acquire(),
  "election.campaign": (recipes) => recipes.election("e").campaign("me"),
  whileLeading: (recipes) => recipes.election("e").whileLeading(() => {}),
  "barrier.wait": (recipes) => recipes.barrier("b").wait(),
  "doubleBarrier.enter": (recipes) => recipes.doubleBarrier("d", 9).enter(),
  "queue.dequeue": (recipes) => recipes.queue("q").dequeue(),
};

test.each(["local", "remote", "namespace"])(
  "every recipe that waits on a %s store says ERR_CLOSED when that is closed",
  async (kind) => {
    const store = await open({});
    await store.ready();
    ends.push(() => store.close());
    let waiting: { close(): unknown };
    let recipes: Coordination<string>;
    const others = new Coordination(kind === "namespace" ? store.namespace("ns/") : store);
    await others.lock("l").acquire();
    await others.readWriteLock("rw").write.acquire();
    await others.election("e").campaign("other");
    await others.barrier("b").hold();
    if (kind === "remote") {
      const server = await serveEtcd(store, { listen: { port: 0 } });
      ends.push(() => server.close());
      const remote = await connect({ endpoints: server.urls });
      [waiting, recipes] = [remote, new Coordination(remote)];
    } else if (kind === "namespace") {
      const view = store.namespace("ns/");
      [waiting, recipes] = [view, new Coordination(view)];
    } else [waiting, recipes] = [store, others];
    const calls = Object.values(WAITING).map((begin) => begin(recipes));
    const outcomes = Promise.allSettled(calls);
    // Six of them stand in line under a lease of their own; the others only look.
    await expect.poll(async () => (await store.leases()).length, { timeout: 10_000 }).toBeGreaterThan(10);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await waiting.close();
    const codes = (await outcomes).map((outcome, at) => [
      Object.keys(WAITING)[at],
      outcome.status === "rejected" ? outcome.reason.code : outcome.status,
    ]);
    expect(codes).toEqual(Object.keys(WAITING).map((name) => [name, "ERR_CLOSED"]));
  },
  30_000,
);
