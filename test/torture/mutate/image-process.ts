import { writeFileSync } from "node:fs";
import { LineFile } from "../../../examples/kubernetes/records/line-file.ts";
import { Random } from "../../../src/base/random.ts";
import { open } from "../../../src/open.ts";
import { DiskStorage } from "../../../src/storage/disk/disk-storage.ts";
import { type Acknowledged, contentOf, type End, type ImageConfig, now } from "./protocol.ts";
import { TrappedFiles } from "./trapped-files.ts";

/**
 * The program of a process that keeps a lone member under steady load, and kills itself at some call to its disk: what
 * the directory holds then is an image of a crash.
 */
const config = JSON.parse(process.argv[2]!) as ImageConfig;
const random = new Random(config.seed);
const TICK_MS = 5;
const LATE_KEPT = 100;

const endAt = random.between(60, 1800);
const files: TrappedFiles = new TrappedFiles(config.directory, {
  endAt,
  isLastMade: random.fraction() < 0.5,
  copyAt: random.between(Math.floor(endAt / 4), endAt - 10),
  copyTo: config.earlier,
  end,
});
const storage = new DiskStorage(files, {
  segmentBytes: [64, 256, 1024][random.between(0, 2)]! * 1024,
  reserveBytes: 16 * 1024,
});
const limits = {
  snapshotEntries: [40, 200, 500, 5000][random.between(0, 3)]!,
  trailingEntries: random.between(1, 100),
};

/** How late each of the last ticks was: the process stood still. */
const late: number[] = [];
let tickAt = now();
setInterval(() => {
  late.push(now() - tickAt - TICK_MS);
  if (late.length > LATE_KEPT) late.shift();
  tickAt = now();
}, TICK_MS);

const ledger = new LineFile<Acknowledged>(config.ledger);
const store = await open({ storage, name: "m", limits });
await store.ready({ timeoutMs: 30_000 });
for (let number = 0, count = random.between(1, 6); number < count; number++) void write(`k${number}`);

async function write(key: string): Promise<void> {
  // The write that was under way at the last kill may have been made, too.
  const found = await store.get(key);
  const last = Number(found?.split("#")[1] ?? 0);
  for (let serial = last + 1; ; serial++) {
    const { revision } = await store.put(key, contentOf(key, serial));
    ledger.append({ key, serial, revision, at: now() });
  }
}

function end(): never {
  const standstill = Math.max(now() - tickAt - TICK_MS, 0, ...late);
  const heldUpMs = standstill + files.slowestCopyMs;
  writeFileSync(config.end, JSON.stringify({ at: now(), heldUpMs } satisfies End));
  process.kill(process.pid, "SIGKILL");
  for (;;);
}
