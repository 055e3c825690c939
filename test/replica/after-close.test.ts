import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runWell } from "../../scripts/process.ts";
import type { Clock, Timer } from "../../src/base/clock.ts";
import { systemClock } from "../../src/base/clock.ts";
import { Random } from "../../src/base/random.ts";
import { commandCodec } from "../../src/replica/calls/command-codec.ts";
import type { ReplicaOptions } from "../../src/replica/options.ts";
import { Replica } from "../../src/replica/replica.ts";
import { MemoryStorage } from "../../src/storage/memory-storage.ts";
import { MemoryNetwork } from "../../src/transport/memory-transport.ts";
import { type Add, Counter } from "./counter.ts";
import { type CounterReplica, until } from "./test-cluster.ts";

const PROCESS = new URL("after-close-process.ts", import.meta.url).pathname;

/** Knows what it was asked for and has not done yet. */
class CountingClock implements Clock {
  readonly pending = new Set<object>();

  monotonic(): number {
    return systemClock.monotonic();
  }

  wall(): number {
    return systemClock.wall();
  }

  after(ms: number, run: () => void): Timer {
    const asked = {};
    this.pending.add(asked);
    const timer = systemClock.after(ms, () => {
      this.pending.delete(asked);
      run();
    });
    return {
      cancel: () => {
        this.pending.delete(asked);
        timer.cancel();
      },
    };
  }

  soon(run: () => void): void {
    systemClock.soon(run);
  }
}

/** Its state is summed up for as long as it likes. */
class EndlessHash extends Counter {
  beginHash(): () => number | undefined {
    return () => undefined;
  }
}

/** Its sum is its own, and told when the test says so. */
class Diverging extends Counter {
  isSummedUp = true;

  own = 1;

  beginHash(): () => number | undefined {
    return () => (this.isSummedUp ? this.own : undefined);
  }
}

type Options = ReplicaOptions<Add, number, void, number>;

/** Members with clocks that are counted; the first `running` of `size` are started. */
async function members(
  size: number,
  running: number,
  options: Partial<Options> & { makeMachine?: () => Counter } = {},
): Promise<{ clocks: CountingClock[]; all: CounterReplica[]; network: MemoryNetwork }> {
  const network = new MemoryNetwork();
  const names = Array.from({ length: size }, (_, at) => `n${at + 1}`);
  const clocks: CountingClock[] = [];
  const all: CounterReplica[] = [];
  const { makeMachine = () => new Counter(), ...others } = options;
  for (const [at, name] of names.slice(0, running).entries()) {
    const clock = new CountingClock();
    clocks.push(clock);
    const member = await Replica.open<Add, number, void, number>({
      name,
      peers: Object.fromEntries(names.map((peer) => [peer, ""])),
      machine: makeMachine(),
      codec: commandCodec<Add>("json"),
      storage: new MemoryStorage({ storeId: String(at + 1).padStart(32, "0") }),
      transport: network.transport(),
      clock,
      random: new Random(at + 1),
      limits: { tickMs: 5, snapshotEntries: 20, checkpointEntries: 20 },
      ...others,
    });
    all.push(member);
  }
  return { clocks, all, network };
}

/** After it was closed, no timer is left, and none comes. */
async function closesForGood(clocks: CountingClock[], all: CounterReplica[]): Promise<void> {
  await Promise.all(all.map((member) => member.close()));
  for (let look = 0; look < 3; look++) {
    expect(clocks.map(({ pending }) => pending.size)).toEqual(clocks.map(() => 0));
    await new Promise((resolve) => setTimeout(resolve, 7));
  }
}

async function fill(member: CounterReplica, entries = 60): Promise<void> {
  await member.ready();
  for (let count = 0; count < entries; count++) await member.propose({ add: 1 });
}

test("nothing runs on after a member was closed that led, and after its followers were", async () => {
  const { clocks, all } = await members(3, 3);
  await fill(all[0]!);
  await closesForGood(clocks, all);
});

test("nothing runs on after a member was closed that had no quorum, and calls that wait", async () => {
  const { clocks, all } = await members(3, 1);
  const calls = [all[0]!.propose({ add: 1 }, { timeoutMs: 60_000 }), all[0]!.ready({ timeoutMs: 60_000 })];
  const settled = Promise.allSettled(calls);
  await closesForGood(clocks, all);
  expect((await settled).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
});

test("nothing runs on after a member was closed in the middle of summing up its state", async () => {
  const { clocks, all } = await members(1, 1, { makeMachine: () => new EndlessHash() });
  await fill(all[0]!);
  await closesForGood(clocks, all);
});

test("nothing runs on after a member has found in its tick that it differs, while it waits to be closed, and after that", async () => {
  const machines: Diverging[] = [];
  const makeMachine = (): Diverging => {
    const machine = new Diverging();
    machines.push(machine);
    return machine;
  };
  const { clocks, all, network } = await members(3, 3, { makeMachine });
  await Promise.all(all.map((member) => member.ready()));
  const at = all.findIndex((member) => !member.isLeader);
  const [odd, clock] = [all[at]!, clocks[at]!];
  const errors: string[] = [];
  odd.on("error", ({ code }) => errors.push(code));
  Object.assign(machines[at]!, { own: 2, isSummedUp: false });
  // The others agree on what they report; then this one can tell nobody any more, and stops by itself after a time.
  const leader = all.find((member) => member.isLeader)!;
  await until(
    () => leader.status().members.every(({ store }) => store !== undefined),
    "the stores to be agreed on",
  );
  const before = leader.status().applied;
  await fill(leader, 30);
  await until(() => odd.status().applied >= before + 32, "the reports of the others");
  for (const other of all) if (other !== odd) network.cut(odd.name, other.name);
  machines[at]!.isSummedUp = true;
  await until(() => errors.length > 0, "the member to stop");
  expect(errors).toEqual(["ERR_DIVERGED"]);
  await new Promise((resolve) => setTimeout(resolve, 7));
  expect(clock.pending.size).toBe(0);
  await closesForGood(clocks, all);
});

test("nothing runs on after a member was closed whose machine had thrown, and while it waits to be closed", async () => {
  const { clocks, all } = await members(1, 1);
  all[0]!.on("error", () => {});
  const released = new Promise<void>((resolve) => all[0]!.on("close", resolve));
  await all[0]!.propose({ add: 13 }).catch(() => {});
  // Until then there is a limit on how long storage and transport may take to close.
  await released;
  expect(clocks[0]!.pending.size).toBe(0);
  await closesForGood(clocks, all);
});

test("nothing runs on after a member was closed that was removed", async () => {
  const { clocks, all } = await members(3, 3);
  await fill(all[0]!);
  const gone = all.find((member) => !member.isLeader)!;
  gone.on("error", () => {});
  await all.find((member) => member !== gone)!.cluster.remove(gone.name);
  await closesForGood(clocks, all);
});

test("nothing runs on after a member was closed while it was closing, and by its own listeners", async () => {
  const { clocks, all } = await members(1, 1);
  await all[0]!.ready();
  all[0]!.on("close", () => void all[0]!.close());
  all[0]!.on("members", () => void all[0]!.close());
  const added = all[0]!.cluster.add({ name: "n2", address: "" }).catch(() => {});
  await closesForGood(clocks, all);
  await added;
});

test("a process whose stores were closed ends by itself, whatever they were doing", async () => {
  const directory = mkdtempSync(join(tmpdir(), "quorate-close-"));
  try {
    const said = await runWell(process.execPath, ["--import", "tsx", PROCESS, directory], process.cwd());
    const [closed, ended] = [...said.matchAll(/\d+\.?\d*$/gm)].map(Number);
    expect(ended! - closed!).toBeLessThan(1_000);
  } finally {
    rmSync(directory, { recursive: true });
  }
}, 60_000);
