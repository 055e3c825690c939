import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { systemClock } from "../base/clock.ts";
import { faults } from "../testkit/faults.ts";
import { renderReport } from "../testkit/report/render-report.ts";
import { type AnySystem, planSeed, recordScenario, runScenario } from "../testkit/run-scenario.ts";
import { parseScenario, type Scenario } from "../testkit/scenario.ts";
import { shrinkScenario } from "../testkit/shrink.ts";
import {
  describeReport,
  planOf,
  runSeeds,
  type SimReport,
  type SimulateOptions,
  systemOf,
} from "../testkit/simulate.ts";
import { tellStory } from "../testkit/story.ts";
import { type Command, type ExitCode, UsageError } from "./command.ts";

const HELP = `Usage: quorate sim run [MODULE] [--mode core|full] [--faults NAME] [--seed N]
                         [--seeds N | --minutes M] [--shrink-seconds S] [--out DIR] [--json]
       quorate sim replay SCENARIO [MODULE] [--json]
       quorate sim shrink SCENARIO [MODULE] [--seconds S]
       quorate sim view SCENARIO [MODULE] [--out FILE]

Runs a cluster through crashes, torn disks, partitions and changes of membership, in
virtual time, and holds what happens against everything that is promised. Without a
module it is the key-value store that runs; a module exports as its default what
\`simulate\` of quorate/testkit takes.

  --mode      core: cores alone, fast; full (default): whole members
  --faults    standard (default), nightmare, none, network, partitions, crashes, …
  --seed      the first seed, 1 by default; the same seed is the same run
  --seeds     how many seeds to run; 100 where no minutes are given
  --out       where a failure is written: scenario.json, original.json, report.html

Ends with 0 when nothing was broken, with 1 when something was, with 2 when too little
happened to say anything, or the command line makes no sense.
`;

export const sim: Command = {
  name: "sim",
  summary: "Simulate clusters, and find, replay and shrink what breaks them",
  help: HELP,
  async run(args, print) {
    const [verb, ...rest] = args;
    if (verb === "run") return run(rest, print);
    if (verb === "replay") return replay(rest, print);
    if (verb === "shrink") return shrink(rest, print);
    if (verb === "view") return view(rest, print);
    throw new UsageError("run, replay, shrink or view is expected");
  },
};

type Print = (text: string) => void;

async function run(args: readonly string[], print: Print): Promise<ExitCode> {
  const { values, positionals } = parse(args, [
    "mode",
    "faults",
    "seed",
    "seeds",
    "minutes",
    "shrink-seconds",
    "out",
  ]);
  if (positionals.length > 1) throw new UsageError("one module is expected");
  const user = await loadModule(positionals[0]);
  const mode = text(values["mode"]) ?? "full";
  if (mode !== "core" && mode !== "full") throw new UsageError(`there is no mode "${mode}"`);
  const seeds = number(values, "seeds");
  const minutes = number(values, "minutes");
  const profile = faultsNamed(text(values["faults"]) ?? "standard");
  const begun = systemClock.monotonic();
  const report = runSeeds({
    plan:
      user === null
        ? (seed) => planSeed(seed, { mode, faults: profile })
        : planOf({ faults: profile, ...user }),
    system: user === null ? undefined : systemOf(user),
    seed: number(values, "seed") ?? 1,
    corpus: user?.corpus ?? [],
    seedsMax: seeds ?? (minutes === undefined ? 100 : Number.POSITIVE_INFINITY),
    msMax: minutes === undefined ? Number.POSITIVE_INFINITY : minutes * 60_000,
    shrinkMs: (number(values, "shrink-seconds") ?? 20) * 1000,
    mustMeet: user?.mustMeet ?? [],
    clock: systemClock,
  });
  const ms = systemClock.monotonic() - begun;
  if (values["json"] === true) print(`${JSON.stringify(asJson(report, ms), null, 2)}\n`);
  else print(`${describeReport(report)}\n${ratesOf(report, ms)}\n`);
  if (report.failure !== null) writeFailure(report, text(values["out"]), positionals[0], print);
  return report.verdict === "pass" ? 0 : report.verdict === "fail" ? 1 : 2;
}

async function replay(args: readonly string[], print: Print): Promise<ExitCode> {
  const { values, positionals } = parse(args, []);
  const { scenario, system } = await load(positionals);
  const { result, recording } = recordScenario(scenario, system);
  if (values["json"] === true) print(`${JSON.stringify({ failure: result.failure, recording }, null, 2)}\n`);
  else if (result.failure === null) print(`nothing is broken, after ${result.steps} steps\n`);
  else print(`${result.failure.message}\n${tellStory(recording).join("\n")}\n`);
  return result.failure === null ? 0 : 1;
}

async function shrink(args: readonly string[], print: Print): Promise<ExitCode> {
  const { values, positionals } = parse(args, ["seconds"]);
  const { scenario, system, path } = await load(positionals);
  const { failure } = runScenario(scenario, system);
  if (failure === null) {
    print("nothing is broken, so there is nothing to make smaller\n");
    return 2;
  }
  const shrunk = shrinkScenario(scenario, failure.invariant, {
    run: (candidate) => runScenario(candidate, system).failure?.invariant ?? null,
    budgetMs: (number(values, "seconds") ?? 30) * 1000,
    now: () => systemClock.monotonic(),
  });
  writeFileSync(path, textOf(shrunk.scenario));
  print(
    `${scenario.actions.length} actions became ${shrunk.scenario.actions.length}, after ${shrunk.runs} runs: ${path}\n`,
  );
  return 1;
}

async function view(args: readonly string[], print: Print): Promise<ExitCode> {
  const { values, positionals } = parse(args, ["out"]);
  const { scenario, system, path } = await load(positionals);
  const { recording } = recordScenario(scenario, system, {
    title: path,
    replay: `npx quorate sim replay ${path}`,
  });
  const out = text(values["out"]) ?? path.replace(/(\.json)?$/, ".html");
  writeFileSync(out, renderReport(recording));
  print(`${out}\n`);
  return 0;
}

async function load(
  positionals: readonly string[],
): Promise<{ readonly scenario: Scenario; readonly system: AnySystem | undefined; readonly path: string }> {
  const [path, module] = positionals;
  if (path === undefined || positionals.length > 2)
    throw new UsageError("a scenario is expected, and perhaps a module");
  const user = await loadModule(module);
  return { scenario: parseScenario(read(path)), system: user === null ? undefined : systemOf(user), path };
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

type UserOptions = SimulateOptions<unknown, unknown, unknown, unknown, unknown>;

async function loadModule(path: string | undefined): Promise<UserOptions | null> {
  if (path === undefined) return null;
  const module = (await import(pathToFileURL(resolve(path)).href)) as { readonly default?: UserOptions };
  if (typeof module.default?.machine === "function") return module.default;
  throw new UsageError(`${path} does not export what simulate takes as its default`);
}

function writeFailure(
  { failure }: SimReport,
  out: string | undefined,
  module: string | undefined,
  print: Print,
): void {
  const { original, scenario, seed } = failure!;
  const directory = out ?? join("sim-failures", String(seed));
  const replay = ["npx quorate sim replay", join(directory, "scenario.json"), module]
    .filter(Boolean)
    .join(" ");
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "scenario.json"), textOf(scenario));
  writeFileSync(join(directory, "original.json"), textOf(original));
  print(`again: ${replay}\nas a picture: ${replay.replace(" replay ", " view ")}\n`);
}

function textOf(scenario: Scenario): string {
  return `${JSON.stringify(scenario, null, 2)}\n`;
}

function asJson({ probes, ...report }: SimReport, ms: number): object {
  return { ...report, ms: Math.round(ms), probes: Object.fromEntries([...probes].sort()) };
}

function ratesOf({ steps, probes }: SimReport, ms: number): string {
  const met = [...probes].sort().map(([name, times]) => `${name} ${times}`);
  return `${Math.round((steps * 1000) / ms)} steps a second, ${(ms / 1000).toFixed(1)} s\nmet: ${met.join(", ")}`;
}

function faultsNamed(name: string): ReturnType<typeof faults.standard> {
  const profile = (
    faults as unknown as Readonly<Record<string, (() => ReturnType<typeof faults.standard>) | undefined>>
  )[name];
  if (profile === undefined || name === "mix") throw new UsageError(`there are no faults named ${name}`);
  return profile();
}

function parse(
  args: readonly string[],
  names: readonly string[],
): { readonly values: Readonly<Record<string, unknown>>; readonly positionals: readonly string[] } {
  const options: Record<string, { type: "string" | "boolean" }> = { json: { type: "boolean" } };
  for (const name of names) options[name] = { type: "string" };
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function number(values: Readonly<Record<string, unknown>>, name: string): number | undefined {
  const value = text(values[name]);
  if (value === undefined) return undefined;
  const parsed = Number(value);
  if (!(parsed >= 0)) throw new UsageError(`--${name} must be a number, 0 or more`);
  return parsed;
}
