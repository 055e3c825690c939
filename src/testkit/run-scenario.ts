import { type FaultProfile, faults } from "./faults.ts";
import type { Recording } from "./recording.ts";
import { Recorder } from "./report/recorder.ts";
import type { Scenario } from "./scenario.ts";
import { planCoreScenario, runCoreScenario } from "./simulation/core/core-run.ts";
import { planKvScenario, runFullScenario } from "./simulation/full/full-run.ts";
import { kvSystem } from "./simulation/kv/kv-system.ts";
import type { SimSystem } from "./simulation/run/sim-system.ts";
import type { Failure, RunOptions, RunResult } from "./simulation/run/simulation.ts";

// A system may be of any types: whoever runs it only hands its values on.
/** A simulated system of any types, for code that only passes its values through. */
export type AnySystem = SimSystem<never, unknown, never, unknown>;

/** Runs a scenario as it says: cores alone, or whole members with `system`, which is the key-value store by default. */
export function runScenario(
  scenario: Scenario,
  system: AnySystem = kvSystem as unknown as AnySystem,
  options: Partial<RunOptions> = {},
): RunResult {
  return scenario.mode === "core"
    ? runCoreScenario(scenario, options)
    : runFullScenario(scenario, system, options);
}

/** Options of `recordScenario`: the title of the report, and where the run ends. */
export interface RecordOptions {
  readonly title?: string | undefined;
  /** The command line that runs the same again. */
  readonly replay?: string | undefined;
  /** The run ends after so many steps … */
  readonly stepsMax?: number | undefined;
  /** … since somebody objects to what is there then. */
  readonly objection?: Failure | undefined;
}

/** Runs a scenario and keeps all that happened. */
export function recordScenario(
  scenario: Scenario,
  system?: AnySystem,
  { title = "a simulated cluster", replay, stepsMax, objection }: RecordOptions = {},
): { readonly result: RunResult; readonly recording: Recording } {
  const recorder = new Recorder();
  const result = runScenario(scenario, system, { onEvent: recorder.observe, stepsMax });
  const failure = result.failure ?? objection;
  const recording = recorder.recording({ title, seed: scenario.seed, failure, replay });
  return { result, recording };
}

export interface SeedOptions {
  readonly mode?: Scenario["mode"] | undefined;
  /** What may go wrong; everything that a cluster should stand by default. */
  readonly faults?: FaultProfile | undefined;
}

/** The scenario that a seed makes: for cores alone, or for whole members with the key-value store. */
export function planSeed(
  seed: number,
  { mode = "full", faults: profile = faults.standard() }: SeedOptions = {},
): Scenario {
  return mode === "core" ? planCoreScenario(seed, profile) : planKvScenario(seed, profile);
}

/** Plans and runs one seed of our own cores, or of our own store. */
export function runSeed(seed: number, options: SeedOptions = {}): RunResult {
  return runScenario(planSeed(seed, options));
}
