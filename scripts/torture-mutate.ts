import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { countsText, mutateDirectories, replayCase } from "../test/torture/mutate/mutate.ts";

/** Images come from a disk; the many copies of them need none. */
const MEMORY = "/dev/shm";

const HELP = `Usage: npm run torture:mutate -- [--count N] [--seed N] [--workers N] [--dir FOLDER]
       npm run torture:mutate -- --replay FOLDER

Damages data directories and looks at what becomes of them. Real processes keep a lone
member under steady load on a real disk, and kill themselves at some call to it. Each
copy of what they leave gets one random change: a range, a sector or the end of the
write-ahead log zeroed, a bit flipped, a file cut short, lengthened, deleted, swapped,
copied, or as it was earlier, in any file of the directory. Then it is started, and what
it serves is held against what was acknowledged.

  --count N        how many changes (default 500)
  --seed N         of the loads, the moments of the kills and the changes (default 1);
                   what a process had written when it was killed differs between runs
  --workers N      processes at a time (default: as many as processors)
  --dir FOLDER     where to make the images and to keep cases (default: a new folder in the
                   system's one for such); the copies are in memory where that can be
  --replay FOLDER  one case that was kept, once more

A start is right when it serves every acknowledged write, refused when it fails with a
coded error, wrong when a write is missing, altered or invented, or when \`quorate verify\`
says otherwise than the start, and crashed when it ends or hangs in any other way. Writes
of the last 50 ms before the kill, and of as long as the disk and the process were held
up just then, may be missing when the end of the log is damaged, as docs/guarantees.md
says; they are counted by themselves.

Each case that is wrong or crashed stays on the disk, with the line that plays it again.
Ends with 1 when there is one. The last line is the verdict:

  mutations N, served right A, refused B, wrong 0, crashed 0
`;

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "500" },
    seed: { type: "string", default: "1" },
    workers: { type: "string", default: String(availableParallelism()) },
    dir: { type: "string" },
    replay: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

if (values.help) console.log(HELP);
else if (values.replay !== undefined) await replay(values.replay);
else await torture();

async function replay(folder: string): Promise<void> {
  const { verdict, mutation, reason } = await replayCase(folder);
  console.log(`${mutation}\n${verdict}: ${reason}`);
  process.exitCode = verdict === "wrong" || verdict === "crashed" ? 1 : 0;
}

async function torture(): Promise<void> {
  const folder = values.dir ?? mkdtempSync(join(tmpdir(), "quorate-mutate-"));
  mkdirSync(folder, { recursive: true });
  const copies = mkdtempSync(join(existsSync(MEMORY) ? MEMORY : folder, "quorate-mutate-"));
  const [count, seed, workers] = [values.count, values.seed, values.workers].map(Number);
  console.log(`changes of data directories in ${folder}, seed ${seed}`);
  const { counts, kinds, shortened, findings } = await mutateDirectories({
    ...{ folder, copies, count: count!, seed: seed!, workers: workers! },
    print: (line) => console.log(line),
  });
  rmSync(copies, { recursive: true });
  for (const [kind, byVerdict] of [...kinds].sort())
    console.log(`${kind.padEnd(26)} ${countsText(byVerdict)}`);
  console.log(
    `writes of the last moment missing: ${shortened.writes} in ${shortened.starts} starts, the oldest ${shortened.oldestMs.toFixed(1)} ms old`,
  );
  console.log(`mutations ${count}, ${countsText(counts)}`);
  if (findings.length > 0) process.exitCode = 1;
  else if (values.dir === undefined) rmSync(folder, { recursive: true });
}
