import { setTimeout as pause } from "node:timers/promises";
import { LineFile, readLines } from "../../examples/kubernetes/records/line-file.ts";
import { open } from "../../src/open.ts";
import { DiskStorage } from "../../src/storage/disk/disk-storage.ts";
import { NodeFiles } from "../../src/storage/files/node-files.ts";
import { LossyFiles } from "./lossy-files.ts";
import type { Acknowledged, Answer, Ask, MemberConfig, Tell } from "./protocol.ts";

/** The program of a process that keeps a member and writes to it until it is killed. */
const config = JSON.parse(process.argv[2]!) as MemberConfig;
const WRITERS = 4;
const WRITES_PER_KEY = 200;
const PULSE_MS = 50;
/** Elections are quick, and segments and snapshots end often: so kills meet every kind of work. */
const LIMITS = {
  tickMs: 25,
  electionTicks: 10,
  callTimeoutMs: 3_000,
  snapshotEntries: 400,
  trailingEntries: 100,
};

process.on("disconnect", () => process.exit());
process.on("message", (ask) => void answer(ask as Ask));

const { name, peers, directory } = config;
const files = config.isLossy ? new LossyFiles(directory) : new NodeFiles(directory);
const begin = performance.now();
const store = await open({
  storage: new DiskStorage(files, { segmentBytes: 64 * 1024 }),
  name,
  peers,
  limits: LIMITS,
});
store.on("error", (error) => {
  throw error;
});

let readyMs: number | null = null;
setInterval(() => tell({ type: "pulse", readyMs, leader: store.status().leader ?? null }), PULSE_MS).unref();
const ledger = new LineFile<Acknowledged>(config.ledger);
const stopped = new AbortController();
const writers = Promise.all(Array.from({ length: WRITERS }, (_, number) => write(number)));
await becomeReady();

/** A member may have to wait long for a quorum while others are dead. */
async function becomeReady(): Promise<void> {
  while (readyMs === null) {
    readyMs = await store.ready({ timeoutMs: 1000 }).then(
      () => performance.now() - begin,
      () => null,
    );
  }
}

/** Writes 1, 2, 3 … to a key. After a failure nobody knows what the key will hold, so another one takes its place. */
async function write(number: number): Promise<void> {
  for (let generation = 1; !stopped.signal.aborted; generation++) {
    const key = `${name}/${config.life}/${number}/${generation}`;
    try {
      for (let serial = 1; serial <= WRITES_PER_KEY && !stopped.signal.aborted; serial++) {
        await store.put(key, String(serial));
        ledger.append({ key, serial });
        await pause(1);
      }
    } catch {
      await pause(20);
    }
  }
}

async function answer(ask: Ask): Promise<void> {
  if (ask.type === "stop writers") {
    stopped.abort();
    await writers;
  }
  const lost = ask.type === "check" ? await check(ask.ledgers) : [];
  const { hash, revision } =
    ask.type === "hash"
      ? await store.hash({ revision: ask.revision })
      : { hash: 0, revision: store.status().revision };
  tell({ type: "answer", answer: { lost, hash, revision } satisfies Answer });
}

/** Reads back, linearizably through this member, the last acknowledged write of each key. */
async function check(ledgers: readonly string[]): Promise<string[]> {
  const last = new Map<string, number>();
  for (const path of ledgers) {
    for (const { key, serial } of readLines<Acknowledged>(path)) last.set(key, serial);
  }
  const found = new Map<string, { readonly serial: number; readonly version: number }>();
  for await (const { key, value, version } of store.range({ all: true })) {
    found.set(key, { serial: Number(value), version });
  }
  const faults: string[] = [];
  for (const [key, serial] of last) {
    const entry = found.get(key);
    if (entry === undefined || entry.serial < serial)
      faults.push(`${key}: ${serial} was acknowledged, ${entry?.serial ?? "nothing"} is there`);
  }
  for (const [key, { serial, version }] of found) {
    if (serial !== version) faults.push(`${key}: ${version} writes took effect, ${serial} were made`);
  }
  return faults;
}

function tell(message: Tell): void {
  if (process.connected) process.send!(message, () => {});
}
