import { test } from "node:test";
import { keepIn } from "./keep.ts";
import { type ScenarioTest, scenarioTestOf } from "./scenario-test.ts";
import { type SimTest, simTestOf, type TakeTest } from "./sim-test.ts";

const take: TakeTest = (name, run, timeoutMs) => void test(name, { timeout: timeoutMs }, run);
const keep = keepIn(process);

/** A simulation as a test of Node's own runner. */
export const simTest: SimTest = simTestOf(take, () => process.env, keep);

/** A scripted run as a test of Node's own runner. */
export const scenarioTest: ScenarioTest = scenarioTestOf(take, keep);
