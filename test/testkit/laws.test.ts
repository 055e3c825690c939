import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Applied, StateMachine } from "../../src/replica/state-machine.ts";
import { constant, integer, pick, record } from "../../src/testkit/generate.ts";
import { LawViolation } from "../../src/testkit/laws/breach.ts";
import { checkLaws } from "../../src/testkit/laws/check-laws.ts";
import { checkModel, ModelViolation, type Spec } from "../../src/testkit/model.ts";
import { jsonChunks, jsonOf } from "./machines/sample.ts";

type Add = { readonly to: string; readonly amount: number };

/** Right in every way. What is done with each command can be replaced. */
class Sums implements StateMachine<Add, number, string, number> {
  sums = new Map<string, number>();
  readonly #meanwhile: (applied: Applied<Add>) => unknown;

  constructor(meanwhile: (applied: Applied<Add>) => unknown = () => {}) {
    this.#meanwhile = meanwhile;
  }

  apply(batch: readonly Applied<Add>[]): number[] {
    return batch.map((applied) => {
      this.#meanwhile(applied);
      const { to, amount } = applied.command;
      const sum = this.query(to) + amount;
      this.sums.set(to, sum);
      return sum;
    });
  }

  query(to: string): number {
    return this.sums.get(to) ?? 0;
  }

  snapshot(): Iterable<Uint8Array> {
    return jsonChunks([...this.sums]);
  }

  restore(chunks: Iterable<Uint8Array>): void {
    this.sums = new Map(jsonOf<[string, number][]>(chunks));
  }
}

const commands = record({ to: pick("a", "b"), amount: integer(1, 9) });
const queries = pick("a", "b");
const violationOf = (run: () => unknown): LawViolation => {
  try {
    run();
  } catch (error) {
    if (error instanceof LawViolation) return error;
    throw error;
  }
  return expect.fail("a law is broken");
};

describe("a machine that is right", () => {
  it("keeps all laws, as often as asked", () => {
    const report = checkLaws(() => new Sums(), { commands, queries, runs: 30 });
    expect(report).toMatchObject({ runs: 30, laws: expect.arrayContaining(["determinism", "the cut"]) });
    expect(report.commands).toBeGreaterThan(100);
  });

  it("is tried less often when time is up, and the report says so", () => {
    let now = 0;
    const clock = { monotonic: () => now++, wall: () => 0, after: () => ({ cancel() {} }), soon() {} };
    const report = checkLaws(() => new Sums(), { commands, runs: 1_000, timeLimitMs: 60, clock });
    expect(report.runs).toBeLessThan(10);
  });

  it("may use dates that are data", () => {
    const dates = () => [
      new Date(1_000).toISOString(),
      new Date("2027-01-15T08:00:00Z").getTime(),
      Date.UTC(2027, 0),
    ];
    checkLaws(() => new Sums(dates), { commands, queries, runs: 5 });
  });

  it("may have snapshots that show the same state in several ways, when it says so", () => {
    const make = (): Sums => {
      const machine = new Sums();
      machine.snapshot = () => jsonChunks([...machine.sums].reverse());
      return machine;
    };
    expect(violationOf(() => checkLaws(make, { commands, queries })).law).toBe("the round trip");
    checkLaws(make, { commands, queries, comparesSnapshots: false, runs: 20 });
  });
});

describe("what differs from host to host is named with the place that calls it", () => {
  const forbidden: readonly (readonly [name: string, call: () => unknown])[] = [
    ["Date.now", () => Date.now()],
    ["new Date()", () => new Date()],
    ["Date()", () => Date()],
    ["new Date(year, month, …)", () => new Date(2027, 1)],
    ["Date.prototype.getHours", () => new Date(0).getHours()],
    ["Math.random", () => Math.random()],
    ["performance.now", () => performance.now()],
    ["crypto.randomUUID", () => crypto.randomUUID()],
    ["crypto.randomUUID", () => randomUUID()],
    ["fs.readFileSync", () => readFileSync("/etc/hostname")],
    ["process.hrtime.bigint", () => process.hrtime.bigint()],
    ["setTimeout", () => setTimeout(() => {}, 0)],
    ["queueMicrotask", () => queueMicrotask(() => {})],
    ["String.prototype.localeCompare", () => "a".localeCompare("b")],
    ["Number.prototype.toLocaleString", () => (1).toLocaleString()],
    ["new Intl.Collator", () => new Intl.Collator()],
  ];

  it.each(forbidden)("%s", (name, call) => {
    const { law, message } = violationOf(() => checkLaws(() => new Sums(call), { commands, queries }));
    expect(law).toBe("determinism");
    expect(message).toContain(`${name}`);
    expect(message).toMatch(/was called\n\s+at .*laws\.test\.ts/);
  });

  it("also where the machine swallows the error", () => {
    const swallow = () => {
      try {
        Math.random();
      } catch {}
    };
    expect(violationOf(() => checkLaws(() => new Sums(swallow), { commands })).message).toContain(
      "Math.random",
    );
  });

  it("and everything is as it was afterwards", () => {
    const before = [Date, Math.random, setTimeout, String.prototype.localeCompare, process.hrtime];
    checkLaws(() => new Sums(), { commands, runs: 1 });
    violationOf(() => checkLaws(() => new Sums(Math.random), { commands }));
    expect([Date, Math.random, setTimeout, String.prototype.localeCompare, process.hrtime]).toEqual(before);
    expect(randomUUID()).toHaveLength(36);
    expect(new Date()).toBeInstanceOf(Date);
  });
});

describe("a broken law", () => {
  const drops = (applied: Applied<Add>) => {
    if (applied.command.amount === 7) throw new Error("seven");
  };

  it("is shown with few commands, and again with its seed", () => {
    const first = violationOf(() => checkLaws(() => new Sums(drops), { commands }));
    expect(first).toMatchObject({ law: "answers", commands: [{ amount: 7 }] });
    const again = violationOf(() =>
      checkLaws(() => new Sums(drops), { commands, seed: first.seed, runs: 1 }),
    );
    expect(again.message).toBe(first.message);
  });

  it("is looked for in the examples first", () => {
    const examples = [[{ to: "z", amount: 7 }]];
    const violation = violationOf(() => checkLaws(() => new Sums(drops), { commands, examples }));
    expect(violation.commands).toEqual([{ to: "z", amount: 7 }]);
  });

  it("may be that an answer is missing", () => {
    const make = (): Sums => {
      const machine = new Sums();
      const { apply } = machine;
      machine.apply = (batch) => apply.call(machine, batch.slice(1));
      return machine;
    };
    expect(violationOf(() => checkLaws(make, { commands })).message).toContain(
      "0 results for the 1 commands",
    );
  });

  it("may be that a query changes something", () => {
    const make = (): Sums => {
      const machine = new Sums();
      machine.query = (to) => {
        if (!machine.sums.has(to)) machine.sums.set(to, 0);
        return machine.sums.get(to)!;
      };
      return machine;
    };
    expect(violationOf(() => checkLaws(make, { commands, queries })).law).toBe("queries");
  });

  it("may be that a command takes long", () => {
    let now = 0;
    const clock = { monotonic: () => now, wall: () => 0, after: () => ({ cancel() {} }), soon() {} };
    const slow = (applied: Applied<Add>) => {
      if (applied.command.amount === 7) now += 300;
    };
    const violation = violationOf(() =>
      checkLaws(() => new Sums(slow), { commands, clock, timeLimitMs: 1e9 }),
    );
    expect(violation.message).toContain("took 300 ms; 250 ms are allowed");
  });

  it("may be that bytes of a command are changed, which the log holds too", () => {
    const bytes = { name: "bytes", encode: (each: Uint8Array) => each, decode: (each: Uint8Array) => each };
    const make = (): StateMachine<Uint8Array, number> => ({
      apply: (batch) => batch.map(({ command }) => command.fill(0).length),
      query: () => 0,
      snapshot: () => [],
      restore: () => {},
    });
    const violation = violationOf(() =>
      checkLaws(make, { codec: bytes, commands: (random) => Uint8Array.of(random.between(1, 9)) }),
    );
    expect(violation.law).toBe("sharing");
  });

  it("may be that the state is summed up later than it was asked for", () => {
    const hashOf = (machine: Sums) => [...machine.sums.values()].reduce((sum, each) => sum + each, 0);
    const late = (): StateMachine<Add, number, string, number> => {
      const machine = new Sums();
      return Object.assign(machine, { beginHash: () => () => hashOf(machine) });
    };
    const { law, message } = violationOf(() => checkLaws(late, { commands, queries }));
    expect(law).toBe("the hash");
    expect(message).toContain("summed up while others were applied");
    const right = (): StateMachine<Add, number, string, number> => {
      const machine = new Sums();
      const beginHash = () => {
        let calls = 0;
        const hash = hashOf(machine);
        return () => (calls++ === 0 ? undefined : hash);
      };
      return Object.assign(machine, { beginHash });
    };
    checkLaws(right, { commands, queries, runs: 10 });
  });

  it("may be that a command that was refused by throwing left something behind", () => {
    const options = { commands, queries, onApplyError: "report" } as const;
    checkLaws(() => new Sums(drops), { ...options, runs: 20 });
    const make = (): Sums => {
      const machine: Sums = new Sums((applied) => {
        if (applied.command.amount !== 7) return;
        machine.sums.set("left", 1);
        throw new Error("seven");
      });
      return machine;
    };
    const violation = violationOf(() => checkLaws(make, options));
    expect(violation).toMatchObject({ law: "answers", commands: [{ amount: 7 }] });
    expect(violation.message).toContain("threw at index");
    expect(violation.message).toContain("left a changed state");
  });

  it("is none when chance comes from what is applied", () => {
    const lucky = (applied: Applied<Add>) => applied.random() + applied.random();
    checkLaws(() => new Sums(lucky), { commands, queries, runs: 5 });
  });

  it("may be that what is restored in pieces is something else", () => {
    const make = (): StateMachine<Add, number, string, number> => {
      const machine = new Sums();
      return Object.assign(machine, {
        beginRestore: () => ({ write() {}, finish: () => true }),
      });
    };
    expect(violationOf(() => checkLaws(make, { commands, queries })).law).toBe("restoring in pieces");
  });

  it("may be that the codec changes, reuses or refuses what it should not", () => {
    const buffer = new Uint8Array(1);
    const lawOf = (encode: (amount: number) => Uint8Array, decode: (bytes: Uint8Array) => number) => {
      const make = (): StateMachine<number, number> => ({
        apply: (batch) => batch.map(() => 0),
        query: () => 0,
        snapshot: () => [],
        restore: () => {},
      });
      const codec = { name: "test", encode, decode };
      return violationOf(() => checkLaws(make, { codec, commands: integer(1, 9) })).message;
    };
    const encode = (amount: number) => Uint8Array.of(amount);
    expect(lawOf(encode, () => 1)).toContain("came out as 1");
    expect(
      lawOf(
        (amount) => buffer.fill(amount),
        ([first]) => first!,
      ),
    ).toContain("changed when other commands");
    let calls = 0;
    expect(
      lawOf(
        (amount) => Uint8Array.of(amount, calls++),
        ([first]) => first!,
      ),
    ).toContain("different bytes");
    const refuse = ([first]: Uint8Array): number => {
      if (first === undefined || first > 9) throw "no";
      return first;
    };
    expect(lawOf(encode, refuse)).toContain("which is not an Error");
    const pollute = ([first]: Uint8Array): number => {
      if (first === undefined || first > 9) Reflect.set(Object.prototype, "polluted", true);
      return first!;
    };
    expect(lawOf(encode, pollute)).toContain("added polluted to all objects");
    expect(Reflect.has({}, "polluted")).toBe(false);
  });

  it("may be that an old snapshot is not restored any more", () => {
    const oldSnapshots = [jsonChunks([["a", 1]])[0]!, jsonChunks({ version: 1 })[0]!];
    const { law, message } = violationOf(() => checkLaws(() => new Sums(), { commands, oldSnapshots }));
    expect(law).toBe("old snapshots");
    expect(message).toContain("snapshot 1: restore threw");
    checkLaws(() => new Sums(), { commands, oldSnapshots: oldSnapshots.slice(0, 1), runs: 1 });
  });
});

describe("a machine and its spec", () => {
  const spec: Spec<Readonly<Record<string, number>>, Add, number, string, number> = {
    init: () => ({}),
    step(sums, { command: { to, amount } }) {
      const sum = (sums[to] ?? 0) + amount;
      return [{ ...sums, [to]: sum }, sum];
    },
    answer: (sums, to) => sums[to] ?? 0,
    invariant: (sums) => Object.values(sums).every((sum) => sum > 0) || "a sum is not positive",
  };
  const broken = (run: () => unknown): ModelViolation => {
    try {
      run();
    } catch (error) {
      if (error instanceof ModelViolation) return error;
      throw error;
    }
    return expect.fail("the machine differs from its spec");
  };

  it("agree when the machine is right", () => {
    const report = checkModel(() => new Sums(), spec, { commands, queries, runs: 50 });
    expect(report.runs).toBe(50);
    expect(Math.min(report.commands, report.queries)).toBeGreaterThan(500);
  });

  it("differ in a result", () => {
    const make = (): Sums => {
      const machine = new Sums();
      const { apply } = machine;
      machine.apply = (batch) => apply.call(machine, batch).map((sum) => Math.min(sum, 20));
      return machine;
    };
    const violation = broken(() => checkModel(make, spec, { commands }));
    expect(violation.message).toMatch(/the machine answered 20\nthe spec says 2\d/);
    expect(violation.commands.length).toBeLessThan(6);
  });

  it("differ in an answer", () => {
    const make = (): Sums => Object.assign(new Sums(), { query: () => 0 });
    expect(broken(() => checkModel(make, spec, { commands, queries })).message).toMatch(/answered/);
  });

  it("may be found to be wrong together, by an invariant", () => {
    const violation = broken(() =>
      checkModel(() => new Sums(), spec, { commands: constant({ to: "a", amount: 0 }) }),
    );
    expect(violation.message).toContain("breaks its invariant: a sum is not positive");
  });
});
