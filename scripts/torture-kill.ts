/**
 * `npm run torture:kill [-- --kills N] [--seed N] [--dir FOLDER]`: three members in real processes under load, killed
 * again and again; see `test/torture/kills.ts`. The last line is the verdict; the exit code is 1 when anything was lost.
 * The members' folders stay when something was lost or went wrong, and `--dir` says where they are.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { killMembers } from "../test/torture/kills.ts";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "200" },
    seed: { type: "string", default: "1" },
    dir: { type: "string" },
  },
});
const folder = values.dir ?? mkdtempSync(join(tmpdir(), "quorate-kills-"));
console.log(`kills of members in ${folder}, seed ${values.seed}`);

const verdict = await killMembers(
  folder,
  Number.parseInt(values.kills, 10),
  Number.parseInt(values.seed, 10),
  (line) => console.log(line),
);
const { kills, restarts, readyMs, acknowledged, lost } = verdict;
for (const line of lost.slice(0, 50)) console.log(line);
const [median, slowest] = [0.5, 1].map((part) => readyMs[Math.ceil(readyMs.length * part) - 1] ?? Number.NaN);
console.log(
  `ready again: median ${median!.toFixed(0)} ms, slowest ${slowest!.toFixed(0)} ms, of ${readyMs.length} restarts`,
);
console.log(`kills ${kills}, restarts ${restarts}, acknowledged ${acknowledged}, lost ${lost.length}`);
if (lost.length > 0) process.exitCode = 1;
else if (values.dir === undefined) rmSync(folder, { recursive: true });
