import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { type Clock, systemClock } from "../../../src/base/clock.ts";
import { Random } from "../../../src/base/random.ts";
import { Raft } from "../../../src/raft/raft.ts";
import { Applier } from "../../../src/replica/apply/applier.ts";
import { Checkpoints } from "../../../src/replica/apply/checkpoints.ts";
import { sealCommand } from "../../../src/replica/apply/envelope.ts";
import { Execution } from "../../../src/replica/apply/execution.ts";
import { commandCodec } from "../../../src/replica/calls/command-codec.ts";
import { CommandTime } from "../../../src/replica/calls/command-time.ts";
import { Proposals } from "../../../src/replica/calls/proposals.ts";
import { Requests } from "../../../src/replica/calls/requests.ts";
import { CommandRandom } from "../../../src/replica/command-random.ts";
import { Directory } from "../../../src/replica/members/directory.ts";
import { DEFAULT_LIMITS } from "../../../src/replica/options.ts";
import { type Add, Counter } from "../counter.ts";
import { TestCluster } from "../test-cluster.ts";

const YEAR_MS = 365 * 86_400_000;
const SECOND_MS = 1_000;

let cluster: TestCluster | null = null;

afterEach(async () => {
  await cluster?.stopAll();
  cluster = null;
});

/** A clock that is set by hand. */
function handClock() {
  const now = { monotonic: 0, wall: 0 };
  return { now, monotonic: () => now.monotonic, wall: () => now.wall };
}

function ahead(ms: number): Clock {
  return {
    monotonic: () => systemClock.monotonic(),
    wall: () => systemClock.wall() + ms,
    after: (span, run) => systemClock.after(span, run),
    soon: (run) => systemClock.soon(run),
  };
}

test("time is the wall clock's while that goes forward", () => {
  const clock = handClock();
  const time = new CommandTime(clock);
  for (const wall of [1_000, 1_007, 5_000, YEAR_MS]) {
    clock.now.wall = wall;
    clock.now.monotonic += 1;
    expect(time.now()).toBe(wall);
  }
});

test("time that was agreed a year ahead of the wall clock passes on, and they meet after sixteen times as long", () => {
  const clock = handClock();
  const time = new CommandTime(clock);
  const aheadMs = YEAR_MS;
  time.agreed(aheadMs);
  for (let second = 1; second <= 3_600; second++) {
    clock.now.monotonic += SECOND_MS;
    clock.now.wall += SECOND_MS;
    // However often it is asked in between.
    for (let ask = 0; ask < 3; ask++) time.now();
    expect(time.now()).toBe(Math.floor(aheadMs + (second * SECOND_MS * 15) / 16));
  }
  clock.now.monotonic += 16 * YEAR_MS;
  clock.now.wall += 16 * YEAR_MS;
  expect(time.now()).toBe(clock.now.wall);
});

test("time never goes back, whatever the wall clock does and other leaders have said, and never stands still", () => {
  const step = fc.record({
    passed: fc.nat(60_000),
    jump: fc.integer({ min: -YEAR_MS, max: YEAR_MS }),
    agreed: fc.option(fc.nat(YEAR_MS)),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const clock = handClock();
      const time = new CommandTime(clock);
      let last = 0;
      for (const { passed, jump, agreed } of steps) {
        clock.now.monotonic += passed;
        clock.now.wall += passed + jump;
        if (agreed !== null) time.agreed(agreed);
        const now = time.now();
        expect(now).toBeGreaterThanOrEqual(Math.max(last, agreed ?? 0));
        if (agreed === null) expect(now - last).toBeGreaterThanOrEqual(Math.floor((passed * 15) / 16) - 1);
        last = now;
      }
    }),
  );
});

test("a forwarded command has its leader's time, not that of the member which proposed it", async () => {
  cluster = new TestCluster(3);
  const { names } = cluster;
  cluster.clockOf = (name) => ahead((names.indexOf(name) - 1) * YEAR_MS);
  await cluster.startAll();
  const { leader, followers } = cluster;
  const wall = cluster.clockOf(leader.name).wall();
  for (const follower of followers) await follower.propose({ add: 1 });
  const times = cluster.machines.get(leader.name)!.times;
  expect(times).toHaveLength(2);
  for (const time of times) expect(Math.abs(time - wall)).toBeLessThan(60 * SECOND_MS);
});

test("under leaders whose wall clocks are years apart time never goes back, and goes on under each at about the true rate", async () => {
  cluster = new TestCluster(3);
  const three = cluster;
  cluster.clockOf = (name) => ahead((three.names.indexOf(name) - 1) * YEAR_MS);
  await cluster.startAll();
  for (const name of ["n3", "n1", "n2"]) {
    if (three.leader.name !== name) await three.leader.cluster.transfer(name);
    const { leader } = three;
    const { times } = three.machines.get(name)!;
    const began = performance.now();
    await leader.propose({ add: 1 });
    const first = times.at(-1)!;
    while (times.at(-1)! - first < 60 && performance.now() - began < 5_000) await leader.propose({ add: 1 });
    expect(times.at(-1)! - first).toBeGreaterThanOrEqual(60);
    expect(performance.now() - began).toBeGreaterThan(55);
  }
  const { times } = three.machines.get("n1")!;
  expect(times).toEqual(times.toSorted((a, b) => a - b));
});

test("commands whose times go back, as a new leader may append them before it has applied all, have the latest time before them", () => {
  const machine = new Counter();
  const codec = commandCodec<Add>("json");
  const directory = new Directory(new Map());
  directory.put({ id: 1, name: "n1" });
  const proposer = { origin: 1, epoch: 1 };
  const time = new CommandTime(systemClock);
  const applier = new Applier(
    proposer,
    machine,
    new Execution(machine, codec, new CommandRandom("c"), "stop"),
    directory,
    new Proposals<number>(proposer, 0, systemClock, time, DEFAULT_LIMITS, new Requests(1)),
    new Checkpoints({
      id: 1,
      clock: systemClock,
      everyEntries: 1_000,
      electionTicks: 10,
      beginHash: () => undefined,
      onDiverged() {},
    }),
    () => {},
  );
  const membership = {
    ...{ voters: [1], outgoing: [], learners: [], learnersNext: [], autoLeave: false, removed: [] },
  };
  const raft = new Raft(
    { id: 1 },
    {
      hardState: { term: 1, vote: undefined, commit: 1 },
      snapshot: { index: 1, term: 1, membership },
      entries: [],
      applied: 1,
      lostTerm: undefined,
    },
    { random: new Random(1), latestSnapshot: () => undefined },
  );
  const times = [500, 400, 600, 0, 600.5, 599];
  const entries = times.map((each, at) => {
    const command = codec.encode({ add: 1 });
    const data = sealCommand({ ...proposer, sequence: at, settledBelow: 0, time: each, command });
    return { index: at + 2, term: 1, kind: "command" as const, data };
  });
  applier.apply(entries, raft);
  expect(machine.times).toEqual([500, 500, 600, 600, 600.5, 600.5]);
  expect(applier.time).toBe(600.5);
});
