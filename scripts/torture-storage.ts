/**
 * `npm run torture:storage [-- --full] [--seed N] [--workers N]`: cuts the power, fails calls and damages bytes of a
 * storage in every way that `test/storage/torture/kinds.ts` knows, and looks whether anything that was acknowledged is
 * lost in silence. Each kind runs in a process of its own, N of them at a time, with a small heap, so that a hang or a
 * flood of memory is seen too. The last line is the verdict; the exit code is 1 when there is anything to say against
 * the storage.
 */
import { fork } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Extent, TORTURES } from "../test/storage/torture/kinds.ts";
import { type Fault, type Finding, Tally } from "../test/storage/torture/tally.ts";

const HEAP_MEGABYTES = 256;
/**
 * No thousand cases take two minutes; a child that is silent for so long hangs. Counted in looks, not by the clock: a
 * machine that sleeps, or a run that was stopped for a while, comes to one look more.
 */
const LOOK_MS = 5_000;
const SILENT_LOOKS_MAX = 24;

/** What a child tells of the kind of torture that it runs. */
interface Report {
  readonly cases: number;
  readonly intact: number;
  readonly refused: number;
  readonly dropped: number;
  readonly repaired: number;
  readonly faults: Readonly<Record<Fault, number>>;
  readonly findings: readonly Finding[];
  readonly isLast: boolean;
}

const { values } = parseArgs({
  options: {
    full: { type: "boolean", default: false },
    seed: { type: "string", default: "1" },
    workers: { type: "string", default: String(Math.min(4, availableParallelism())) },
    only: { type: "string" },
  },
});
const extent: Extent = values.full ? "full" : "quick";
const seed = Number.parseInt(values.seed, 10);
const workers = Number.parseInt(values.workers, 10);

if (process.send !== undefined && values.only !== undefined) runChild(values.only);
else await runParent();

function runChild(name: string): void {
  const tally: Tally = new Tally(() => send(false));
  const send = (isLast: boolean): void => {
    const { cases, intact, refused, dropped, repaired, faults, findings } = tally;
    process.send!({ cases, intact, refused, dropped, repaired, faults, findings, isLast } satisfies Report);
  };
  TORTURES.find((torture) => torture.name === name)!.run(seed, extent, tally);
  send(true);
}

async function runParent(): Promise<void> {
  console.log(`torture of the storage, ${extent}, seed ${seed}\n`);
  const waiting = TORTURES.map(({ name }) => name);
  const reports = new Map<string, Report>();
  const work = async (): Promise<void> => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      reports.set(name, await torture(name));
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  print(reports);
}

/** Runs one kind in a process of its own, and gives what it reported last. */
function torture(name: string): Promise<Report> {
  const args = ["--only", name, "--seed", String(seed), ...(values.full ? ["--full"] : [])];
  const child = fork(fileURLToPath(import.meta.url), args, {
    execArgv: [...process.execArgv, `--max-old-space-size=${HEAP_MEGABYTES}`],
  });
  const begin = performance.now();
  let last: Report = { ...new Tally(), isLast: false };
  let toldAt = begin;
  return new Promise((resolve) => {
    let silentLooks = 0;
    const looking = setInterval(() => {
      if (++silentLooks > SILENT_LOOKS_MAX) child.kill("SIGKILL");
    }, LOOK_MS);
    child.on("message", (message) => {
      last = message as Report;
      silentLooks = 0;
      if (!last.isLast && performance.now() - toldAt < 10_000) return;
      toldAt = performance.now();
      const seconds = ((toldAt - begin) / 1000).toFixed(0);
      console.log(`${name}: ${last.cases} cases, ${sum(last.faults)} faults, ${seconds} s`);
    });
    child.on("exit", (code, signal) => {
      clearInterval(looking);
      resolve(last.isLast ? last : cutOff(last, name, code, signal));
    });
  });
}

/** A child that did not come to its end counts as a fault itself. */
function cutOff(last: Report, name: string, code: number | null, signal: string | null): Report {
  const fault: Fault = signal === "SIGKILL" ? "hang" : "untyped error";
  const text = `${name}: the process ended with ${signal ?? code} after ${last.cases} cases`;
  const faults = { ...last.faults, [fault]: last.faults[fault] + 1 };
  return { ...last, faults, findings: [...last.findings, { fault, text }] };
}

function print(reports: ReadonlyMap<string, Report>): void {
  const all = TORTURES.map(({ name }) => [name, reports.get(name)!] as const);
  const row = (name: string, cells: readonly (string | number)[]): string =>
    name.padEnd(40) + cells.map((cell) => String(cell).padStart(10)).join("");
  console.log(`\n${row("", ["cases", "intact", "refused", "dropped", "repaired", "faults"])}`);
  for (const [name, { cases, intact, refused, dropped, repaired, faults }] of all) {
    console.log(row(name, [cases, intact, refused, dropped, repaired, sum(faults)]));
  }
  const findings = all.flatMap(([, report]) => report.findings);
  for (const { fault, text } of findings) console.log(`\n${fault}: ${text}`);

  const count = (fault: Fault): number => all.reduce((total, [, report]) => total + report.faults[fault], 0);
  const cases = all.reduce((total, [, report]) => total + report.cases, 0);
  const losses = count("silent loss");
  const verdict = `silent losses ${losses}, untyped errors ${count("untyped error")}, hangs ${count("hang")}`;
  console.log(`\ncases ${cases}, ${verdict}`);
  process.exitCode = findings.length === 0 ? 0 : 1;
}

function sum(faults: Report["faults"]): number {
  return Object.values(faults).reduce((total, count) => total + count, 0);
}
