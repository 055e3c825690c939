/**
 * How much does the WAL cost beside the disk? Entries of 256 bytes are saved by `DiskStorage`, in steps of 1, 16 and 256,
 * one at a time and with the next step waiting, as a busy member has it; beside a bare loop that writes the same bytes and
 * calls fdatasync, in turns. Figures of one disk mean little; the ratios do.
 *
 *     npm run bench -- wal [--json] [--rounds=7] [--milliseconds=700]
 */
import fs from "node:fs";
import { join } from "node:path";
import type { Entry } from "../src/log/entry.ts";
import { DiskStorage } from "../src/storage/disk/disk-storage.ts";
import { NodeFiles } from "../src/storage/files/node-files.ts";
import { type Measurement, report, rounded } from "./report.ts";
import { hasFlag, numberOption, progress } from "./support/options.ts";
import { scratchDirectory } from "./support/scratch.ts";
import { median, spread } from "./support/statistics.ts";

const BATCHES = [1, 16, 256];
const PAYLOAD = new Uint8Array(256).fill(0x5a);
const ENTRY_BYTES = PAYLOAD.length + 22;
const FRAME_HEADER_BYTES = 104;
const SECTOR_BYTES = 512;

const rounds = numberOption("rounds", 7);
const milliseconds = numberOption("milliseconds", 700);
const scratch = scratchDirectory();

/** The bytes of a frame with so many entries. */
function frameBytes(batch: number): number {
  return Math.ceil((FRAME_HEADER_BYTES + batch * ENTRY_BYTES) / SECTOR_BYTES) * SECTOR_BYTES;
}

/** Calls `commit` again and again; how often it did in a second. */
async function rate(commit: () => Promise<void>): Promise<number> {
  const begin = performance.now();
  let commits = 0;
  while (performance.now() - begin < milliseconds) {
    await commit();
    commits += 1;
  }
  return (commits * 1000) / (performance.now() - begin);
}

/** One write and one fdatasync after the other, on a file that grows. */
async function bareLoop(batch: number): Promise<number> {
  const path = join(scratch, "bare");
  const descriptor = fs.openSync(path, "w");
  const bytes = new Uint8Array(frameBytes(batch)).fill(0x5a);
  let offset = 0;
  const commit = (): Promise<void> =>
    new Promise((resolve, reject) => {
      fs.write(descriptor, bytes, 0, bytes.length, offset, (error) => {
        if (error !== null) return reject(error);
        offset += bytes.length;
        fs.fdatasync(descriptor, (failure) => (failure === null ? resolve() : reject(failure)));
      });
    });
  const perSecond = await rate(commit);
  fs.closeSync(descriptor);
  fs.rmSync(path);
  return perSecond;
}

/** Steps of `batch` entries; with `depth` 2 the next one is saved while one is under way. */
async function wal(batch: number, depth: number): Promise<number> {
  const directory = join(scratch, "wal");
  const storage = new DiskStorage(new NodeFiles(directory));
  storage.open({ clusterId: "ab".repeat(16), memberId: 1, memberName: "one" });
  let index = 0;
  const save = (): Promise<void> => {
    const entries = Array.from({ length: batch }, (): Entry => {
      index += 1;
      return { index, term: 1, kind: "command", data: PAYLOAD };
    });
    const step = {
      hardState: undefined,
      entries,
      snapshot: undefined,
      mustSync: true,
      sendAfter: [],
      last: undefined,
      term: 1,
    };
    return new Promise((resolve, reject) =>
      storage.save(step, (error) => (error === null ? resolve() : reject(error))),
    );
  };
  const waiting: Promise<void>[] = [];
  const perSecond = await rate(async () => {
    waiting.push(save());
    if (waiting.length >= depth) await waiting.shift();
  });
  await Promise.all(waiting);
  await new Promise((resolve) => storage.close(resolve));
  fs.rmSync(directory, { recursive: true });
  return perSecond;
}

const CONTENDERS = [
  { name: "write and fdatasync", run: bareLoop },
  { name: "WAL", run: (batch: number) => wal(batch, 1) },
  { name: "WAL, next step waiting", run: (batch: number) => wal(batch, 2) },
];

const measurements: Measurement[] = [];
const ratios: string[] = [];
for (const batch of BATCHES) {
  progress(`steps of ${batch}: ${rounds} rounds`);
  const runs = CONTENDERS.map((): number[] => []);
  // In turns, so that a slow moment of the machine hits each of them.
  for (let round = 0; round < rounds; round++) {
    for (const [at, { run }] of CONTENDERS.entries()) runs[at]!.push(await run(batch));
  }
  const bare = runs[0]!;
  for (const [at, { name }] of CONTENDERS.entries()) {
    const values = runs[at]!;
    // How much longer than the bare loop it takes, round by round.
    const time = median(values.map((value, round) => bare[round]! / value));
    const entries = values.map((value) => value * batch);
    measurements.push(
      {
        name: `${batch} per step, ${name}`,
        value: median(entries),
        unit: "entries/s",
        spread: spread(entries),
        ...(at === 0 ? {} : { ratio: { to: "the bare loop's time", value: time } }),
      },
      { name: "", value: (median(values) * frameBytes(batch)) / 1e6, unit: "MB/s" },
    );
    if (at > 0) ratios.push(`${batch} per step ${at === 1 ? "" : "waiting "}${rounded(time)}`);
  }
}
report("How much does the WAL cost beside the disk?", measurements);
if (!hasFlag("json")) console.log(`\ntime beside the bare loop: ${ratios.join(", ")}`);
