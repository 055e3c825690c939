import { afterEach, expect, test } from "vitest";
import { ByteWriter } from "../../src/base/bytes.ts";
import { pack } from "../../src/base/codec.ts";
import { decodeContext, encodeContext } from "../../src/replica/apply/snapshot-context.ts";
import { Requests } from "../../src/replica/calls/requests.ts";
import { TestCluster } from "./test-cluster.ts";

let cluster: TestCluster;

afterEach(() => cluster?.stopAll());

test("a member that has proposed 2^32 commands proposes more, leads or follows, and again after a restart", async () => {
  const firstSequence = 2 ** 32 - 5;
  cluster = new TestCluster(3, {}, { snapshotEntries: 30, callTimeoutMs: 5_000 }, undefined, {
    firstSequence,
  });
  await cluster.startAll();
  for (let count = 0; count < 20; count++) for (const member of cluster.all) await member.propose({ add: 1 });
  expect(await cluster.leader.query()).toBe(60);
  // Another start, whose numbers begin again: below those of the one before.
  cluster.options = { firstSequence: 0 };
  for (const name of cluster.names) {
    await cluster.stop(name);
    await cluster.start(name);
  }
  await Promise.all(cluster.all.map((member) => member.ready()));
  for (let count = 0; count < 20; count++) for (const member of cluster.all) await member.propose({ add: 1 });
  expect(await cluster.leader.query()).toBe(120);
});

test("a member whose directory was opened millions of times asks the core by numbers that differ", () => {
  for (const bootEpoch of [1, 2 ** 21 - 1, 2 ** 21, 2 ** 33]) {
    const requests = new Requests(bootEpoch);
    const asked = [requests.next(), requests.next()];
    expect(asked.every((request) => Number.isSafeInteger(request) && request > 0)).toBe(true);
    expect(new Set(asked).size).toBe(2);
  }
});

test("a number that an encoding cannot hold is refused, not cut short", () => {
  const writer = new ByteWriter();
  for (const value of [2 ** 53, -1, Number.NaN]) expect(() => writer.u64(value)).toThrow("2^53");
  for (const value of [2 ** 32, -1, 0.5, Number.NaN]) expect(() => writer.u32(value)).toThrow("2^32");
});

test("a snapshot's context of another version is refused by its version", () => {
  const context = { members: [], sessions: [[7, 2, 2 ** 40, [2 ** 41]]] as const, time: 1.5, log: 9 };
  expect(decodeContext(encodeContext(context))).toEqual(context);
  for (const [bytes, found] of [
    [pack([[], [[7, 4, []]], 0, 0]), 1],
    [pack([3, [], [], 0, 0]), 3],
    [Uint8Array.of(0xc1), 0],
  ] as const) {
    expect(() => decodeContext(bytes)).toThrow(
      expect.objectContaining({
        code: "ERR_INCOMPATIBLE",
        details: { what: "snapshot context", found, supported: 2 },
      }),
    );
  }
});
