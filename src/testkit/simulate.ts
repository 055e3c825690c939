import { type Clock, systemClock } from "../base/clock.ts";
import {
  anything,
  callback,
  demand,
  having,
  isPlainObject,
  listOf,
  milliseconds,
  nested,
  OptionTable,
  required,
  text,
  whole,
  wholeOrInfinity,
} from "../base/options.ts";
import { exact } from "../base/surplus.ts";
import { type CommandCodecName, commandCodec, commandCodecOption } from "../replica/calls/command-codec.ts";
import type { Codec, StateMachine } from "../replica/state-machine.ts";
import type { Check } from "./check.ts";
import { type FaultProfile, faults as presets } from "./faults.ts";
import type { Generator } from "./generate.ts";
import type { Spec } from "./model.ts";
import { type AnySystem, recordScenario, runScenario } from "./run-scenario.ts";
import type { Scenario } from "./scenario.ts";
import { shrinkScenario } from "./shrink.ts";
import { planScenario } from "./simulation/chance/plan.ts";
import type { RandomStream } from "./simulation/chance/random-streams.ts";
import type { Input, SimSystem } from "./simulation/run/sim-system.ts";
import type { Failure, RunResult } from "./simulation/run/simulation.ts";
import type { Reference } from "./simulation/seen/reference.ts";
import { Probes } from "./simulation/world/probes.ts";
import { tellStory } from "./story.ts";
import { asText, fromText, type Written } from "./written.ts";

/** Options of `simulate`: your state machine, the clients' calls, the faults, and how long to run. */
export interface SimulateOptions<State, Command, Result, Query, Answer> {
  readonly machine: () => StateMachine<Command, Result, Query, Answer>;
  /** How commands become bytes, as for `createReplica`; `json` by default. */
  readonly codec?: Codec<Command> | CommandCodecName | undefined;
  /** What clients ask to be done … */
  readonly commands: Generator<Command>;
  /** … and what they ask, once in three calls. */
  readonly queries?: Generator<Query> | undefined;
  /** What answers are compared with; a machine of the same kind that nobody disturbs, by default. */
  readonly spec?: Spec<State, Command, Result, Query, Answer> | undefined;
  /** What may go wrong; everything that a cluster should stand by default. */
  readonly faults?: FaultProfile | undefined;
  /** How many members found the cluster; drawn for each seed by default. */
  readonly members?: number | undefined;
  readonly clients?: number | undefined;
  readonly callsPerSecond?: number | undefined;
  /** No further seed is begun once so many were run, or after so many milliseconds. 5 000 ms by default. */
  readonly budget?: { readonly seeds?: number | undefined; readonly ms?: number | undefined } | undefined;
  /** The first seed; 1 by default. */
  readonly seed?: number | undefined;
  /** Scenarios to run first, such as those that once failed. */
  readonly corpus?: readonly Scenario[] | undefined;
  /** Situations that must be met at least once, by the names that a report lists; otherwise the verdict is `vacuous`. */
  readonly mustMeet?: readonly string[] | undefined;
  /** What must hold beyond what holds for every machine. Called anew for each run. */
  readonly checks?: (() => Check[]) | undefined;
  /** Milliseconds that making a failure smaller may take; 10 000 by default. */
  readonly shrinkMs?: number | undefined;
  readonly clock?: Clock | undefined;
}

const SIMULATE_OPTIONS = new OptionTable<SimulateOptions<unknown, unknown, unknown, unknown, unknown>>(
  "simulate",
  {
    machine: required(callback("a function that makes a machine")),
    commands: required(callback<Generator<unknown>>("a generator")),
    queries: callback("a generator"),
    codec: commandCodecOption,
    spec: anything(),
    faults: demand("a profile of faults", isPlainObject),
    members: whole(1),
    clients: whole(0),
    callsPerSecond: demand(
      "a number, 0 or more",
      (value): value is number => typeof value === "number" && value >= 0,
    ),
    budget: nested(new OptionTable("simulate", { seeds: wholeOrInfinity(0), ms: milliseconds }, "budget.")),
    seed: whole(0),
    corpus: listOf("a list of scenarios", anything<Scenario>()),
    mustMeet: listOf("a list of names", text),
    checks: callback("a function that makes checks"),
    shrinkMs: milliseconds,
    clock: having<Clock>("a clock", "monotonic", "wall", "after", "soon"),
  },
);

/** A machine, and what it is held against. */
export type MachineOptions<State, Command, Result, Query, Answer> = Pick<
  SimulateOptions<State, Command, Result, Query, Answer>,
  "machine" | "codec" | "spec" | "checks"
>;

/**
 * `pass`: nothing was broken, in runs in which enough happened. `fail`: something was. `vacuous`: nothing was broken, but
 * too little happened to say anything. `unknown`: nothing was run.
 */
export type Verdict = "pass" | "fail" | "vacuous" | "unknown";

/** What `simulate` ran, and its verdict. */
export interface SimReport {
  readonly verdict: Verdict;
  /** Why the verdict is what it is, in a sentence. */
  readonly reason: string;
  readonly seeds: number;
  readonly steps: number;
  readonly virtualMs: number;
  /** Situations that were met, and how often. */
  readonly probes: ReadonlyMap<string, number>;
  /** How the clients' calls ended. */
  readonly calls: RunResult["endings"];
  readonly failure: SimFailure | undefined;
}

/** The failure of one simulated run, with the scenario that repeats it. */
export interface SimFailure extends Failure {
  readonly seed: number;
  /** As it was found, and as small as it could be made. Run it again with `replay`. */
  readonly original: Scenario;
  readonly scenario: Scenario;
  /** What led to it, a line for each event. */
  readonly story: readonly string[];
}

/**
 * Runs a replicated state machine through the lives of many clusters, with crashes, torn disks, partitions and changes of
 * membership, all in virtual time and in this thread, and holds what happens against everything that was promised. The
 * same seed gives the same life. Never throws for a broken promise: see `verdict`, or use `assertSimulation`.
 */
export const simulate = exact("simulate", 1, function simulate<
  State,
  Command,
  Result,
  Query = void,
  Answer = unknown,
>(options: SimulateOptions<State, Command, Result, Query, Answer>): SimReport {
  SIMULATE_OPTIONS.check(options);
  const system = systemOf(options);
  const plan = planOf(options);
  const { seeds, ms } = options.budget ?? {};
  return runSeeds({
    plan,
    system,
    seed: options.seed ?? 1,
    corpus: options.corpus ?? [],
    seedsMax: seeds ?? Number.POSITIVE_INFINITY,
    msMax: ms ?? (seeds === undefined ? 5_000 : Number.POSITIVE_INFINITY),
    shrinkMs: options.shrinkMs ?? 10_000,
    mustMeet: options.mustMeet ?? [],
    clock: options.clock ?? systemClock,
  });
});

/** Runs one scenario of such a machine again; of the key-value store that ships where no machine is given. */
export const replay = exact("replay", 2, function replay<
  State,
  Command,
  Result,
  Query = void,
  Answer = unknown,
>(scenario: Scenario, options?: MachineOptions<State, Command, Result, Query, Answer>): ReturnType<
  typeof recordScenario
> {
  return recordScenario(scenario, options === undefined ? undefined : systemOf(options));
});

/** Like `simulate`, and throws an error that tells the story when the verdict is not `pass`. */
export const assertSimulation = exact("assertSimulation", 1, function assertSimulation<
  State,
  Command,
  Result,
  Query = void,
  Answer = unknown,
>(options: SimulateOptions<State, Command, Result, Query, Answer>): SimReport {
  const report = simulate(options);
  if (report.verdict !== "pass") throw new Error(describeReport(report));
  return report;
});

export interface SeedsOptions {
  readonly plan: (seed: number) => Scenario;
  readonly system: AnySystem | undefined;
  readonly seed: number;
  readonly corpus: readonly Scenario[];
  readonly seedsMax: number;
  readonly msMax: number;
  readonly shrinkMs: number;
  readonly mustMeet: readonly string[];
  readonly clock: Clock;
}

/** Runs the corpus, and then seed after seed until something breaks or the budget is spent. */
export function runSeeds(options: SeedsOptions): SimReport {
  const { corpus, plan, system, clock, seedsMax, msMax } = options;
  const end = clock.monotonic() + msMax;
  const tally = new Tally();
  for (const scenario of corpus) {
    const failure = tally.add(runScenario(scenario, system));
    if (failure !== undefined) return tally.failed(explain(scenario, failure, options));
  }
  for (let count = 0; count < seedsMax && (count === 0 || clock.monotonic() < end); count++) {
    const scenario = plan(options.seed + count);
    const failure = tally.add(runScenario(scenario, system));
    if (failure !== undefined) return tally.failed(explain(scenario, failure, options));
  }
  return tally.ended(options.mustMeet);
}

/** A report for people, a few lines long. */
export const describeReport = exact(
  "describeReport",
  1,
  function describeReport({ verdict, reason, seeds, steps, virtualMs, calls, failure }: SimReport): string {
    const done = calls.answered + calls.refused + calls.unknown;
    const head = `${verdict}: ${reason}`;
    const counts = `${seeds} seeds, ${steps} steps, ${Math.round(virtualMs / 1000)} virtual seconds, ${calls.answered} of ${done} calls answered`;
    if (failure === undefined) return `${head}\n${counts}`;
    const { scenario, original, story } = failure;
    const size = `seed ${failure.seed}, ${scenario.cluster.voters} members, ${scenario.actions.length} of ${original.actions.length} actions left`;
    return [head, counts, size, ...story].join("\n");
  },
);

class Tally {
  readonly #probes = new Probes();
  readonly #calls = { answered: 0, refused: 0, unknown: 0 };
  #seeds = 0;
  #steps = 0;
  #virtualMs = 0;

  add({ failure, steps, virtualMs, probes, endings }: RunResult): Failure | undefined {
    this.#seeds += 1;
    this.#steps += steps;
    this.#virtualMs += virtualMs;
    this.#probes.add(probes);
    for (const ending of ["answered", "refused", "unknown"] as const) this.#calls[ending] += endings[ending];
    return failure;
  }

  failed(failure: SimFailure): SimReport {
    return this.#report("fail", failure.message, failure);
  }

  ended(mustMeet: readonly string[]): SimReport {
    if (this.#seeds === 0) return this.#report("unknown", "no seed was run", undefined);
    const missed = mustMeet.filter((name) => !this.#probes.counts.has(name));
    if (missed.length > 0) return this.#report("vacuous", `never met: ${missed.join(", ")}`, undefined);
    const { answered, refused, unknown } = this.#calls;
    const calls = answered + refused + unknown;
    if (answered < calls * ANSWERED_SHARE_MIN || calls === 0) {
      return this.#report("vacuous", `only ${answered} of ${calls} calls were answered`, undefined);
    }
    return this.#report("pass", "no promise was broken", undefined);
  }

  #report(verdict: Verdict, reason: string, failure: SimFailure | undefined): SimReport {
    return {
      verdict,
      reason,
      seeds: this.#seeds,
      steps: this.#steps,
      virtualMs: this.#virtualMs,
      probes: this.#probes.counts,
      calls: this.#calls,
      failure,
    };
  }
}

/** Where fewer calls are answered the clusters were mostly out of order, and little was tested. */
const ANSWERED_SHARE_MIN = 0.4;

const NOT_REPEATED =
  "Run again, the same scenario broke nothing: the machine goes by more than its commands. checkLaws says by what.";

function explain(original: Scenario, found: Failure, { system, shrinkMs, clock }: SeedsOptions): SimFailure {
  const { scenario } = shrinkScenario(original, found.invariant, {
    run: (candidate) => runScenario(candidate, system).failure?.invariant ?? null,
    budgetMs: shrinkMs,
    now: () => clock.monotonic(),
  });
  const { result, recording } = recordScenario(scenario, system);
  const failure = result.failure ?? found;
  const story = tellStory(recording);
  if (result.failure === undefined) story.push(NOT_REPEATED);
  return { ...failure, seed: original.seed, original, scenario, story };
}

/** The scenarios that the seeds of a user's machine make. */
export function planOf<State, Command, Result, Query, Answer>({
  commands,
  queries,
  members,
  clients,
  callsPerSecond,
  faults = presets.standard(),
}: SimulateOptions<State, Command, Result, Query, Answer>): (seed: number) => Scenario {
  const operation = (chance: RandomStream): unknown =>
    queries !== undefined && chance.happens(1 / 3)
      ? { query: asText(queries(chance)) }
      : { command: asText(commands(chance)) };
  return (seed) =>
    planScenario(seed, { mode: "full", faults, operation, voters: members, clients, callsPerSecond });
}

/** The system that a user's machine makes. */
export function systemOf<State, Command, Result, Query, Answer>(
  options: MachineOptions<State, Command, Result, Query, Answer>,
): AnySystem {
  const { machine, spec, checks } = options;
  const system: SimSystem<Command, Result, Query, Answer> = {
    makeMachine: machine,
    codec: commandCodec(options.codec ?? "json"),
    read: readCall<Command, Query>,
    ...(spec === undefined ? {} : { makeReference: () => referenceOf(spec) }),
    ...(checks === undefined ? {} : { makeChecks: checks }),
  };
  return system as unknown as AnySystem;
}

function referenceOf<State, Command, Result, Query, Answer>(
  spec: Spec<State, Command, Result, Query, Answer>,
): Reference<Command, Query> {
  let state = spec.init();
  return {
    apply(applied) {
      const [after, result] = spec.step(state, applied);
      state = after;
      const holds = spec.invariant?.(state) ?? true;
      return holds === true ? result : { broken: holds };
    },
    ...(spec.answer === undefined ? {} : { query: (query: Query) => spec.answer!(state, query) }),
  };
}

function readCall<Command, Query>(operation: unknown): Input<Command, Query> {
  const call = operation as { command?: Written; query?: Written };
  return call.command === undefined
    ? { query: fromText(call.query!) as Query }
    : { command: fromText(call.command) as Command };
}
