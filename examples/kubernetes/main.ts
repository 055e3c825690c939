import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { Cluster } from "./cluster.ts";
import { runJob } from "./job.ts";
import { loadManifests, type Manifests } from "./manifests.ts";
import { BadOptions, HELP, type Options, parseOptions } from "./options.ts";
import { Progress } from "./progress.ts";
import { type Report, renderProblem, renderReport, verdict } from "./report.ts";

const EXIT_FAILED = 1;
const EXIT_BAD_OPTIONS = 2;
/** Shells report a program that a signal ended by this plus the signal's number. */
const EXIT_SIGNAL = 128;

/** Someone wants the run to end early. */
class Interrupted extends Error {
  override readonly name = "Interrupted";
  readonly signal: keyof typeof constants.signals;

  constructor(signal: keyof typeof constants.signals) {
    super(`stopped by ${signal}`);
    this.signal = signal;
  }
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options.isHelp) process.stdout.write(HELP);
  else print(await run(options), options);
  process.exit(0);
} catch (error) {
  process.stderr.write(`main job: failed: ${describe(error)}\n`);
  process.exit(exitCodeOf(error));
}

/** Runs the main job in a folder of its own, and leaves neither a process nor a temporary file behind. */
async function run(options: Options): Promise<Report> {
  const interruption = interrupted();
  const progress = new Progress(options.isJson ? process.stderr : process.stdout);
  const manifests = await load(options, progress);
  const directory = options.data ?? mkdtempSync(join(tmpdir(), "quorate-kubernetes-"));
  mkdirSync(directory, { recursive: true });
  const cluster = await Cluster.prepare(directory);
  try {
    return await Promise.race([runJob(cluster, manifests, progress), cluster.failed, interruption]);
  } finally {
    await cluster.abandon();
    if (options.data === null) rmSync(directory, { recursive: true, force: true });
  }
}

async function load({ manifests: directory }: Options, progress: Progress): Promise<Manifests> {
  const manifests = loadManifests(directory);
  const { files, objects, problems } = manifests;
  const kinds = new Set(objects.map(({ kind }) => kind)).size;
  progress.line(
    "manifests",
    `${objects.length} objects of ${kinds} kinds in ${files} files, ${problems.length} broken`,
  );
  for (const problem of problems) progress.line("", renderProblem(problem));
  if (objects.length === 0) throw new Error(`there is no manifest to work with in ${directory}`);
  return manifests;
}

function print(report: Report, { isJson }: Options): void {
  if (isJson) process.stdout.write(`${JSON.stringify({ ok: true, ...report }, null, 2)}\n`);
  else process.stdout.write(`\n${renderReport(report)}\n\n${verdict(report)}\n`);
}

/** Rejects when someone wants the run to end early. */
function interrupted(): Promise<never> {
  const interruption = new Promise<never>((_, reject) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(signal, () => reject(new Interrupted(signal)));
    }
  });
  // It may come before anybody waits for it.
  interruption.catch(() => {});
  return interruption;
}

function describe(error: unknown): string {
  if (error instanceof BadOptions) return `${error.message}\n\n${HELP}`;
  return error instanceof Error ? error.message : String(error);
}

function exitCodeOf(error: unknown): number {
  if (error instanceof BadOptions) return EXIT_BAD_OPTIONS;
  if (error instanceof Interrupted) return EXIT_SIGNAL + constants.signals[error.signal];
  return EXIT_FAILED;
}
