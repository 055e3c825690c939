import { afterEach, expect, it } from "vitest";
import { TestCluster } from "../test-cluster.ts";

let cluster: TestCluster;
afterEach(() => cluster.stopAll());

it("commands that wait are bounded by what they weigh, and room is made as they are settled", async () => {
  cluster = new TestCluster(1, {}, { proposalBytesMax: 5_000 });
  await cluster.startAll();
  const results = await Promise.allSettled(
    Array.from({ length: 10 }, () => cluster.leader.propose({ add: 1 })),
  );
  const refused = results.filter(({ status }) => status === "rejected") as PromiseRejectedResult[];
  expect(refused.length).toBeGreaterThan(4);
  expect(refused[0]!.reason).toMatchObject({
    code: "ERR_BUSY",
    outcome: "none",
    details: { what: "bytes of proposals", limit: 5_000 },
  });
  for (let at = 0; at < 20; at++) await cluster.leader.propose({ add: 1 });
});
