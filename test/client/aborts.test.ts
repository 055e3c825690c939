import { expect, test, vi } from "vitest";
import { connect } from "../../src/client/connect.ts";
import { serveEtcd } from "../../src/etcd/server.ts";
import { open } from "../../src/open.ts";

test("acquires on a store elsewhere that are given up at any moment leave no lease and no key behind", async () => {
  const store = await open({});
  const server = await serveEtcd(store, { listen: { port: 0 } });
  const client = await connect({ endpoints: server.urls });
  await client.ready();
  const results = await Promise.all(
    Array.from({ length: 200 }, async (_, round) => {
      await new Promise((resolve) => setTimeout(resolve, 2 * round));
      const giveUp = new AbortController();
      setTimeout(() => giveUp.abort(new Error("enough")), round % 9);
      const held = await client
        .lock(`lock-${round % 3}`)
        .acquire({ signal: giveUp.signal })
        .catch(() => null);
      await held?.release();
      return held;
    }),
  );
  expect(results.some((held) => held === null)).toBe(true);
  await vi.waitFor(
    async () => expect([(await store.leases()).length, await store.range().keys()]).toEqual([0, []]),
    { timeout: 10_000, interval: 50 },
  );
  await client.close();
  await server.close();
  await store.close();
}, 30_000);
