/**
 * Runs seeds against the sources in a copy until one breaks a promise: `hunt.ts SOURCES MODE FAULTS SEED SEEDS SECONDS`.
 * Prints one line of JSON, a `Catch`. It imports the copy that it is told of, never the sources beside it.
 */
import { pathToFileURL } from "node:url";
import type * as Faults from "../../src/testkit/faults.ts";
import type { FaultProfile } from "../../src/testkit/faults.ts";
import type { PlanOptions } from "../../src/testkit/simulation/chance/plan.ts";
import type * as CoreRun from "../../src/testkit/simulation/core/core-run.ts";
import type * as FullRun from "../../src/testkit/simulation/full/full-run.ts";
import type { Catch } from "./hunter.ts";
import type { Mode, Profile } from "./mutant.ts";

const [sources, mode, profile, first, seedsMax, secondsMax] = process.argv.slice(2) as [
  string,
  Mode,
  Profile,
  string,
  string,
  string,
];

async function load<Module>(path: string): Promise<Module> {
  return (await import(pathToFileURL(`${sources}/testkit/${path}`).href)) as Module;
}

const { faults } = await load<typeof Faults>("faults.ts");
const { planCoreScenario, runCoreScenario } = await load<typeof CoreRun>("simulation/core/core-run.ts");
const { planKvScenario, runKvScenario } = await load<typeof FullRun>("simulation/full/full-run.ts");

const PROFILES: { readonly [name in Profile]: () => readonly [FaultProfile, Partial<PlanOptions>?] } = {
  standard: () => [faults.standard()],
  rotten: () => [faults.rot(), { voters: 3 }],
  careless: () => [faults.mix(faults.partitions(), faults.rot(), faults.operator()), { voters: 3 }],
  divided: () => [faults.mix(faults.network(), faults.partitions()), { voters: 5 }],
  stalled: () => [faults.mix(faults.partitions(), faults.disks()), { voters: 3 }],
  reshaped: () => [faults.mix(faults.partitions(), faults.membership()), { voters: 4 }],
};

const run = (seed: number) =>
  mode === "core"
    ? runCoreScenario(planCoreScenario(seed, ...PROFILES[profile]()))
    : runKvScenario(planKvScenario(seed, ...PROFILES[profile]()));

// Its own processor's time: how busy the machine is besides makes no difference to what is found.
const begin = process.cpuUsage();
const elapsed = () => process.cpuUsage(begin).user / 1000;
let seeds = 0;
let steps = 0;
let failure: { readonly invariant: string; readonly message: string } | undefined;
while (failure === undefined && seeds < Number(seedsMax) && elapsed() < Number(secondsMax) * 1000) {
  const result = run(Number(first) + seeds);
  seeds += 1;
  steps += result.steps;
  failure = result.failure;
}
const { invariant = null, message = "" } = failure ?? {};
const caught: Catch = { invariant, message, seeds, steps, ms: Math.round(elapsed()) };
console.log(JSON.stringify(caught));
