import { describe, expect, it } from "vitest";
import { LawViolation } from "../../src/testkit/laws/breach.ts";
import { checkLaws } from "../../src/testkit/laws/check-laws.ts";
import { checkModel, ModelViolation } from "../../src/testkit/model.ts";
import { simulate } from "../../src/testkit/simulate.ts";
import { BROKEN } from "./machines/index.ts";
import type { Sample } from "./machines/sample.ts";

const THIRTY_SECONDS = 30_000;
/** Each of them takes a second's work or two. */
const SEEDS = 25;

describe("with its defaults the kit finds the machine that", () => {
  it.each(BROKEN)("$story", { timeout: THIRTY_SECONDS }, (sample) => {
    expect(brokenBy(sample)).toBe(sample.breaks);
  });
});

describe("the simulation alone finds, in 25 seeds, the machine that", () => {
  it.each(BROKEN)(
    "$story",
    { timeout: THIRTY_SECONDS },
    ({ make: machine, commands, queries, spec, shows }) => {
      const budget = { seeds: SEEDS };
      const report = simulate({ machine, commands, queries, spec, budget, shrinkMs: 0 });
      expect(shows).toContain(report.failure?.invariant);
    },
  );
});

/** By which law, or "model", or null when nothing is found. */
function brokenBy({ make, commands, queries, spec }: Sample): string | null {
  try {
    checkLaws(make, { commands, queries });
    if (spec !== undefined) checkModel(make, spec, { commands, queries });
    return null;
  } catch (error) {
    if (process.env["SHOW_VIOLATIONS"] !== undefined) console.log((error as Error).message);
    if (error instanceof LawViolation) return error.law;
    if (error instanceof ModelViolation) return "model";
    throw error;
  }
}
