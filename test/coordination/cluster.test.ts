import { afterEach, beforeEach, expect, test } from "vitest";
import { QuorateError } from "../../src/base/errors.ts";
import { Random } from "../../src/base/random.ts";
import { Coordination } from "../../src/coordination/coordination.ts";
import { open } from "../../src/open.ts";
import type { Store } from "../../src/store.ts";
import { MemoryNetwork } from "../../src/transport/memory-transport.ts";
import { Resource } from "./processes.ts";

const NAMES = ["n1", "n2", "n3"];
const LIMIT_MS = 10_000;
/** Short, for holds that a test waits to see lost; others keep the usual time, which a busy machine cannot use up. */
const TTL = { ttlMs: 600 };

let network: MemoryNetwork;
let members: Map<string, Store<string>>;

beforeEach(async () => {
  network = new MemoryNetwork({ random: new Random(3) });
  const peers = Object.fromEntries(NAMES.map((name) => [name, ""]));
  const limits = { tickMs: 10, electionTicks: 10, callTimeoutMs: LIMIT_MS };
  const opened = NAMES.map(async (name): Promise<[string, Store<string>]> => {
    return [name, await open({ name, peers, limits, transport: network.transport() })];
  });
  members = new Map(await Promise.all(opened));
  await Promise.all([...members.values()].map((member) => member.ready({ timeoutMs: LIMIT_MS })));
});

afterEach(async () => {
  network.healAll();
  await Promise.all([...members.values()].map((member) => member.close()));
});

const all = (): Store<string>[] => [...members.values()];
const leader = (): Store<string> => all().find((member) => member.status().role === "leader")!;
const followers = (): Store<string>[] => all().filter((member) => member !== leader());

function isolate(member: Store<string>): void {
  const { name } = member.status();
  for (const other of NAMES) if (other !== name) network.cut(name, other);
}

/** Resolves when the signal aborts; bounded, as every wait here. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(() => reject(new Error(`waited ${LIMIT_MS} ms for a signal`)), LIMIT_MS).unref();
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

test("work on three members under one lock never overlaps, and its fences only grow", async () => {
  const resource = new Resource();
  let inside = 0;
  let sum = 0;
  const works = Array.from({ length: 12 }, (_, at) =>
    all()
      [at % 3]!.lock("counter")
      .run(
        async ({ fence }) => {
          inside += 1;
          expect(inside).toBe(1);
          const before = sum;
          await new Promise((resolve) => setImmediate(resolve));
          expect(resource.write(fence)).toBe(true);
          sum = before + 1;
          inside -= 1;
        },
        { timeoutMs: LIMIT_MS },
      ),
  );
  await Promise.all(works);
  expect(sum).toBe(12);
  expect(new Set(resource.accepted).size).toBe(12);
  expect(await leader().range().count()).toBe(0);
});

test("a holder that is cut off is told before another member has the lock, and its fence is refused", async () => {
  const resource = new Resource();
  const [cutOff, other] = [leader(), followers()[0]!];
  const held = await cutOff.lock("a").acquire(TTL);
  resource.write(held.fence);
  const told: string[] = [];
  held.signal.addEventListener("abort", () => told.push("lost"));
  isolate(cutOff);
  const next = await other.lock("a").acquire({ timeoutMs: LIMIT_MS });
  told.push("taken");
  expect(told).toEqual(["lost", "taken"]);
  expect(resource.write(next.fence)).toBe(true);
  expect(resource.write(held.fence)).toBe(false);

  network.healAll();
  await held.release();
  expect(next.signal.aborted).toBe(false);
  await next.release();
});

test("a change of the cluster's leader takes no lock away and loses nobody's place", async () => {
  const stopped = leader();
  const [one, other] = followers();
  const held = await one!.lock("a").acquire();
  const waiting = other!.lock("a").acquire({ timeoutMs: LIMIT_MS });
  await stopped.close();
  members.delete(stopped.status().name);
  await one!.put("x", "the others go on", { timeoutMs: LIMIT_MS });
  await one!.get("x", { timeoutMs: LIMIT_MS });
  expect(held.signal.aborted).toBe(false);
  await held.release();
  expect((await waiting).fence).toBeGreaterThan(held.fence);
  await (await waiting).release();
});

test("who waits on a member that is cut off loses its place, in bounded time", async () => {
  const [one, cutOff] = followers();
  const held = await one!.lock("a").acquire();
  const waiting = cutOff!.lock("a").acquire(TTL);
  const failed = waiting.then(
    () => null,
    (error: unknown) => error,
  );
  while ((await one!.lock("a").waiters()).length < 2) await one!.get("x");
  isolate(cutOff!);
  const error = await failed;
  expect(QuorateError.is(error, "ERR_LOCK_LOST")).toBe(true);
  expect(held.signal.aborted).toBe(false);
  await held.release();
});

test("a handler moves to another member when its own is cut off, and never runs on both", async () => {
  const running: string[] = [];
  const begun: string[] = [];
  const stop = new AbortController();
  const enough = new Error("enough");
  const began = new Map(NAMES.map((name) => [name, new AbortController()]));
  const campaigns = all().map((member) => {
    const { name } = member.status();
    return member.election("scheduler").whileLeading(
      async ({ signal }) => {
        running.push(name);
        begun.push(name);
        began.get(name)!.abort();
        expect(running).toHaveLength(1);
        await aborted(signal);
        running.pop();
      },
      { ...TTL, value: name, signal: stop.signal },
    );
  });
  const ends = campaigns.map((campaign) => expect(campaign).rejects.toBe(enough));
  await Promise.race([...began.values()].map(({ signal }) => aborted(signal)));
  const first = begun[0]!;
  isolate(members.get(first)!);
  const others = NAMES.filter((name) => name !== first);
  await Promise.race(others.map((name) => aborted(began.get(name)!.signal)));
  const observer = members.get(others[0]!)!;
  expect((await observer.election("scheduler").leader())?.value).toBe(begun[1]);
  network.healAll();
  stop.abort(enough);
  await Promise.all(ends);
  expect(begun.slice(0, 2)).toEqual([first, expect.not.stringMatching(first)]);
});

test("queues, barriers and the registry work from every member", async () => {
  const [one, two, three] = all().map((member) => new Coordination(member));
  const item = three!.queue("jobs").dequeue({ timeoutMs: LIMIT_MS });
  await one!.queue("jobs").enqueue("job");
  expect((await item).value).toBe("job");

  const barriers = [one!, two!, three!].map((each) => each.doubleBarrier("phase", 3));
  const inside = await Promise.all(barriers.map((barrier) => barrier.enter({ timeoutMs: LIMIT_MS })));
  await Promise.all(inside.map((each) => each.leave({ timeoutMs: LIMIT_MS })));

  const registration = await two!.registry().register({ name: "mail", address: "a:1" });
  expect(await three!.registry().services("mail")).toMatchObject([{ address: "a:1" }]);
  await registration.release();
  expect(await one!.registry().services("mail")).toEqual([]);
});
