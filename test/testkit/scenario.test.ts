import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Applied, StateMachine } from "../../src/replica/state-machine.ts";
import { scenarioTestOf } from "../../src/testkit/runners/scenario-test.ts";
import { scenarioTest } from "../../src/testkit/runners/vitest.ts";
import { type Action, parseScenario, type Scenario } from "../../src/testkit/scenario.ts";
import { Director } from "../../src/testkit/script/director.ts";
import { ScenarioFailure, scenario } from "../../src/testkit/script/scenario.ts";
import type { Script, ScriptMember } from "../../src/testkit/script/script.ts";
import { Stage } from "../../src/testkit/script/stage.ts";
import { shrinkScenario } from "../../src/testkit/shrink.ts";
import { replay, systemOf } from "../../src/testkit/simulate.ts";
import { jsonChunks, jsonOf } from "./machines/sample.ts";

/** Adds numbers up. */
class Sum implements StateMachine<number, number, "sum", number> {
  protected sum = 0;

  apply(batch: readonly Applied<number>[]): number[] {
    return batch.map(({ command }) => {
      this.sum += command;
      return this.sum;
    });
  }

  query(_asked: "sum"): number {
    return this.sum;
  }

  snapshot(): Iterable<Uint8Array> {
    return jsonChunks(this.sum);
  }

  restore(chunks: Iterable<Uint8Array>): void {
    this.sum = jsonOf(chunks);
  }
}

/** Keeps nothing of what it is given back. */
class Forgetful extends Sum {
  override restore(): void {
    this.sum = 0;
  }
}

type SumScript = Script<number, number, "sum", number>;
const sum = { machine: () => new Sum() };

const forgetful = { machine: () => new Forgetful() };

/** A member is killed after it has taken a snapshot, and starts again. */
function comesBack(s: SumScript): void {
  const leader = s.untilLeader();
  const away = s.others(leader)[0]!;
  s.propose(1).answer();
  s.until(() => away.applied === leader.applied);
  s.snapshot(away);
  s.pass(500);
  s.crash(away).end();
  s.propose(1).answer();
}

/** One of the things that a script may do, at any time. */
function anything(s: SumScript, what: number, member: ScriptMember): unknown {
  if (what === 0 && s.leader !== undefined) return s.propose(1);
  if (what === 1) return s.query("sum", { to: member });
  if (what === 2 && member.isUp) return s.crash(member, { how: "lose-all" });
  if (what === 3 && member.isUp) return s.pause(member);
  if (what === 4) return s.partition([[member], s.others(member)]);
  if (what === 5) return s.snapshot(member);
  if (what === 6) return s.slowDisk(member, 10, { forMs: 50 });
  return s.heal();
}

function failureOf(run: () => unknown): ScenarioFailure {
  try {
    run();
  } catch (error) {
    if (error instanceof ScenarioFailure) return error;
    throw error;
  }
  throw new Error("it does not fail");
}

/** Everything that a script can do, once. */
function everything(s: SumScript): void {
  const leader = s.untilLeader();
  const [one, two] = s.others(leader, s.member("n4"));
  s.propose(1).answer();
  const split = s.partition([[leader, one!], [two!]]);
  const call = s.propose(2, { to: leader, client: 1 });
  s.until(() => leader.committed >= 4);
  s.crash(leader, { how: "lose-all" });
  split.end();
  const next = s.untilLeader(one!, two!);
  s.query("sum", { to: next });
  s.cut(one!, two!, { forMs: 100 });
  s.pause(two!, { forMs: 300 });
  s.pass(200);
  s.heal();
  s.untilLeader();
  s.slowDisk(one!, 20);
  s.add(s.member("n4"));
  s.until(() => s.member("n4").applied > 4);
  s.fillDisk(s.member("n4"));
  s.snapshot(one!);
  s.propose(3, { client: 2 });
  s.pass(50);
  s.transfer(two!);
  s.do({ kind: "clock-jump", member: 0, ms: 1_000 });
  s.pause(two!);
  s.pass(10);
  s.settle();
  expect(call.outcome).not.toBeUndefined();
  s.expect("sum", s.look(leader, "sum"));
}

describe("a script", () => {
  it("elects, proposes, cuts the power of the leader, and expects what was answered", () => {
    scenario("no number is lost when the leader dies after it said yes", sum, (s) => {
      const leader = s.untilLeader();
      expect(s.propose(10).answer()).toBe(10);
      s.crash(leader, { how: "lose-all" });
      s.untilLeader();
      expect(s.query("sum").answer()).toBe(10);
      s.propose(5);
      s.settle();
      s.expect("sum", 15);
    });
  });

  it("stops at the very moment at which something comes to hold", () => {
    scenario("a leader alone commits nothing", sum, (s) => {
      const leader = s.untilLeader();
      s.until(() => s.members.every(({ applied }) => applied === leader.lastIndex));
      const before = leader.committed;
      s.partition([[leader], s.others(leader)]);
      const lonely = s.propose(1, { to: leader });
      s.until(() => leader.saved > before);
      expect(leader).toMatchObject({ role: "leader", isUp: true, isLeader: true, committed: before });
      const next = s.untilLeader(...s.others(leader));
      expect(next.term).toBe(leader.term + 1);
      expect(lonely.outcome).toBeUndefined();
      s.heal();
      expect(lonely.answer()).toBe(1);
      s.settle();
      s.expect("sum", 1, next, leader);
    });
  });

  it("has calls refused that nobody takes", () => {
    scenario("a call to a member that is down", sum, (s) => {
      const down = s.others(s.untilLeader())[0]!;
      s.crash(down);
      const call = s.propose(1, { to: down });
      expect(call.outcome).toBe("refused");
      expect(() => call.answer()).toThrow("the call was not answered: refused, the member does not run");
    });
  });

  it("finds what a machine forgets, without chance", () => {
    const failure = failureOf(() =>
      scenario("a member comes back", { machine: () => new Forgetful() }, comesBack),
    );
    expect(failure.message).toMatch(
      /^a member comes back: S\d: .+\nseed 1, 3 members, after [\d.]+ virtual ms\n/,
    );
    expect(failure.story.join("\n")).toMatch(/ms {2}n\d +starts again with a log to/);
    expect(replay(failure.scenario, forgetful).result.failure).toEqual(failure.failure);
    scenario("a member comes back", sum, comesBack);
  });
});

describe("the scenario that a script has made", () => {
  /** What the script does, as it was done and as it is done again. */
  const twice = (seed: number, script: (s: SumScript) => void) => {
    const plan = scenario("nothing", { ...sum, spares: 1, seed }, () => {});
    const stage = new Stage(plan, systemOf(sum));
    const played = stage.play(() => script(new Director<number, number, "sum", number>(stage)));
    const told = parseScenario(JSON.stringify(stage.scenario));
    return { played, told, replayed: replay(told, sum).result };
  };

  it.each([1, 2, 3, 4])("is the same run to the last message, with seed %i", (seed) => {
    const { played, told, replayed } = twice(seed, everything);
    expect(played.failure).toBeUndefined();
    expect(replayed).toEqual(played);
    const kinds = new Set(told.actions.map(({ kind }) => kind));
    expect([...kinds].sort()).toEqual([
      ...["change", "clock-jump", "crash", "cut", "expect", "full-disk", "operation", "partition"],
      ...["pause", "slow-disk", "snapshot", "transfer"],
    ]);
  });

  it("is the same run whatever the script does, and when", () => {
    const deed = fc.record({ what: fc.nat(7), whom: fc.nat(2), ms: fc.nat(400) });
    fc.assert(
      fc.property(fc.nat(), fc.array(deed, { maxLength: 12 }), (seed, deeds) => {
        const { played, replayed } = twice(seed, (s) => {
          for (const { what, whom, ms } of deeds) {
            anything(s, what, s.members[whom]!);
            s.pass(ms);
          }
        });
        expect(played.failure).toBeUndefined();
        expect(replayed).toEqual(played);
      }),
      { numRuns: 15 },
    );
  });

  it("is made smaller like any other", () => {
    const failure = failureOf(() =>
      scenario("a member comes back after other things", forgetful, (s) => {
        for (const member of s.members) s.slowDisk(member, 2, { forMs: 100 });
        s.cut(s.member("n1"), s.member("n3")).end();
        comesBack(s);
      }),
    );
    const { invariant } = failure.failure;
    const run = (candidate: Scenario) => replay(candidate, forgetful).result.failure?.invariant ?? null;
    let runs = 0;
    const shrunk = shrinkScenario(failure.scenario, invariant, { run, budgetMs: 60, now: () => ++runs });
    expect(shrunk.scenario.actions.length).toBeLessThan(failure.scenario.actions.length);
    expect(run(shrunk.scenario)).toBe(invariant);
  });

  it("has the time that each fault lasted", () => {
    const { actions, stormMs } = scenario("faults", sum, (s) => {
      const leader = s.untilLeader();
      const pause = s.pause(leader);
      s.pass(100);
      pause.end();
      pause.end();
      s.crash(leader, { forMs: 70 });
      s.cut(s.member("n1"), s.member("n2"));
      s.pass(50);
    });
    expect(actions).toMatchObject([
      { kind: "pause", forMs: 100.001 },
      { kind: "crash", downMs: 70 },
      { kind: "cut" },
    ]);
    const cut = actions[2] as Extract<Action, { kind: "cut" }>;
    expect(cut.at + cut.forMs).toBeCloseTo(stormMs, 3);
  });
});

describe("a script fails", () => {
  const failing = (script: (s: SumScript) => void): ScenarioFailure =>
    failureOf(() => scenario("a sum", sum, script));

  it("where a member answers something else than is expected, and so does its scenario", () => {
    const { failure, scenario: told } = failing((s) => {
      s.untilLeader();
      s.propose(2).answer();
      s.settle();
      s.expect("sum", 3);
    });
    expect(failure).toMatchObject({ invariant: "expected" });
    expect(failure.message).toContain("n1 answers 2, not 3.");
    expect(replay(told, sum).result.failure).toEqual(failure);
    expect(replay({ ...told, actions: told.actions.slice(1) }, sum).result.failure?.message).toContain(
      "answers 0",
    );
  });

  it("where it throws: the course of the run up to there is told, and nothing after it", () => {
    const {
      failure,
      story,
      cause,
      scenario: told,
    } = failing((s) => {
      s.crash(s.untilLeader());
      s.untilLeader();
      expect(s.look(s.leader!, "sum")).toBe(1);
      s.propose(1);
    });
    expect(failure.invariant).toBe("script");
    expect(failure.message).toMatch(/^expected \+?0 to be 1/);
    expect((cause as Error).message).toBe(failure.message);
    expect(story.at(-1)).toContain("expected");
    expect(story.at(-2)).toMatch(/is leader in term/);
    expect(story.join("\n")).toMatch(/is killed[\s\S]+is leader in term/);
    expect(told.actions).toHaveLength(1);
    expect(replay(told, sum).result.failure).toBeUndefined();
  });

  it("where what it waits for does not come, and says what that was", () => {
    const waiting = failing((s) => s.until(() => s.members.length === 4, 500));
    expect(waiting.failure).toMatchObject({
      message: expect.stringMatching(/^within 500 ms it did not come to be that s.members.length === 4/),
    });
    const lonely = failing((s) => {
      s.partition([]);
      s.untilLeader(s.member("n2"));
    });
    expect(lonely.failure.message).toBe("within 30000 ms none of n2 came to lead");
  });

  it.each<[string, RegExp, (s: SumScript) => unknown]>([
    ["nobody leads to be called", /nobody leads/, (s) => s.propose(1)],
    ["nobody leads to be asked for a change", /nobody leads/, (s) => s.remove(s.members[0]!)],
    ["nobody has the name", /nobody is named n7: there are n1, n2, n3/, (s) => s.member("n7")],
    [
      "one who is down is to crash",
      /n1 does not run/,
      (s) => {
        s.crash(s.members[0]!);
        s.crash(s.members[0]!);
      },
    ],
    [
      "one who is down is looked at",
      /n1 does not run/,
      (s) => {
        s.crash(s.members[0]!);
        s.expect("sum", 0, s.members[0]!);
      },
    ],
    [
      "something is done after the end",
      /can only look/,
      (s) => {
        s.settle();
        s.pass(1);
      },
    ],
    [
      "nothing can happen any more",
      /^a sum: within 30000 ms none of n1, n2, n3 came to lead/,
      (s) => {
        for (const member of s.members) s.crash(member);
        s.untilLeader();
      },
    ],
    [
      "something without an end is done that only its time ends",
      /for how long/,
      (s) => s.do({ kind: "stranger", member: 0, forMs: Number.POSITIVE_INFINITY }),
    ],
    ["it is asynchronous", /must not be asynchronous/, async () => {}],
  ])("where %s", (_why, message, script) => {
    expect(failing(script).message).toMatch(message);
  });
});

describe("a scripted test", () => {
  it("keeps what fails under its name, and says where", () => {
    const kept = new Map<string, ReadonlyMap<string, string>>();
    const tests: (() => void)[] = [];
    const take = (_name: string, run: () => void) => tests.push(run);
    const test = scenarioTestOf(take, (folder, files) => void kept.set(folder, files));
    test("The sum: is 15 (of two)", sum, (s) => {
      s.untilLeader();
      s.propose(1);
      s.settle();
      s.expect("sum", 15);
    });
    expect(tests[0]).toThrow(/as a picture: sim-failures\/the-sum-is-15-of-two\/report.html$/);
    const files = kept.get("sim-failures/the-sum-is-15-of-two")!;
    expect([...files.keys()]).toEqual(["scenario.json", "report.html"]);
    expect(parseScenario(files.get("scenario.json")!).actions).toHaveLength(2);
    expect(files.get("report.html")).toContain("The sum: is 15 (of two)");
  });

  scenarioTest("of vitest runs a script", sum, (s) => {
    s.untilLeader();
    expect(s.propose(1).answer()).toBe(1);
  });
});
