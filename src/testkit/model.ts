import { type Clock, systemClock } from "../base/clock.ts";
import { anything, callback, having, milliseconds, OptionTable, required, whole } from "../base/options.ts";
import { Random } from "../base/random.ts";
import { exact } from "../base/surplus.ts";
import { type CommandCodecName, commandCodec, commandCodecOption } from "../replica/calls/command-codec.ts";
import type { Applied, Codec, StateMachine } from "../replica/state-machine.ts";
import type { Generator } from "./generate.ts";
import { Breach, textOf } from "./laws/breach.ts";
import { shorten } from "./laws/shorten.ts";
import { listOf, type Step, stepsOf } from "./laws/steps.ts";
import { guard, Subject } from "./laws/subject.ts";
import type { Model } from "./linearizability/model.ts";
import { equalStructure } from "./structure.ts";

/**
 * What a state machine should do, said as simply as possible: slow and naive is right here. No state is ever changed
 * in place.
 */
export interface Spec<State, Command, Result, Query = void, Answer = unknown> {
  /** Returns the state before the first command. */
  init(): State;
  /** The state afterwards, and the result. */
  step(state: State, applied: Applied<Command>): readonly [State, Result];
  /** Returns what a query must answer in this state. Without it, queries are not checked. */
  answer?(state: State, query: Query): Answer;
  /** Whether a result is as good as the expected one. By default they are compared by structure. */
  accepts?(expected: Result, seen: Result, command: Command): boolean;
  /** What must always be true, such as that no money is made; a text says what is not. */
  invariant?(state: State): true | string;
  /** As for a `Model`: the independent parts of the state that a command or query touches. */
  partsOf?(input: SpecInput<Command, Query>): readonly string[] | undefined;
  /** Returns a text that is equal for equal states. By default states are compared by structure. */
  stateKey?(state: State): string;
}

/** What a client of a replicated state machine asks for. */
export type SpecInput<Command, Query> =
  | { readonly kind: "command"; readonly applied: Applied<Command> }
  | { readonly kind: "query"; readonly query: Query };

/** Options of `checkModel`: how to generate commands and queries, and how long to try. */
export interface ModelOptions<Command, Query> {
  readonly commands: Generator<Command>;
  /** Asked between the commands, where the spec can answer them. */
  readonly queries?: Generator<Query> | undefined;
  /** How commands become bytes, as for `createReplica`; `json` by default. */
  readonly codec?: Codec<Command> | CommandCodecName | undefined;
  /** Lists of commands to try first. */
  readonly examples?: readonly (readonly Command[])[] | undefined;
  /** How many lists of commands to try; 500 by default. */
  readonly runs?: number | undefined;
  /** The longest list; 50 commands by default. */
  readonly commandsMax?: number | undefined;
  /** Milliseconds after which no further list is begun; 5000 by default. */
  readonly timeLimitMs?: number | undefined;
  /** The same seed, the same lists; 1 by default. */
  readonly seed?: number | undefined;
  readonly clock?: Clock | undefined;
}

const MODEL_OPTIONS = new OptionTable<ModelOptions<unknown, unknown>>("checkModel", {
  commands: required(callback<Generator<unknown>>("a generator")),
  queries: callback("a generator"),
  codec: commandCodecOption,
  examples: anything(),
  runs: whole(0),
  commandsMax: whole(1),
  timeLimitMs: milliseconds,
  seed: whole(0),
  clock: having<Clock>("a clock", "monotonic", "wall", "after", "soon"),
});

/** What `checkModel` tried without finding a difference. */
export interface ModelReport {
  readonly runs: number;
  readonly commands: number;
  readonly queries: number;
}

/** The machine does something else than its spec. */
export class ModelViolation extends Error {
  override readonly name = "ModelViolation";
  /** The commands that show it, as few as were found. */
  readonly commands: readonly unknown[];
  readonly seed: number;

  /** Creates the error for a difference between the machine and its spec. */
  constructor(breach: Breach, steps: readonly Step<unknown>[], seed: number) {
    const commands = steps.map(({ command, index }) => `  ${index}: ${textOf(command)}`);
    super(`${breach.message}\ncommands:\n${commands.join("\n")}\nagain with: { seed: ${seed}, runs: 1 }`);
    this.commands = steps.map(({ command }) => command);
    this.seed = seed;
  }
}

const SHORTER_TRIES = 2_000;
/** In so many of a hundred places between commands a query is asked. */
const QUERY_PERCENT = 50;

/**
 * Compares one instance of a machine with its spec, result by result and answer by answer. Throws a `ModelViolation`
 * with the shortest list of commands that it found.
 */
export const checkModel = exact("checkModel", 3, function checkModel<
  State,
  Command,
  Result,
  Query = void,
  Answer = unknown,
>(make: () => StateMachine<Command, Result, Query, Answer>, spec: Spec<State, Command, Result, Query, Answer>, options: ModelOptions<Command, Query>): ModelReport {
  MODEL_OPTIONS.check(options);
  const { runs = 500, commandsMax = 50, timeLimitMs = 5_000, seed = 1, clock = systemClock } = options;
  const codec = commandCodec(options.codec ?? "json");
  const end = clock.monotonic() + timeLimitMs;
  const report = { runs: 0, commands: 0, queries: 0 };

  const judge = (chance: number, example?: readonly Command[]): void => {
    const random = new Random(chance);
    const commands = example ?? listOf(options.commands, commandsMax, random);
    const steps = stepsOf(commands, codec, random);
    const run = (tried: readonly Step<Command>[]) =>
      compare(new Subject(make(), codec), spec, tried, queriesAt(chance, options.queries));
    const { breach, queries } = run(steps);
    report.runs++;
    report.commands += steps.length;
    report.queries += queries;
    if (breach === null) return;
    const shortest = shorten(steps, (tried) => run(tried).breach !== null, SHORTER_TRIES);
    throw new ModelViolation(run(shortest).breach!, shortest, chance);
  };
  for (const example of options.examples ?? []) judge(seed, example);
  for (let run = 0; run < runs && (run === 0 || clock.monotonic() < end); run++) judge(seed + run);
  return report;
});

/** The spec as a model, for histories of clients. Commands are judged with the place that the log gave them. */
export const modelOf = exact("modelOf", 2, function modelOf<
  State,
  Command,
  Result,
  Query,
  Answer,
>(name: string, spec: Spec<State, Command, Result, Query, Answer>): Model<
  State,
  SpecInput<Command, Query>,
  Result | Answer
> {
  const { partsOf, stateKey } = spec;
  return {
    name,
    init: () => spec.init(),
    step(state, input) {
      if (input.kind === "command") return spec.step(state, input.applied);
      return [state, spec.answer!(state, input.query)];
    },
    accepts(expected, seen, input) {
      if (input.kind === "query" || spec.accepts === undefined) return equalStructure(expected, seen);
      return spec.accepts(expected as Result, seen as Result, input.applied.command);
    },
    isRead: ({ kind }) => kind === "query",
    ...(partsOf === undefined ? {} : { partsOf: (input) => partsOf.call(spec, input) }),
    ...(stateKey === undefined ? {} : { stateKey: (state) => stateKey.call(spec, state) }),
  };
});

/** Which query is asked at an index, if any: a matter of the index alone, so that it stays when others are left out. */
function queriesAt<Query>(seed: number, queries: Generator<Query> | undefined): (index: number) => Query[] {
  return (index) => {
    if (queries === undefined) return [];
    const random = new Random((seed * 0x9e3779b1 + index) >>> 0);
    return random.between(1, 100) > QUERY_PERCENT ? [] : [queries(random)];
  };
}

function compare<State, Command, Result, Query, Answer>(
  subject: Subject<Command, Result, Query, Answer>,
  spec: Spec<State, Command, Result, Query, Answer>,
  steps: readonly Step<Command>[],
  queriesAt: (index: number) => Query[],
): { readonly breach: Breach | null; readonly queries: number } {
  let queries = 0;
  try {
    let state = spec.init();
    expectInvariant(spec, state, "at the beginning");
    for (const step of steps) {
      const place = `index ${step.index}: ${textOf(step.command)}`;
      const [next, expected] = spec.step(state, subject.appliedOf(step));
      const seen = subject.apply(step);
      const accepts = spec.accepts?.(expected, seen, step.command) ?? equalStructure(expected, seen);
      if (!accepts) {
        throw new Breach(`${place}\nthe machine answered ${textOf(seen)}\nthe spec says ${textOf(expected)}`);
      }
      state = next;
      expectInvariant(spec, state, place);
      if (spec.answer === undefined) continue;
      for (const query of queriesAt(step.index)) {
        queries++;
        expectAnswer(subject, spec, state, query, place);
      }
    }
    return { breach: null, queries };
  } catch (error) {
    if (error instanceof Breach) return { breach: error, queries };
    throw error;
  }
}

function expectInvariant<State>(
  spec: { invariant?(state: State): true | string },
  state: State,
  place: string,
): void {
  const verdict = spec.invariant?.(state) ?? true;
  if (verdict !== true) throw new Breach(`${place}\nthe spec itself breaks its invariant: ${verdict}`);
}

function expectAnswer<State, Command, Result, Query, Answer>(
  subject: Subject<Command, Result, Query, Answer>,
  spec: Spec<State, Command, Result, Query, Answer>,
  state: State,
  query: Query,
  place: string,
): void {
  const expected = spec.answer!(state, query);
  const seen = guard(
    () => `query ${textOf(query)} threw`,
    () => subject.machine.query(query),
  );
  if (equalStructure(expected, seen)) return;
  throw new Breach(
    `after ${place}\nquery ${textOf(query)}\nthe machine answered ${textOf(seen)}\nthe spec says ${textOf(expected)}`,
  );
}
