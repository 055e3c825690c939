/**
 * How much the WAL costs beside the disk: appends per second of `DiskStorage`, and of a bare loop that writes the same
 * bytes and calls fdatasync, in turns in the same run. Figures of one machine mean little; the ratio does.
 *
 *     npx tsx bench/wal.ts [directory] [rounds] [milliseconds]
 */
import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Entry } from "../src/log/entry.ts";
import { DiskStorage } from "../src/storage/disk-storage.ts";
import { NodeFiles } from "../src/storage/node-files.ts";

const PAYLOAD = new Uint8Array(256).fill(0x5a);
const BATCHES = [1, 16, 256];
const ENTRY_BYTES = PAYLOAD.length + 22;
const FRAME_BYTES = 104;

const [root = tmpdir(), rounds = "5", milliseconds = "1000"] = process.argv.slice(2);

/** Calls `commit` again and again, and counts what it did per second. */
async function rate(batch: number, commit: () => Promise<void>): Promise<number> {
  const begin = performance.now();
  const end = begin + Number(milliseconds);
  let commits = 0;
  while (performance.now() < end) {
    await commit();
    commits += 1;
  }
  return (commits * batch * 1000) / (performance.now() - begin);
}

/** One write and one fdatasync on a file that grows, for as many bytes as the WAL's frame would have. */
async function bare(batch: number): Promise<number> {
  const path = join(root, `bare-${process.pid}`);
  const descriptor = fs.openSync(path, "w");
  const bytes = new Uint8Array(Math.ceil((FRAME_BYTES + batch * ENTRY_BYTES) / 512) * 512).fill(0x5a);
  let offset = 0;
  const perSecond = await rate(
    batch,
    () =>
      new Promise((resolve, reject) => {
        fs.write(descriptor, bytes, 0, bytes.length, offset, (error) => {
          if (error !== null) return reject(error);
          offset += bytes.length;
          fs.fdatasync(descriptor, (failure) => (failure === null ? resolve() : reject(failure)));
        });
      }),
  );
  fs.closeSync(descriptor);
  fs.rmSync(path);
  return perSecond;
}

/** `batch` entries in one step, as often as the disk can. With `depth` above 1 the next step is saved while one is under way. */
async function wal(batch: number, depth: number): Promise<number> {
  const directory = join(root, `wal-${process.pid}`);
  const storage = new DiskStorage(new NodeFiles(directory));
  storage.open({ clusterId: "ab".repeat(16), memberId: 1, memberName: "one" });
  let index = 0;
  const save = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const entries: Entry[] = [];
      for (let at = 0; at < batch; at++)
        entries.push({ index: ++index, term: 1, kind: "command", data: PAYLOAD });
      const step = {
        hardState: null,
        entries,
        snapshot: null,
        mustSync: true,
        sendAfter: [],
        last: null,
        term: 1,
      };
      storage.save(step, (error) => (error === null ? resolve() : reject(error)));
    });
  const waiting: Promise<void>[] = [];
  const perSecond = await rate(batch, async () => {
    waiting.push(save());
    if (waiting.length >= depth) await waiting.shift();
  });
  await Promise.all(waiting);
  await new Promise((resolve) => storage.close(resolve));
  fs.rmSync(directory, { recursive: true });
  return perSecond;
}

function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)]!;
}

function format(value: number): string {
  return Math.round(value).toLocaleString("en").padStart(10);
}

console.log(
  "entries of 256 bytes per second, median of",
  rounds,
  "rounds; ratio = bare loop / WAL, lower is better",
);
console.log("batch   bare loop         WAL  WAL, next step waiting   ratio   ratio, next step waiting");
for (const batch of BATCHES) {
  const runs: { bare: number; one: number; two: number }[] = [];
  for (let round = 0; round < Number(rounds); round++) {
    runs.push({ bare: await bare(batch), one: await wal(batch, 1), two: await wal(batch, 2) });
  }
  const one = median(runs.map((run) => run.bare / run.one)).toFixed(2);
  const two = median(runs.map((run) => run.bare / run.two)).toFixed(2);
  const [loop, single, double] = (["bare", "one", "two"] as const).map((key) =>
    format(median(runs.map((run) => run[key]))),
  );
  console.log(`${String(batch).padStart(5)}  ${loop}  ${single}              ${double}   ${one}   ${two}`);
}
