import { describeReport, type SimulateOptions, simulate } from "../simulate.ts";
import { readSimEnvironment } from "./environment.ts";

/** How a test framework takes one test. */
export type TakeTest = (name: string, run: () => void, timeoutMs: number) => unknown;

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
): SimTest {
  return (name, options) => {
    const asked = overruled(options, variables());
    const timeoutMs = (asked.budget?.ms ?? DEFAULT_BUDGET_MS) + GRACE_MS;
    const run = (): void => {
      const report = simulate(asked);
      if (report.verdict !== "pass") throw new Error(`${name}: ${describeReport(report)}`);
    };
    take(name, run, timeoutMs);
  };
}

function overruled<Options extends { readonly budget?: { readonly seeds?: number | undefined } | undefined }>(
  options: Options,
  variables: Readonly<Record<string, string | undefined>>,
): Options {
  const { seed, budgetMs } = readSimEnvironment(variables);
  if (seed !== null) return { ...options, seed, budget: { seeds: 1 } };
  return budgetMs === null ? options : { ...options, budget: { ms: budgetMs } };
}
