import { afterEach, expect, test } from "vitest";
import { QuorateError } from "../../src/base/errors.ts";
import { createReplica } from "../../src/open.ts";
import { MemoryStorage } from "../../src/storage/memory-storage.ts";
import { Counter } from "./counter.ts";
import { TestCluster, until } from "./test-cluster.ts";

const POISON = { add: 13 };
let cluster: TestCluster;

afterEach(() => cluster?.stopAll());

async function failure(call: Promise<unknown>): Promise<QuorateError> {
  const reason: unknown = await call.then(
    () => null,
    (error: unknown) => error,
  );
  if (QuorateError.is(reason)) return reason;
  throw new Error(`expected a QuorateError, not ${String(reason)}`);
}

test("by default a command that makes the machine throw stops each member that applies it, until nobody can commit any more", async () => {
  cluster = new TestCluster(3);
  await cluster.startAll();
  const error = await failure(cluster.leader.propose(POISON));
  expect(error).toMatchObject({ code: "ERR_APPLY", outcome: "unknown" });
  const failed = () => cluster.all.filter((member) => member.status().state === "failed");
  await until(() => failed().length === 2, "a majority to stop");
});

test("where it is to be reported only its proposer hears of it, and all members go on without it", async () => {
  cluster = new TestCluster(3, {}, {}, undefined, { onApplyError: "report" });
  await cluster.startAll();
  const { leader, followers } = cluster;
  const calls = [1, 13, 2, 13, 3].map((add) => followers[0]!.propose({ add }));
  const outcomes = await Promise.allSettled(calls);
  expect(outcomes.map((each) => (each.status === "fulfilled" ? each.value : each.reason.code))).toEqual([
    1,
    "ERR_APPLY",
    3,
    "ERR_APPLY",
    6,
  ]);
  const error = await failure(leader.propose(POISON));
  expect(error).toMatchObject({
    code: "ERR_APPLY",
    outcome: "none",
    retryable: false,
    cause: { message: "not 13" },
  });
  expect(error.message).toContain("not 13");
  expect(await Promise.all(cluster.all.map((member) => member.query()))).toEqual([6, 6, 6]);
});

test("a member that starts again meets the reported command again, and goes on as before", async () => {
  cluster = new TestCluster(1, {}, {}, undefined, { onApplyError: "report" });
  await cluster.startAll();
  await cluster.leader.propose({ add: 4 });
  await failure(cluster.leader.propose(POISON));
  await cluster.leader.propose({ add: 5 });
  await cluster.stop("n1");
  const again = await cluster.start("n1");
  await again.ready();
  expect(await again.query()).toBe(9);
});

test("bytes that the codec cannot read are reported like a machine that throws", async () => {
  const storage = new MemoryStorage({ storeId: "0".repeat(32) });
  let decoded = 0;
  const replica = await createReplica<string, number>({
    machine: { apply: (batch) => batch.map(() => 1), query: () => 0, snapshot: () => [], restore: () => {} },
    codec: {
      name: "picky",
      encode: (text) => new TextEncoder().encode(text),
      decode: (bytes) => {
        const text = new TextDecoder().decode(bytes);
        // Its proposer can decode it; those that apply it cannot, as with another release.
        if (text === "bad" && ++decoded > 1) throw new Error("bad");
        return text;
      },
    },
    storage,
    onApplyError: "report",
  });
  expect(await replica.propose("good")).toBe(1);
  expect(await failure(replica.propose("bad"))).toMatchObject({ code: "ERR_APPLY", outcome: "none" });
  expect(await replica.propose("good")).toBe(1);
  await replica.close();
});

test("what this process alone may have met stops the member all the same, and so does a wrong number of results", async () => {
  const endless = (): number => endless() + 1;
  const wrong: ((batch: readonly unknown[]) => number[])[] = [() => [endless()], () => [], () => [1, 2]];
  for (const apply of wrong) {
    const machine = { apply, query: () => 0, snapshot: () => [], restore: () => {} };
    const replica = await createReplica<string, number>({ machine, onApplyError: "report" });
    expect(await failure(replica.propose("x"))).toMatchObject({ code: "ERR_APPLY", outcome: "unknown" });
    expect(replica.status().state).toBe("failed");
    await replica.close();
  }
});

test("what an engine throws at an argument, it throws on every member: it is reported", async () => {
  const causes: (() => unknown)[] = [
    () => new Uint8Array(-1),
    () => new Array(-1),
    () => new ArrayBuffer(-1),
    () => "x".repeat(2 ** 30),
    () => Buffer.alloc(-1),
    () => 2n ** (2n ** 40n),
    () => {
      throw new RangeError("the length of the row is over its limit");
    },
    () => {
      throw new Error("seat allocation failed");
    },
    () => {
      throw new RangeError("seat allocation failed");
    },
    () => {
      throw null;
    },
  ];
  const machine = {
    apply: (batch: readonly { command: number }[]) =>
      batch.map(({ command }) => Number(causes[command]?.() ?? 7)),
    query: () => 0,
    snapshot: () => [],
    restore: () => {},
  };
  const replica = await createReplica<number, number>({ machine, onApplyError: "report" });
  for (const at of causes.keys())
    expect(await failure(replica.propose(at)), String(at)).toMatchObject({
      code: "ERR_APPLY",
      outcome: "none",
    });
  expect(await replica.propose(causes.length)).toBe(7);
  await replica.close();
});

test("what a process throws that has run out of stack or memory stops the member, though the machine wraps it", async () => {
  const causes: (() => unknown)[] = [
    () => new ArrayBuffer(2 ** 45),
    () => JSON.stringify(nested(100_000)),
    () => {
      throw new RangeError("Out of memory"); // JavaScriptCore
    },
    () => {
      try {
        new ArrayBuffer(2 ** 45);
      } catch (cause) {
        throw new Error("cannot make room for it", { cause });
      }
    },
  ];
  for (const [at, cause] of causes.entries()) {
    const machine = {
      apply: () => [Number(cause())],
      query: () => 0,
      snapshot: () => [],
      restore: () => {},
    };
    const replica = await createReplica<number, number>({ machine, onApplyError: "report" });
    expect(await failure(replica.propose(1)), String(at)).toMatchObject({
      code: "ERR_APPLY",
      outcome: "unknown",
    });
    expect(replica.status().state).toBe("failed");
    await replica.close();
  }
});

function nested(depth: number): unknown {
  let value: unknown = 0;
  for (let level = 0; level < depth; level++) value = [value];
  return value;
}

test("an unknown way to meet an error is refused", async () => {
  const onApplyError = "ignore" as "report";
  expect(await failure(createReplica({ machine: new Counter(), onApplyError }))).toMatchObject({
    code: "ERR_INVALID_ARGUMENT",
    details: { argument: "onApplyError" },
  });
});
