import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { CommandRandom } from "../../src/replica/command-random.ts";
import type { Applied } from "../../src/replica/state-machine.ts";
import { type Add, Counter } from "./counter.ts";
import { TestCluster } from "./test-cluster.ts";

let cluster: TestCluster;

afterEach(() => cluster?.stopAll());

const draws = (clusterId: string, index: number): number[] => {
  const random = new CommandRandom(clusterId).at(index);
  return [random(), random(), random()];
};

test("a command draws the same numbers wherever and whenever it is applied, and others than its neighbours and other clusters", () => {
  fc.assert(
    fc.property(fc.string(), fc.maxSafeNat(), (clusterId, index) => {
      const drawn = draws(clusterId, index);
      expect(draws(clusterId, index)).toEqual(drawn);
      for (const number of drawn) expect(number >= 0 && number < 1).toBe(true);
      expect(new Set(drawn).size).toBe(3);
      expect(draws(clusterId, index + 1)).not.toEqual(drawn);
      expect(draws(clusterId, index + 2 ** 32)).not.toEqual(drawn);
      expect(draws(`${clusterId}'`, index)).not.toEqual(drawn);
    }),
  );
});

test("the first numbers of many commands are spread evenly", () => {
  const counts = new Array<number>(10).fill(0);
  for (let index = 1; index <= 10_000; index++) counts[Math.floor(draws("c", index)[0]! * 10)]! += 1;
  for (const count of counts) expect(count).toBeGreaterThan(850);
  for (const count of counts) expect(count).toBeLessThan(1150);
});

/** Adds a number of its own choice. */
class Gambler extends Counter {
  override apply(batch: readonly Applied<Add>[]): number[] {
    return super.apply(batch.map((applied) => ({ ...applied, command: { add: applied.random() } })));
  }
}

test("members that draw at random agree", async () => {
  cluster = new TestCluster(3, {}, {}, () => new Gambler());
  await cluster.startAll();
  for (let at = 0; at < 20; at++) await cluster.all[at % 3]!.propose({ add: 0 });
  const sums = await Promise.all(cluster.all.map((member) => member.query()));
  expect(new Set(sums).size).toBe(1);
  expect(sums[0]).toBeGreaterThan(4);
});
