import fc from "fast-check";
import { Random } from "../base/random.ts";
import { type FaultProfile, faults as presets } from "./faults.ts";
import type { Generator, RandomSource } from "./generate.ts";
import { runScenario } from "./run-scenario.ts";
import type { Action, Scenario } from "./scenario.ts";
import { type SimulateOptions, systemOf } from "./simulate.ts";
import { planScenario } from "./simulation/chance/plan.ts";
import { asText } from "./written.ts";

/** A fast-check arbitrary as a generator, for `checkLaws`, `checkModel` and simulated workloads. They shrink by themselves. */
export function fromArbitrary<Value>(arbitrary: fc.Arbitrary<Value>): Generator<Value> {
  return (dice: RandomSource) => fc.sample(arbitrary, { seed: dice.between(0, 0x7fffffff), numRuns: 1 })[0]!;
}

/** A generator as an arbitrary. Its values are made anew from other seeds; they do not shrink. */
export function toArbitrary<Value>(generator: Generator<Value>): fc.Arbitrary<Value> {
  return fc.noBias(fc.noShrink(fc.nat())).map((seed) => generator(new Random(seed)));
}

/** Options of the arbitrary that generates scenarios: the clients' calls, the faults, and the sizes. */
export interface ScenarioOptions<Command, Query> {
  readonly commands: fc.Arbitrary<Command>;
  readonly queries?: fc.Arbitrary<Query> | undefined;
  /** What may go wrong; everything that a cluster should stand by default. */
  readonly faults?: FaultProfile | undefined;
  /** How many members found the cluster; 3 by default. */
  readonly voters?: fc.Arbitrary<number> | undefined;
  readonly operationsMax?: number | undefined;
  readonly faultsMax?: number | undefined;
  /** How long things go wrong, in virtual milliseconds. */
  readonly stormMs?: number | undefined;
  readonly clients?: number | undefined;
}

/**
 * Scenarios for whole members with a state machine of yours. They shrink as fast-check's arrays do, since any part of
 * the actions is a scenario, and what is left out does not change the chance of the rest.
 */
export function scenarioArb<Command, Query = never>(
  options: ScenarioOptions<Command, Query>,
): fc.Arbitrary<Scenario> {
  const { faults = presets.standard(), voters = fc.constant(3), stormMs = 5_000 } = options;
  const { operationsMax = 60, faultsMax = 20 } = options;
  return fc.tuple(fc.noShrink(fc.nat()), fc.noShrink(voters)).chain(([seed, count]) => {
    // The plan without clients: its faults are what is chosen from.
    const operation = () => null;
    const plan = planScenario(seed, {
      ...{ mode: "full", faults, voters: count, stormMs, operation, callsPerSecond: 0 },
    });
    return fc
      .record({
        faults: fc.subarray([...plan.actions], { maxLength: Math.min(faultsMax, plan.actions.length) }),
        operations: fc.array(operationArb(options, count, stormMs), { maxLength: operationsMax }),
      })
      .map(({ faults, operations }) => ({
        ...plan,
        actions: [...faults, ...operations].sort((left, right) => left.at - right.at),
      }));
  });
}

function operationArb<Command, Query>(
  { commands, queries, clients = 3 }: ScenarioOptions<Command, Query>,
  voters: number,
  stormMs: number,
): fc.Arbitrary<Action> {
  const inputs: fc.Arbitrary<object>[] = [commands.map((command) => ({ command: asText(command) }))];
  if (queries !== undefined) inputs.push(queries.map((query) => ({ query: asText(query) })));
  return fc.record({
    at: fc.nat(stormMs),
    kind: fc.constant("operation" as const),
    client: fc.nat(clients - 1),
    member: fc.integer({ min: -1, max: voters - 1 }),
    operation: fc.oneof(...inputs),
  });
}

/**
 * The property that nothing breaks when such a scenario is run with the machine. Give it to `fc.assert`, with
 * `examples` of scenarios that once failed.
 */
export function toProperty<State, Command, Result, Query, Answer>(
  scenarios: fc.Arbitrary<Scenario>,
  options: Pick<
    SimulateOptions<State, Command, Result, Query, Answer>,
    "machine" | "codec" | "spec" | "checks"
  >,
): fc.IPropertyWithHooks<[Scenario]> {
  const system = systemOf(options);
  return fc.property(scenarios, (scenario) => {
    const { failure } = runScenario(scenario, system);
    if (failure !== undefined) throw new Error(failure.message);
  });
}
