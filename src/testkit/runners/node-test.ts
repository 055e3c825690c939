import { test } from "node:test";
import { keepIn } from "./keep.ts";
import { type SimTest, simTestOf } from "./sim-test.ts";

/** A simulation as a test of Node's own runner. */
export const simTest: SimTest = simTestOf(
  (name, run, timeoutMs) => void test(name, { timeout: timeoutMs }, run),
  () => process.env,
  keepIn(process),
);
