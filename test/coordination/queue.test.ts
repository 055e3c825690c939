import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Coordination } from "../../src/coordination/coordination.ts";
import { encodeCommand } from "../../src/kv/machine/command-codec.ts";
import { rejection, settled } from "../kv/support.ts";
import { left, stateOf, World } from "./processes.ts";

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.close());

test("what went in first comes out first, whoever takes it, and each item once", async () => {
  const [one, two] = [world.process(), world.process()].map(({ coordination }) => coordination.queue("jobs"));
  for (let job = 0; job < 20; job++) await (job % 2 === 0 ? one! : two!).enqueue(`job ${job}`);
  let fence = 0;
  for (let job = 0; job < 20; job++) {
    const item = await (job % 3 === 0 ? one! : two!).dequeue();
    expect(item.value).toBe(`job ${job}`);
    expect(item.fence).toBeGreaterThan(fence);
    fence = item.fence;
  }
  expect(await one!.tryDequeue()).toBeUndefined();
});

test("who finds the queue empty waits for the next item", async () => {
  const [one, two] = [world.process().coordination.queue("jobs"), world.process().coordination.queue("jobs")];
  const taken = one.dequeue();
  expect(await stateOf(taken)).toBe("waiting");
  await world.kv.put("jobs-of-others", "");
  await two.enqueue("a");
  expect((await taken).value).toBe("a");

  const late = rejection(one.dequeue({ timeoutMs: 1000 }));
  await world.pass(1100);
  expect((await late).code).toBe("ERR_TIMEOUT");
  await two.enqueue("b");
  expect((await two.dequeue()).value).toBe("b");
});

test("values are those of the store, in its own codec", async () => {
  const { kv } = world.process();
  const queue = new Coordination(kv.namespace("team/", { values: "json" })).queue("jobs");
  await queue.enqueue({ kind: "mail", to: [1, 2] });
  expect((await queue.dequeue()).value).toEqual({ kind: "mail", to: [1, 2] });
});

test("an item that cannot be decoded jams nobody, stays where it is, and can be listed and taken", async () => {
  const { kv } = world.process();
  const json = kv.namespace("", { values: "json" });
  const [jobs, text] = [new Coordination(json).queue("jobs"), new Coordination(kv).queue("jobs")];
  await text.enqueue("not json");
  await jobs.enqueue({ at: 1 });
  await text.enqueue("nor this");
  await jobs.enqueue({ at: 2 });
  expect((await jobs.dequeue()).value).toEqual({ at: 1 });
  expect((await jobs.tryDequeue())?.value).toEqual({ at: 2 });
  expect(await jobs.tryDequeue()).toBeUndefined();
  const waiting = jobs.dequeue();
  expect(await stateOf(waiting)).toBe("waiting");
  await text.enqueue("a third");
  expect(await stateOf(waiting)).toBe("waiting");
  await jobs.enqueue({ at: 3 });
  expect((await waiting).value).toEqual({ at: 3 });

  const left = await jobs.undecodable();
  expect(left.map(({ bytes }) => new TextDecoder().decode(bytes))).toEqual([
    "not json",
    "nor this",
    "a third",
  ]);
  expect(left[0]?.error).toMatchObject({ code: "ERR_DECODE", details: { key: left[0]?.key } });
  const told: number[] = [];
  const item = await jobs.tryDequeue({
    onDecodeError: ({ bytes, revision }) => {
      told.push(revision);
      return bytes.length > 7 ? bytes.length : undefined;
    },
  });
  expect([item?.value, told]).toEqual([8, [left[0]?.revision]]);
  expect((await jobs.dequeue({ onDecodeError: "raw" })).value).toEqual(new TextEncoder().encode("nor this"));
  expect((await text.dequeue()).value).toBe("a third");
  expect(await jobs.undecodable()).toEqual([]);
});

test("keys under a queue's name that are no items are neither taken nor in the way", async () => {
  const { kv, coordination } = world.process();
  const others = [
    "jobs/",
    "jobs/0",
    "jobs/00000000000000x",
    "jobs/abc/0123",
    "jobs/0000000000000G",
    "jobs/zz",
  ];
  for (const key of others) await kv.put(key, "not mine");
  await world.leader.propose(encodeCommand({ kind: "put", key: "jobs/0\xff", value: "not text", lease: "" }));
  const queue = coordination.queue("jobs");
  expect(await queue.tryDequeue()).toBeUndefined();
  const waiting = queue.dequeue();
  await kv.put("jobs/0000000000001", "thirteen digits");
  expect(await stateOf(waiting)).toBe("waiting");
  await queue.enqueue("item");
  expect((await waiting).value).toBe("item");
  expect(await kv.range({ prefix: "jobs/" }).count()).toBe(others.length + 2);
});

test("however producers and consumers interleave, nothing is taken twice and nothing is left out", async () => {
  const side = fc.record({ process: fc.nat(2), isProducer: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(side, { maxLength: 30 }), async (sides) => {
      const story = new World();
      const queues = [0, 1, 2].map(() => story.process().coordination.queue("jobs"));
      const taken: Promise<string>[] = [];
      const produced: Promise<void>[] = [];
      for (const [at, { process, isProducer }] of sides.entries()) {
        const queue = queues[process]!;
        if (isProducer) produced.push(queue.enqueue(String(at)));
        else taken.push(left(queue.dequeue().then(({ value }) => value)));
        if (at % 3 === 0) await settled();
      }
      await Promise.all(produced);
      const missing = taken.length - produced.length;
      for (let at = 0; at < missing; at++) await queues[0]!.enqueue(`more ${at}`);
      const values = await Promise.all(taken);
      for (
        let item = await queues[0]!.tryDequeue();
        item !== undefined;
        item = await queues[0]!.tryDequeue()
      ) {
        values.push(item.value);
      }
      expect(new Set(values).size).toBe(values.length);
      expect(values).toHaveLength(Math.max(taken.length, produced.length));
      story.close();
    }),
    { numRuns: 60 },
  );
});
