import { afterEach, beforeEach, expect, test } from "vitest";
import type { Leader } from "../../src/coordination/election.ts";
import { rejection, settled } from "../kv/support.ts";
import { left, type Process, stateOf, World } from "./processes.ts";

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.close());

const election = (process: Process) => process.coordination.election("scheduler");

/** Notes what an observer is told, until the world ends. */
function observed(process: Process): (string | undefined)[] {
  const told: (string | undefined)[] = [];
  void left(
    (async () => {
      for await (const leader of election(process).observe()) told.push(leader?.value);
    })(),
  );
  return told;
}

test("one of those who campaign leads, and the next in line follows when it resigns", async () => {
  const [one, two] = [world.process(), world.process()];
  expect(await election(one).leader()).toBeUndefined();
  const first = await election(one).campaign("one");
  const second = election(two).campaign("two");
  expect(await stateOf(second)).toBe("waiting");
  expect(await election(two).leader()).toEqual({ key: first.key, value: "one", fence: first.fence });
  await first.release();
  expect((await second).fence).toBeGreaterThan(first.fence);
  expect((await election(one).leader())?.value).toBe("two");
});

test("observers are told who leads, each change once, wherever they watch", async () => {
  const [one, two] = [world.process(), world.process()];
  const told = [observed(one), observed(world.process())];
  await settled();
  const first = await election(one).campaign("one");
  const second = election(two).campaign("two");
  await settled();
  await first.proclaim("one, again");
  await first.proclaim("one, again");
  await first.release();
  await (await second).release();
  await settled();
  for (const each of told) expect(each).toEqual([undefined, "one", "one, again", "two", undefined]);
});

test("an observer goes on when the history that it needed was compacted", async () => {
  const [one, two] = [world.process(), world.process()];
  const told = observed(two);
  await settled();
  two.cut();
  const seat = await election(one).campaign("one");
  await seat.proclaim("changed");
  for (let put = 0; put < 3; put++) await world.kv.put("x", "");
  await world.kv.compact(world.leader.machine.store.revision);
  two.heal();
  await settled();
  expect(told.at(-1)).toBe("changed");
});

test("whoever observes can stop, by leaving the loop or by its signal", async () => {
  const process = world.process();
  for await (const leader of election(process).observe()) {
    expect(leader).toBeUndefined();
    break;
  }
  const stop = new AbortController();
  const reason = new Error("stop");
  const leaders: AsyncGenerator<Leader | undefined> = election(process).observe({ signal: stop.signal });
  await leaders.next();
  const next = expect(leaders.next()).rejects.toBe(reason);
  stop.abort(reason);
  await next;
});

test("only the leader proclaims", async () => {
  const [one, two] = [world.process(), world.process()];
  const first = await election(one).campaign("one");
  await world.kv.delete(first.key);
  await settled();
  expect((await rejection(first.proclaim("still me"))).code).toBe("ERR_LOCK_LOST");
  const second = await election(two).campaign("two");
  await second.release();
  expect((await rejection(second.proclaim("still me"))).code).toBe("ERR_LOCK_LOST");
  expect(await election(one).leader()).toBeUndefined();
});

/** Work that goes on until it is told to stop, and notes what happens. */
function working(process: Process, name: string, notes: string[], signal?: AbortSignal): Promise<unknown> {
  return election(process).whileLeading(
    async (term) => {
      notes.push(`${name} begins`);
      await new Promise((resolve) => term.signal.addEventListener("abort", resolve));
      notes.push(`${name} ends`);
    },
    { value: name, ttlMs: 2000, signal },
  );
}

test("a handler runs only while it leads, and again when the lead comes back", async () => {
  const [one, two] = [world.process(), world.process()];
  const notes: string[] = [];
  void left(working(one, "one", notes));
  await settled();
  void left(working(two, "two", notes));
  await world.pass(10_000);
  expect(notes).toEqual(["one begins"]);

  one.cut();
  await world.pass(5000);
  expect(notes).toEqual(["one begins", "one ends", "two begins"]);
  one.heal();
  await world.pass(3000);
  two.cut();
  await world.pass(5000);
  expect(notes.slice(3)).toEqual(["two ends", "one begins"]);
});

test("the lead is given up only when the handler has ended, and its result is passed on", async () => {
  const [one, two] = [world.process(), world.process()];
  let finish = (_result: string): void => {};
  const first = election(one).whileLeading(() => new Promise<string>((resolve) => (finish = resolve)));
  await settled();
  const second = election(two).whileLeading(({ fence }) => fence);
  expect(await stateOf(second)).toBe("waiting");
  finish("done");
  expect(await first).toBe("done");
  expect(await second).toBeGreaterThan(0);
  expect(await world.keys()).toEqual([]);
});

test("a handler that fails while it leads ends the campaign with its error", async () => {
  const failing = election(world.process()).whileLeading(() => Promise.reject(new Error("broken")));
  await expect(failing).rejects.toThrow("broken");
  expect(await world.keys()).toEqual([]);
});

test("a campaign is ended by its signal, after the handler, or while it waits", async () => {
  const [one, two] = [world.process(), world.process()];
  const [stop, reason] = [new AbortController(), new Error("enough")];
  const notes: string[] = [];
  const leading = working(one, "one", notes, stop.signal);
  await settled();
  const waiting = working(two, "two", notes, stop.signal);
  const both = [expect(leading).rejects.toBe(reason), expect(waiting).rejects.toBe(reason)];
  await settled();
  stop.abort(reason);
  await Promise.all(both);
  expect(notes).toEqual(["one begins", "one ends"]);
  await settled();
  expect(await world.keys()).toEqual([]);
});
