import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { systemClock } from "../base/clock.ts";
import { QuorateError } from "../base/errors.ts";
import { faults } from "../testkit/faults.ts";
import { asTest } from "../testkit/report/as-test.ts";
import { failureFiles, failureFolder, scenarioText } from "../testkit/report/failure-files.ts";
import { renderReport } from "../testkit/report/render-report.ts";
import { type AnySystem, planSeed, recordScenario, runScenario } from "../testkit/run-scenario.ts";
import { parseScenario, type Scenario } from "../testkit/scenario.ts";
import { shrinkScenario } from "../testkit/shrink.ts";
import {
  describeReport,
  planOf,
  runSeeds,
  type SimFailure,
  type SimReport,
  type SimulateOptions,
  systemOf,
} from "../testkit/simulate.ts";
import { SITUATIONS } from "../testkit/simulation/world/probes.ts";
import { tellCauses, tellCourse, tellStory } from "../testkit/story.ts";
import { type Command, type ExitCode, UsageError, unusable } from "./command.ts";
import { attemptFile } from "./file-error.ts";
import { SIM_HELP, VERB_HELP } from "./sim-help.ts";

const VERBS = { run, replay, explain, shrink, view, totest } as const;

export const sim: Command = {
  name: "sim",
  summary: "Simulate clusters, and find, replay and shrink what breaks them",
  help: SIM_HELP,
  helpFor: ([verb]) => (isVerb(verb) ? VERB_HELP[verb] : SIM_HELP),
  async run([verb, ...rest], print) {
    if (!isVerb(verb)) throw new UsageError("run, replay, explain, shrink, view or totest is expected");
    return VERBS[verb](rest, print);
  },
};

function isVerb(verb: string | undefined): verb is keyof typeof VERBS {
  return verb !== undefined && Object.hasOwn(VERBS, verb);
}

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
  const system = user === null ? undefined : systemOf(user);
  const report = runSeeds({
    plan:
      user === null
        ? (seed) => planSeed(seed, { mode, faults: profile })
        : planOf({ faults: profile, ...user }),
    system,
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
  else {
    print(`${describeReport(report)}\n${ratesOf(report, ms)}\n`);
    if (user === null) print(missedOf(report, mode));
  }
  if (report.failure !== undefined)
    writeFailure(report.failure, { out: text(values["out"]), module: positionals[0], system }, print);
  return report.verdict === "pass" ? 0 : report.verdict === "fail" ? 1 : 2;
}

async function replay(args: readonly string[], print: Print): Promise<ExitCode> {
  const { values, positionals } = parse(args, []);
  const { scenario, system } = await load(positionals);
  const { result, recording } = recordScenario(scenario, system);
  if (values["json"] === true)
    print(`${JSON.stringify({ failure: result.failure ?? null, recording }, null, 2)}\n`);
  else if (result.failure === undefined) print(`nothing is broken, after ${result.steps} steps\n`);
  else print(`${result.failure.message}\n${tellStory(recording).join("\n")}\n`);
  return result.failure === undefined ? 0 : 1;
}

async function shrink(args: readonly string[], print: Print): Promise<ExitCode> {
  const { values, positionals } = parse(args, ["seconds"]);
  const { scenario, system, path } = await load(positionals);
  const { failure } = runScenario(scenario, system);
  if (failure === undefined) {
    print("nothing is broken, so there is nothing to make smaller\n");
    return 2;
  }
  const shrunk = shrinkScenario(scenario, failure.invariant, {
    run: (candidate) => runScenario(candidate, system).failure?.invariant ?? null,
    budgetMs: (number(values, "seconds") ?? 30) * 1000,
    now: () => systemClock.monotonic(),
  });
  attemptFile("cannot write", path, () => writeFileSync(path, scenarioText(shrunk.scenario)));
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
  attemptFile("cannot write", out, () => writeFileSync(out, renderReport(recording)));
  print(`${out}\n`);
  return 0;
}

async function explain(args: readonly string[], print: Print): Promise<ExitCode> {
  const { scenario, system } = await load(parse(args, []).positionals);
  const { result, recording } = recordScenario(scenario, system);
  const { voters, spares } = scenario.cluster;
  const head = `seed ${scenario.seed}, ${voters} members${spares === 0 ? "" : ` and ${spares} to be added`}`;
  print(`${head}: what was done, and who came to lead\n${tellCourse(recording).join("\n")}\n`);
  if (result.failure === undefined) print(`nothing is broken, after ${result.steps} steps\n`);
  else print(`what led to the violation\n${tellCauses(recording).join("\n")}\n`);
  return result.failure === undefined ? 0 : 1;
}

async function totest(args: readonly string[], print: Print): Promise<ExitCode> {
  const { positionals } = parse(args, []);
  const { scenario, system } = await load(positionals);
  const { failure } = runScenario(scenario, system);
  const title = failure === undefined ? "nothing is broken" : `${failure.invariant} is not broken`;
  print(asTest(scenario, { title: `${title} by seed ${scenario.seed}`, module: positionals[1] }));
  return 0;
}

async function load(
  positionals: readonly string[],
): Promise<{ readonly scenario: Scenario; readonly system: AnySystem | undefined; readonly path: string }> {
  const [path, module] = positionals;
  if (path === undefined || positionals.length > 2)
    throw new UsageError("a scenario is expected, and perhaps a module");
  const user = await loadModule(module);
  const scenario = orUsage(() =>
    parseScenario(attemptFile("cannot read the scenario", path, () => readFileSync(path, "utf8"))),
  );
  return { scenario, system: user === null ? undefined : systemOf(user), path };
}

/** Nothing has been simulated yet: the process must not end with 1, which says that something is broken. */
function orUsage<Value>(run: () => Value): Value {
  try {
    return run();
  } catch (error) {
    throw QuorateError.is(error) ? new UsageError(error.message) : error;
  }
}

type UserOptions = SimulateOptions<unknown, unknown, unknown, unknown, unknown>;

async function loadModule(path: string | undefined): Promise<UserOptions | null> {
  if (path === undefined) return null;
  orUsage(() => attemptFile("cannot read the module", path, () => readFileSync(path)));
  const module = (await import(pathToFileURL(resolve(path)).href)) as { readonly default?: UserOptions };
  if (typeof module.default?.machine === "function") return module.default;
  throw new UsageError(`${path} does not export what simulate takes as its default`);
}

function writeFailure(
  failure: SimFailure,
  {
    out,
    module,
    system,
  }: { out: string | undefined; module: string | undefined; system?: AnySystem | undefined },
  print: Print,
): void {
  const folder = out ?? failureFolder(failure.seed);
  const replay = ["npx quorate sim replay", join(folder, "scenario.json"), module].filter(Boolean).join(" ");
  const { recording } = recordScenario(failure.scenario, system, {
    title: `${failure.invariant} is broken, in a cluster of ${failure.scenario.cluster.voters}`,
    replay,
  });
  attemptFile("cannot write", folder, () => {
    mkdirSync(folder, { recursive: true });
    for (const [name, text] of failureFiles(failure, recording)) writeFileSync(join(folder, name), text);
  });
  print(`again: ${replay}\nas a picture: ${join(folder, "report.html")}\n`);
}

function asJson({ probes, ...report }: SimReport, ms: number): object {
  return {
    ...report,
    failure: report.failure ?? null,
    ms: Math.round(ms),
    probes: Object.fromEntries([...probes].sort()),
  };
}

function ratesOf({ steps, probes }: SimReport, ms: number): string {
  const met = [...probes].sort().map(([name, times]) => `${name} ${times}`);
  return `${Math.round((steps * 1000) / ms)} steps a second, ${(ms / 1000).toFixed(1)} s\nmet: ${met.join(", ")}`;
}

/** Situations that seeds of our own should meet, and these did not. */
function missedOf({ probes }: SimReport, mode: Scenario["mode"]): string {
  const missed = SITUATIONS[mode].filter((name) => !probes.has(name));
  return missed.length === 0 ? "" : `never met: ${missed.join(", ")}\n`;
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
    throw unusable(error, Object.keys(options));
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
