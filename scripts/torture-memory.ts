/**
 * `npm run torture:memory [-- --only N] [--dir FOLDER]`: fills stores under four limits of memory, with the quota that they
 * choose by themselves. Each has to refuse writes (ERR_NO_SPACE) before V8 or the kernel ends the process; then it is killed,
 * started again in at most 1.5 × the memory that it needs afterwards, and takes writes once something was deleted.
 *
 *   --only N      only the limit of this number, from 1
 *   --dir FOLDER  where the members keep their stores and what they print; a temporary one by default
 *
 * The limits: a heap of 96 MiB with small keys, a heap of 192 MiB with values of 100 KB, a container of 300 MiB (a control
 * group, which needs root), and three members with a heap of 96 MiB each. The last line is the verdict; the exit code is 1
 * when anything was not as it should be.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { buildMember } from "../test/torture/memory/build.ts";
import { runScenario, SCENARIOS } from "../test/torture/memory/limits.ts";

const { values } = parseArgs({
  options: { only: { type: "string" }, dir: { type: "string" }, help: { type: "boolean" } },
});
if (values.help === true) {
  const [, comment] = /\/\*\*([\s\S]*?)\*\//.exec(readFileSync(fileURLToPath(import.meta.url), "utf8"))!;
  console.log(comment!.replace(/\n \* ?/g, "\n").trim());
  process.exit();
}

const folder = values.dir ?? mkdtempSync(join(tmpdir(), "quorate-memory-"));
const program = await buildMember(folder);
const chosen = SCENARIOS.filter((_, at) => values.only === undefined || at + 1 === Number(values.only));
const outcomes = [];
for (const [at, scenario] of chosen.entries())
  outcomes.push(
    await runScenario(scenario, program, join(folder, String(at + 1)), (line) => console.log(line)),
  );

const refused = outcomes.filter(({ isRefusedInTime }) => isRefusedInTime).length;
const died = outcomes.reduce((sum, outcome) => sum + outcome.died, 0);
const restarted = outcomes.filter(({ isRestarted }) => isRestarted).length;
const isWell = refused === chosen.length && died === 0 && restarted === chosen.length;
if (!isWell) process.exitCode = 1;
if (isWell && values.dir === undefined) rmSync(folder, { recursive: true });
else console.log(`what the members left is in ${folder}`);
console.log(`limits ${chosen.length}, refused in time ${refused}, died ${died}, restarted ${restarted}`);
