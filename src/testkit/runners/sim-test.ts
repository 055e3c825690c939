import { failureFiles, failureFolder } from "../report/failure-files.ts";
import { describeReport, replay, type SimFailure, type SimulateOptions, simulate } from "../simulate.ts";
import { readSimEnvironment } from "./environment.ts";

/** How a test framework takes one test. */
export type TakeTest = (name: string, run: () => void, timeoutMs: number) => unknown;

/** Keeps files in a folder, for people to look at. */
export type Keep = (folder: string, files: ReadonlyMap<string, string>) => void;

/**
 * A simulation as one test of a framework. It fails unless the verdict is `pass`: `vacuous` and `unknown` are no
 * success. QUORATE_SIM_SEED and QUORATE_SIM_BUDGET overrule the options.
 */
export type SimTest = <State, Command, Result, Query = void, Answer = unknown>(
  name: string,
  options: SimulateOptions<State, Command, Result, Query, Answer>,
) => void;

/** As `simulate` has it where nothing says how long. */
const DEFAULT_BUDGET_MS = 5_000;
/** The last seed may begin just before the budget is used up, and a failure is made smaller after it. */
const GRACE_MS = 60_000;

/** Makes the `simTest` of a framework. */
export function simTestOf(
  take: TakeTest,
  variables: () => Readonly<Record<string, string | undefined>>,
  keep: Keep,
): SimTest {
  return (name, options) => {
    const asked = overruled(options, variables());
    const timeoutMs = (asked.budget?.ms ?? DEFAULT_BUDGET_MS) + GRACE_MS;
    const run = (): void => {
      const report = simulate(asked);
      if (report.verdict === "pass") return;
      const where = report.failure === undefined ? "" : `\n${kept(report.failure, asked, keep)}`;
      throw new Error(`${name}: ${describeReport(report)}${where}`);
    };
    take(name, run, timeoutMs);
  };
}

/** Keeps a failure, and says how to see it again. */
function kept<State, Command, Result, Query, Answer>(
  failure: SimFailure,
  options: SimulateOptions<State, Command, Result, Query, Answer>,
  keep: Keep,
): string {
  const folder = failureFolder(failure.seed);
  const { recording } = replay(failure.scenario, options);
  keep(folder, failureFiles(failure, recording));
  return `again: QUORATE_SIM_SEED=${failure.seed}\nas a picture: ${folder}/report.html`;
}

function overruled<Options extends { readonly budget?: { readonly seeds?: number | undefined } | undefined }>(
  options: Options,
  variables: Readonly<Record<string, string | undefined>>,
): Options {
  const { seed, budgetMs } = readSimEnvironment(variables);
  if (seed !== null) return { ...options, seed, budget: { seeds: 1 } };
  return budgetMs === null ? options : { ...options, budget: { ms: budgetMs } };
}
