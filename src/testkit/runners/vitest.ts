import { test } from "vitest";
import { keepIn } from "./keep.ts";
import { type ScenarioTest, scenarioTestOf } from "./scenario-test.ts";
import { type SimTest, simTestOf, type TakeTest } from "./sim-test.ts";

const take: TakeTest = (name, run, timeoutMs) => test(name, { timeout: timeoutMs }, run);
const keep = keepIn(globalThis.process);

/** A simulation as a test of vitest. */
export const simTest: SimTest = simTestOf(take, () => globalThis.process?.env ?? {}, keep);

/** A scripted run as a test of vitest. */
export const scenarioTest: ScenarioTest = scenarioTestOf(take, keep);
