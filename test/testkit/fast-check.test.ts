import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Random } from "../../src/base/random.ts";
import type { Applied, StateMachine } from "../../src/replica/state-machine.ts";
import { fromArbitrary, scenarioArb, toArbitrary, toProperty } from "../../src/testkit/fast-check.ts";
import { faults } from "../../src/testkit/faults.ts";
import { integer } from "../../src/testkit/generate.ts";
import { LawViolation } from "../../src/testkit/laws/breach.ts";
import { checkLaws } from "../../src/testkit/laws/check-laws.ts";
import type { Spec } from "../../src/testkit/model.ts";
import type { Scenario } from "../../src/testkit/scenario.ts";
import { jsonChunks, jsonOf } from "./machines/sample.ts";

type Add = { readonly by: number };

class Sum implements StateMachine<Add, number, void, number> {
  sum = 0;

  apply(batch: readonly Applied<Add>[]): number[] {
    return batch.map(({ command }) => {
      this.sum += command.by;
      return this.sum;
    });
  }

  query(): number {
    return this.sum;
  }

  snapshot(): Iterable<Uint8Array> {
    return jsonChunks(this.sum);
  }

  restore(chunks: Iterable<Uint8Array>): void {
    this.sum = jsonOf(chunks);
  }
}

const commands = fc.record({ by: fc.integer({ min: 1, max: 9 }) });
describe("arbitraries and generators", () => {
  it("are made of each other", () => {
    const generator = fromArbitrary(commands);
    expect(generator(new Random(3))).toEqual(generator(new Random(3)));
    fc.assert(fc.property(toArbitrary(integer(2, 5)), (value) => value >= 2 && value <= 5));
  });

  it("feed the laws", () => {
    const make = (): Sum => Object.assign(new Sum(), { query: () => Math.random() });
    const queries = fromArbitrary(fc.constant(undefined));
    expect(() => checkLaws(make, { commands: fromArbitrary(commands), queries })).toThrow(LawViolation);
  });
});

describe("scenarios from fast-check", () => {
  it("run, and are within what was asked for", { timeout: 30_000 }, () => {
    const scenarios = scenarioArb({
      commands,
      faults: faults.standard(),
      operationsMax: 10,
      faultsMax: 5,
      stormMs: 1_000,
    });
    fc.assert(
      fc.property(scenarios, ({ cluster, actions }) => {
        const calls = actions.filter(({ kind }) => kind === "operation");
        expect(cluster.voters).toBe(3);
        expect(calls.length).toBeLessThanOrEqual(10);
        expect(actions.length - calls.length).toBeLessThanOrEqual(5);
        expect(actions.map(({ at }) => at)).toEqual(actions.map(({ at }) => at).sort((a, b) => a - b));
      }),
    );
    fc.assert(toProperty(scenarios, { machine: () => new Sum() }), { numRuns: 5 });
  });

  it("shrink to few actions", { timeout: 30_000 }, () => {
    const fragile = (): Sum => {
      const machine = new Sum();
      const { apply } = machine;
      machine.apply = (batch) => {
        const results = apply.call(machine, batch);
        if (machine.sum > 12) throw new RangeError("too much");
        return results;
      };
      return machine;
    };
    const scenarios = scenarioArb({ commands, operationsMax: 20, faultsMax: 5, stormMs: 1_000 });
    const { failed, counterexample } = fc.check(toProperty(scenarios, { machine: fragile }), {
      numRuns: 30,
      seed: 1,
    });
    expect(failed).toBe(true);
    const [scenario] = counterexample as [Scenario];
    expect(scenario.actions.every(({ kind }) => kind === "operation")).toBe(true);
    expect(scenario.actions.length).toBeLessThanOrEqual(3);
  });

  it("find what is wrong by the spec, in results, in answers and in what it promises", {
    timeout: 30_000,
  }, () => {
    const spec: Spec<number, Add, number, void, number> = {
      init: () => 0,
      step: (sum, { command }) => [sum + command.by, sum + command.by],
      answer: (sum) => sum,
    };
    const scenarios = scenarioArb({
      ...{ commands, queries: fc.constant(undefined), faults: faults.none(), stormMs: 300 },
      ...{ operationsMax: 20, voters: fc.constant(1) },
    });
    const check = (machine: () => Sum, promised: Spec<number, Add, number, void, number>) =>
      fc.check(toProperty(scenarios, { machine, spec: promised }), {
        numRuns: 20,
        seed: 2,
        endOnFailure: true,
      });
    const messageOf = (details: ReturnType<typeof check>) => String(details.errorInstance);

    expect(check(() => new Sum(), spec).failed).toBe(false);
    const odd = () => Object.assign(new Sum(), { query: () => 1 });
    expect(messageOf(check(odd, spec))).toContain("C2");
    const small: typeof spec = { ...spec, invariant: (sum) => sum < 20 || `${sum} is too much` };
    expect(messageOf(check(() => new Sum(), small))).toMatch(/C2: .*is too much/);
  });
});
