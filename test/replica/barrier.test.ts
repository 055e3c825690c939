import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { TestCluster } from "./test-cluster.ts";

let cluster: TestCluster;

afterEach(() => cluster.stopAll());

test("those who ask for a barrier between the same two turns wait together; whoever has a limit waits alone", async () => {
  cluster = new TestCluster(3);
  await cluster.startAll();
  const { leader } = cluster;
  const first = leader.barrier();
  expect(leader.barrier({ consistency: "linearizable" })).toBe(first);
  expect(leader.barrier({ timeoutMs: 60_000 })).not.toBe(first);
  expect(leader.barrier({ signal: new AbortController().signal })).not.toBe(first);
  expect(leader.barrier({ consistency: "stale" })).not.toBe(first);
  await first;
  const second = leader.barrier();
  expect(second).not.toBe(first);
  await second;
});

test("a read shows all that was answered before it was asked for, whoever it waits together with", async () => {
  cluster = new TestCluster(3);
  await cluster.startAll();
  const { all } = cluster;
  const step = fc.record({ member: fc.nat(2), writes: fc.boolean(), pause: fc.nat(2) });
  let answered = 0;

  const caller = async (
    steps: readonly { member: number; writes: boolean; pause: number }[],
  ): Promise<void> => {
    for (const { member, writes, pause } of steps) {
      for (let left = pause; left > 0; left--) await null;
      if (writes) answered = Math.max(answered, await all[member]!.propose({ add: 1 }));
      else {
        const before = answered;
        await all[member]!.barrier();
        expect(await all[member]!.query(undefined, { consistency: "stale" })).toBeGreaterThanOrEqual(before);
      }
    }
  };
  const callers = fc.array(fc.array(step, { maxLength: 12 }), { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(callers, async (given) => void (await Promise.all(given.map(caller)))),
    { numRuns: 30 },
  );
});

test("a member that has closed refuses a barrier, also one that others waited for as it closed", async () => {
  cluster = new TestCluster(1);
  await cluster.startAll();
  const { leader } = cluster;
  await leader.close();
  await expect(leader.barrier()).rejects.toMatchObject({ code: "ERR_CLOSED" });
  await expect(leader.barrier()).rejects.toMatchObject({ code: "ERR_CLOSED" });
});
