/**
 * How fast is the key-value machine? One member's state machine by itself, without log, disk and network: commands are
 * applied from their bytes in batches, as the replica does. Keys of 16 bytes among 100,000, values of 256; beside a bare
 * sorted-btree in the same rounds, and lmdb where it is installed.
 *
 *     npm run bench -- kv [--json] [--rounds=5] [--milliseconds=400] [--keys=1000000]
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import BTreeModule from "sorted-btree";
import type { Command, Operation } from "../src/kv/machine/command.ts";
import { encodeCommand } from "../src/kv/machine/command-codec.ts";
import { KvMachine } from "../src/kv/machine/kv-machine.ts";
import { ALL_KEYS, keysWithPrefix, singleKey } from "../src/kv/mvcc/key-range.ts";
import { type Measurement, report } from "./report.ts";
import { numberOption } from "./support/options.ts";
import { StallProbe } from "./support/stalls.ts";

const BATCH = 500;
const KEYS = 100_000;
const HISTORY = 10_000;
const VALUE = "v".repeat(256);
const ROUNDS = numberOption("rounds", 5);
const MILLISECONDS = numberOption("milliseconds", 400);
const MANY_KEYS = numberOption("keys", 1_000_000);

type TreeClass = typeof BTreeModule;
const BTree: TreeClass = (BTreeModule as { default?: TreeClass }).default ?? BTreeModule;

const keyAt = (at: number): string => `key/${String(at).padStart(12, "0")}`;
/** All keys, again and again, in no order. */
const scattered = (at: number): string => keyAt((at * 7919) % KEYS);
const put = (key: string): Operation & Command => ({ kind: "put", key, value: VALUE, lease: "" });

/** A read, a compare and two writes in one. */
function threeOperations(at: number): Command {
  const [one, other, read] = [scattered(at), scattered(at + 1), singleKey(scattered(at + 2))];
  const look = {
    kind: "range",
    range: read,
    revision: null,
    limit: 1,
    reverse: false,
    selection: null,
  } as const;
  const compare = { range: read, target: "version", relation: "greater", operand: 0 } as const;
  return { kind: "txn", compares: [compare], success: [put(one), put(other), look], failure: [] };
}

/** A machine and the log that it is fed from. */
class Fed {
  readonly machine = new KvMachine();
  #index = 0;

  apply(commands: readonly Uint8Array[]): void {
    this.machine.apply(
      // A view of the entry's bytes, as the replica makes one.
      commands.map((bytes) => ({ index: ++this.#index, term: 1, time: 0, command: bytes.subarray() })),
    );
    const { revision, compactRevision } = this.machine.store;
    // What a leader does by itself: history is given up in halves.
    if (revision - compactRevision < 2 * HISTORY) return;
    const command = encodeCommand({ kind: "compact", revision: revision - HISTORY });
    this.machine.apply([{ index: ++this.#index, term: 1, time: 0, command }]);
  }
}

function filled(): Fed {
  const fed = new Fed();
  for (let from = 0; from < KEYS; from += BATCH) fed.apply(batchOf((at) => put(keyAt(from + at))));
  return fed;
}

function batchOf(commandAt: (at: number) => Command): Uint8Array[] {
  return Array.from({ length: BATCH }, (_, at) => encodeCommand(commandAt(at)));
}

/** Prepared batches, taken in turns: encoding is not what is measured. */
function batches(commandAt: (at: number) => Command): () => Uint8Array[] {
  const prepared = Array.from({ length: 40 }, (_, turn) => batchOf((at) => commandAt(turn * BATCH + at)));
  let turn = 0;
  return () => prepared[turn++ % prepared.length]!;
}

/** One thing to measure: `run` does some of it, and says how much. */
interface Contender {
  readonly name: string;
  readonly unit: string;
  run(): number;
}

function contenders(): Contender[] {
  return [
    applying("puts", "puts/s", filled(), scatteredPuts(), 1),
    applying("transactions of 3 operations", "transactions/s", filled(), batches(threeOperations), 1),
    applying("puts under 10,000 watchers, a prefix each", "puts/s", watchedByPrefix(), scatteredPuts(), 1),
    applying("events to 1,000 watchers of everything", "events/s", watchedByAll(), scatteredPuts(), 1_000),
    gets(),
    ranges(),
    ...tree(),
  ];
}

function scatteredPuts(): () => Uint8Array[] {
  return batches((at) => put(scattered(at)));
}

function applying(name: string, unit: string, fed: Fed, next: () => Uint8Array[], each: number): Contender {
  return {
    name,
    unit,
    run() {
      fed.apply(next());
      return BATCH * each;
    },
  };
}

/** Each has ten of the keys. */
function watchedByPrefix(): Fed {
  const fed = filled();
  for (let at = 0; at < KEYS; at += 10) watchAll(fed, keysWithPrefix(keyAt(at).slice(0, -1)));
  return fed;
}

function watchedByAll(): Fed {
  const fed = filled();
  for (let at = 0; at < 1_000; at++) watchAll(fed, ALL_KEYS);
  return fed;
}

function watchAll({ machine }: Fed, range: typeof ALL_KEYS): void {
  const watcher = machine.watches.watch({ range, from: null }, () => {
    while (watcher.take() !== undefined);
  });
}

function gets(): Contender {
  const { store } = filled().machine;
  let at = 0;
  return {
    name: "gets",
    unit: "gets/s",
    run() {
      for (let left = BATCH; left > 0; left--) store.get(scattered(at++));
      return BATCH;
    },
  };
}

function ranges(): Contender {
  const { machine } = filled();
  let at = 0;
  return {
    name: "ranges of 100 keys",
    unit: "ranges/s",
    run() {
      for (let left = 20; left > 0; left--) {
        machine.query({ kind: "range", range: { from: scattered(at++), to: null }, limit: 100 });
      }
      return 20;
    },
  };
}

/** What the machine's order costs by itself: no revisions, no history, no bytes to read. */
function tree(): Contender[] {
  const bare = new BTree<string, string>();
  for (let at = 0; at < KEYS; at++) bare.set(keyAt(at), VALUE);
  let at = 0;
  const set = (): number => {
    for (let left = BATCH; left > 0; left--) bare.set(scattered(at++), VALUE);
    return BATCH;
  };
  const get = (): number => {
    for (let left = BATCH; left > 0; left--) bare.get(scattered(at++));
    return BATCH;
  };
  return [
    { name: "bare sorted-btree: sets", unit: "sets/s", run: set },
    { name: "bare sorted-btree: gets", unit: "gets/s", run: get },
  ];
}

async function lmdb(): Promise<Contender[]> {
  const name = "lmdb";
  const found = await import(name).catch(() => null);
  if (found === null) return [];
  const database = found.open({ noSync: true });
  let at = 0;
  const putSync = (): number => {
    database.transactionSync(() => {
      for (let left = BATCH; left > 0; left--) database.putSync(scattered(at++), VALUE);
    });
    return BATCH;
  };
  const get = (): number => {
    for (let left = BATCH; left > 0; left--) database.get(scattered(at++));
    return BATCH;
  };
  return [
    { name: "lmdb without sync: puts in batches", unit: "puts/s", run: putSync },
    { name: "lmdb: gets", unit: "gets/s", run: get },
  ];
}

function rate({ run }: Contender): number {
  const begin = performance.now();
  let done = 0;
  let elapsed = 0;
  while (elapsed < MILLISECONDS) {
    done += run();
    elapsed = performance.now() - begin;
  }
  return (done * 1000) / elapsed;
}

/** Rounds go through all contenders, so that a slow moment of the machine hits each of them. */
function rates(all: readonly Contender[]): Measurement[] {
  const found = all.map(() => [] as number[]);
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [at, contender] of all.entries()) {
      const perSecond = rate(contender);
      // The first round warms up.
      if (round > 0) found[at]!.push(perSecond);
    }
  }
  return all.map(({ name, unit }, at) => {
    const sorted = found[at]!.sort((left, right) => left - right);
    const value = sorted[Math.floor(sorted.length / 2)]!;
    return { name, unit, value, spread: [sorted[0]!, sorted.at(-1)!] };
  });
}

function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}

/** What a million keys weigh, and what it takes to compact them, to write them down and to read them again. */
async function large(): Promise<Measurement[]> {
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  const fed = new Fed();
  for (let from = 0; from < MANY_KEYS; from += BATCH) fed.apply(batchOf((at) => put(keyAt(from + at))));
  const { store } = fed.machine;
  while (store.compaction.step(100_000));
  collectGarbage();
  const weighed = process.memoryUsage().heapUsed - before;

  for (let from = 0; from < MANY_KEYS; from += BATCH)
    fed.machine.apply(batchOf((at) => put(keyAt(from + at))).map((command) => entry(command)));
  fed.machine.apply([entry(encodeCommand({ kind: "compact", revision: store.revision }))]);
  const keys = `${MANY_KEYS.toLocaleString("en")} keys`;
  const probe = new StallProbe();
  const compaction = await probe.during(`compaction of ${keys}, one revision each`, () =>
    inSlices(() => !store.compaction.step(256)),
  );
  const chunks: Uint8Array[] = [];
  const state = fed.machine.snapshot()[Symbol.iterator]();
  const snapshot = await probe.during(`snapshot of ${keys}`, () =>
    inSlices(() => {
      const { done, value } = state.next();
      if (done !== true) chunks.push(value);
      return done === true;
    }),
  );
  const restoration = new KvMachine().beginRestore();
  let at = 0;
  const restore = await probe.during(`restore of ${keys}`, () =>
    inSlices(() => {
      if (at === chunks.length) return restoration.finish();
      restoration.write(chunks[at++]!);
      return false;
    }),
  );
  probe.stop();
  return [
    { name: `memory per key, of ${keys}`, value: weighed / MANY_KEYS, unit: "bytes" },
    { name: "counted by heldBytes", value: store.heldBytes / MANY_KEYS, unit: "bytes" },
    ...compaction,
    ...snapshot,
    ...restore,
  ];
}

function entry(command: Uint8Array) {
  return { index: 1, term: 1, time: 0, command };
}

/** One step after the other, as a running member takes them: others have their turn between. */
async function inSlices(step: () => boolean): Promise<void> {
  while (!step()) await new Promise<void>((resolve) => setImmediate(resolve));
}

const quick = rates([...contenders(), ...(await lmdb())]);
report("How fast is the key-value machine?", [...quick, ...(await large())]);
