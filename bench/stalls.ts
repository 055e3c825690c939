/**
 * How long does the event loop stand still? One member on the disk with a million keys of 256 bytes, while it is loaded,
 * written to, compacts, takes a snapshot, hashes, starts, and sends all of it to another member in
 * the same process, which takes it in. Everything in the background should stay below 20 ms, collections aside.
 *
 *     npm run bench -- stalls [--json] [--keys=1000000]
 */
import { open } from "../src/open.ts";
import type { Store } from "../src/store.ts";
import { type Measurement, report } from "./report.ts";
import { numberOption } from "./support/options.ts";
import { freePort, scratchDirectory } from "./support/scratch.ts";
import { StallProbe } from "./support/stalls.ts";

const KEYS = numberOption("keys", 1_000_000);
const VALUE = "v".repeat(256);
const CONCURRENCY = 256;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const keyAt = (at: number): string => `key/${String(at).padStart(12, "0")}`;

/** Does something with each number from 0 on, some at a time. */
async function forEach(count: number, work: (at: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await pause(5);
}

const taken = (store: Store<string>): Promise<void> =>
  new Promise((resolve) => store.once("snapshot", () => resolve()));

const found: Measurement[] = [];
const probe = new StallProbe();
async function look(name: string, work: () => Promise<unknown>): Promise<void> {
  found.push(...(await probe.during(name, work)));
}

const unbounded = Number.POSITIVE_INFINITY;
const limits = { historyRevisions: unbounded, quotaBytes: unbounded };
const address = `127.0.0.1:${await freePort()}`;
const options = { dir: scratchDirectory(), name: "n1", peers: { n1: address }, ...limits };
let store = await open(options);
await store.ready();
await look("loading", () => forEach(KEYS, (at) => store.put(keyAt(at), VALUE)));
await look("writing half of them again", () => forEach(KEYS / 2, (at) => store.put(keyAt(at * 2), VALUE)));
await look("compaction", compact);
await look("deleting a tenth", () => forEach(KEYS / 10, (at) => store.delete(keyAt(at * 10))));
await look("compaction of deletions", compact);
await look("snapshot under writes", snapshotUnderWrites);
await look("hash", () => store.hash());
await store.close();
await look("start", async () => {
  store = await open(options);
  await store.ready();
});
await look("a member joins, in the same process", join);
await store.close();
probe.stop();
report("How long does the event loop stand still?", found);

async function compact(): Promise<void> {
  await store.compact(store.status().revision);
  await until(() => store.metrics().compacting === 0);
}

/** It is sent a snapshot, keeps it, and takes it in while it runs. */
async function join(): Promise<void> {
  const newcomer = { name: "n2", address: `127.0.0.1:${await freePort()}` };
  const ticket = await store.cluster.add(newcomer);
  const joined = await open({ dir: scratchDirectory(), name: "n2", join: ticket, ...limits });
  await until(() => joined.status().revision === store.status().revision);
  await joined.close();
}

async function snapshotUnderWrites(): Promise<void> {
  await store.put("end", "");
  let isOver = false;
  const done = taken(store).then(() => {
    isOver = true;
  });
  store.snapshot();
  const writer = async (at: number): Promise<void> => {
    while (!isOver) await store.put(keyAt(at), VALUE);
  };
  await Promise.all([done, ...[...Array(16).keys()].map(writer)]);
}
