import { exact } from "../../base/surplus.ts";
import type { Recording } from "../recording.ts";
import { type AnySystem, recordScenario } from "../run-scenario.ts";
import type { ClusterPlan, DiskPlan, NetworkPlan, Scenario } from "../scenario.ts";
import { type MachineOptions, systemOf } from "../simulate.ts";
import type { Failure } from "../simulation/run/simulation.ts";
import { tellStory } from "../story.ts";
import { Director } from "./director.ts";
import type { Script } from "./script.ts";
import { Stage } from "./stage.ts";

export interface ScriptOptions<State, Command, Result, Query, Answer>
  extends MachineOptions<State, Command, Result, Query, Answer> {
  /** How many members found the cluster; 3 by default. */
  readonly members?: number | undefined;
  /** How many more stand ready to be added; none by default. */
  readonly spares?: number | undefined;
  /** The same seed, the same run; 1 by default. Other seeds elect others, and deliver and save at other moments. */
  readonly seed?: number | undefined;
  /** Ticks, snapshots and the drift of clocks, where they are to be other than usual. */
  readonly cluster?: Partial<Omit<ClusterPlan, "voters" | "spares" | "core">> | undefined;
  /** By default nothing is lost, and everything arrives in order after 2 ms at most. */
  readonly network?: Partial<NetworkPlan> | undefined;
  /** By default a write or sync takes 1 ms at most. */
  readonly disk?: Partial<DiskPlan> | undefined;
}

/** A scripted run broke a promise, or was not as its script expects. */
export class ScenarioFailure extends Error {
  override readonly name = "ScenarioFailure";
  readonly failure: Failure;
  /** The run as plain data: `replay` and `quorate sim` run it again, without the script. */
  readonly scenario: Scenario;
  /** What led to it, a line for each event. */
  readonly story: readonly string[];
  readonly recording: Recording;

  /** Creates the error for a scenario that failed. */
  constructor(name: string, failure: Failure, scenario: Scenario, recording: Recording, cause?: unknown) {
    const story = tellStory(recording);
    const { cluster, seed } = scenario;
    const size = `seed ${seed}, ${cluster.voters} members, after ${failure.at / 1000} virtual ms`;
    super([`${name}: ${failure.message}`, size, ...story].join("\n"), { cause });
    this.failure = failure;
    this.scenario = scenario;
    this.story = story;
    this.recording = recording;
  }
}

/**
 * Plays a script on a simulated cluster, in virtual time and in this thread: the same members, disks and network as in
 * `simulate`, held against the same promises, while you say what happens. At the end of the script everything is mended,
 * and the cluster must come to be of one mind.
 *
 * Gives the run as plain data, with all times resolved: `replay` runs it again without the script, to the last message.
 * Throws a `ScenarioFailure` when a promise is broken, an `expect` is not met, or the script throws.
 */
export const scenario = exact("scenario", 3, function scenario<
  State,
  Command,
  Result,
  Query = void,
  Answer = unknown,
>(name: string, options: ScriptOptions<State, Command, Result, Query, Answer>, script: (s: Script<Command, Result, Query, Answer>) => void): Scenario {
  const system = systemOf(options);
  const stage = new Stage(planOf(options), system);
  const director = new Director<Command, Result, Query, Answer>(stage);
  try {
    const { failure } = stage.play(() => refusePromise(script(director)));
    if (failure === undefined) return stage.scenario;
    const { recording } = recordScenario(stage.scenario, system, { title: name });
    throw new ScenarioFailure(name, failure, stage.scenario, recording);
  } catch (cause) {
    if (cause instanceof ScenarioFailure) throw cause;
    throw objection(name, stage, system, cause);
  }
});

/** What the script itself objects to: that is no part of the scenario, which is run again to just that step. */
function objection(name: string, stage: Stage, system: AnySystem, cause: unknown): ScenarioFailure {
  const message = cause instanceof Error ? cause.message : String(cause);
  const failure = { invariant: "script", message, at: stage.now };
  const { recording } = recordScenario(stage.scenario, system, {
    title: name,
    stepsMax: stage.steps,
    objection: failure,
  });
  return new ScenarioFailure(name, failure, stage.scenario, recording, cause);
}

/** An asynchronous function is a function that gives nothing, to the type checker. */
function refusePromise(given: unknown): void {
  if (given instanceof Promise) {
    given.catch(() => {});
    throw new TypeError("a script must not be asynchronous: all its time is virtual");
  }
}

function planOf<State, Command, Result, Query, Answer>({
  members = 3,
  spares = 0,
  seed = 1,
  ...options
}: ScriptOptions<State, Command, Result, Query, Answer>): Scenario {
  return {
    format: 1,
    mode: "full",
    seed,
    cluster: {
      ...{ voters: members, spares, tickMs: 20, electionTicks: 10, driftPermille: [] },
      ...{ snapshotEntries: 1_000, trailingEntries: 20, core: {} },
      ...options.cluster,
    },
    network: {
      ...{ loss: 0, duplication: 0, delayMsMin: 0.1, delayMsMax: 2, isOrdered: true },
      ...options.network,
    },
    disk: { delayMsMin: 0.05, delayMsMax: 1, ...options.disk },
    stormMs: 0,
    calmMs: 60_000,
    actions: [],
  };
}
