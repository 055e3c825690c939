import { keepIn } from "./keep.ts";
import { type ScenarioTest, scenarioTestOf } from "./scenario-test.ts";
import { type SimTest, simTestOf, type TakeTest } from "./sim-test.ts";

interface JestGlobals {
  readonly test: (name: string, run: () => void, timeoutMs: number) => unknown;
}

const take: TakeTest = (name, run, timeoutMs) =>
  (globalThis as unknown as JestGlobals).test(name, run, timeoutMs);
const keep = keepIn(globalThis.process);

/** A simulation as a test of jest, or of anything else that has a global `test` like jest's. */
export const simTest: SimTest = simTestOf(take, () => globalThis.process?.env ?? {}, keep);

/** A scripted run as such a test. */
export const scenarioTest: ScenarioTest = scenarioTestOf(take, keep);
