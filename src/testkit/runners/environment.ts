import { invalidArgument, type QuorateError } from "../../base/errors.ts";

/** What whoever starts the tests says about simulations, without touching the tests. */
export interface SimEnvironment {
  /** QUORATE_SIM_SEED: the one seed to run. */
  readonly seed: number | null;
  /** QUORATE_SIM_BUDGET, such as `500ms`, `30s` or `10m`, in milliseconds. */
  readonly budgetMs: number | null;
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** Reads the variables. Throws ERR_INVALID_ARGUMENT for what makes no sense: to ignore it would hide that nothing was asked. */
export function readSimEnvironment(variables: Readonly<Record<string, string | undefined>>): SimEnvironment {
  const { QUORATE_SIM_SEED: seed, QUORATE_SIM_BUDGET: budget } = variables;
  return {
    seed: seed === undefined ? null : seedOf(seed),
    budgetMs: budget === undefined ? null : spanOf(budget),
  };
}

function seedOf(text: string): number {
  const seed = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(seed)) return seed;
  throw invalid("QUORATE_SIM_SEED", text, "a whole number");
}

function spanOf(text: string): number {
  const [, count, unit] = /^(\d+)(ms|s|m|h)$/.exec(text) ?? [];
  if (count !== undefined && unit !== undefined) return Number(count) * UNITS[unit]!;
  throw invalid("QUORATE_SIM_BUDGET", text, "a time such as 500ms, 30s or 10m");
}

function invalid(argument: string, received: string, wanted: string): QuorateError {
  return invalidArgument(argument, received, `${argument} must be ${wanted}, not "${received}"`);
}
