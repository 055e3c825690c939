/**
 * Runs seeds against the sources in this copy until one breaks a promise: `hunt.ts SOURCES MODE FAULTS SEEDS SECONDS`.
 * Prints one line of JSON. It imports the copy that it is told of, never the sources beside it.
 */
import { pathToFileURL } from "node:url";
import type * as Faults from "../../src/testkit/faults.ts";
import type * as CoreRun from "../../src/testkit/simulation/core-run.ts";
import type * as FullRun from "../../src/testkit/simulation/full-run.ts";

const [sources, mode, profile, seedsMax, secondsMax] = process.argv.slice(2) as [
  string,
  "core" | "full",
  "standard" | "nightmare",
  string,
  string,
];

async function load<Module>(path: string): Promise<Module> {
  return (await import(pathToFileURL(`${sources}/testkit/${path}`).href)) as Module;
}

const { faults } = await load<typeof Faults>("faults.ts");
const { planCoreScenario, runCoreScenario } = await load<typeof CoreRun>("simulation/core-run.ts");
const { planKvScenario, runKvScenario } = await load<typeof FullRun>("simulation/full-run.ts");

const run = (seed: number) =>
  mode === "core"
    ? runCoreScenario(planCoreScenario(seed, faults[profile]()))
    : runKvScenario(planKvScenario(seed, faults[profile]()));

const begin = performance.now();
let seed = 0;
let failure: { readonly invariant: string; readonly message: string } | null = null;
while (failure === null && seed < Number(seedsMax) && performance.now() - begin < Number(secondsMax) * 1000) {
  seed += 1;
  failure = run(seed).failure;
}
const { invariant = "", message = "" } = failure ?? {};
console.log(JSON.stringify({ killed: failure !== null, seeds: seed, invariant, message }));
