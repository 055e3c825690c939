import { test } from "vitest";
import { keepIn } from "./keep.ts";
import { type SimTest, simTestOf } from "./sim-test.ts";

/** A simulation as a test of vitest. */
export const simTest: SimTest = simTestOf(
  (name, run, timeoutMs) => test(name, { timeout: timeoutMs }, run),
  () => globalThis.process?.env ?? {},
  keepIn(globalThis.process),
);
