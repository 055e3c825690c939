import { keepIn } from "./keep.ts";
import { type SimTest, simTestOf } from "./sim-test.ts";

interface JestGlobals {
  readonly test: (name: string, run: () => void, timeoutMs: number) => unknown;
}

/** A simulation as a test of jest, or of anything else that has a global `test` like jest's. */
export const simTest: SimTest = simTestOf(
  (name, run, timeoutMs) => (globalThis as unknown as JestGlobals).test(name, run, timeoutMs),
  () => globalThis.process?.env ?? {},
  keepIn(globalThis.process),
);
