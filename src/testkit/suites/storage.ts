import { assert } from "../../base/assert.ts";
import type { Callback, Done } from "../../base/callback.ts";
import { type ErrorCode, QuorateError } from "../../base/errors.ts";
import { exact } from "../../base/surplus.ts";
import type { Entry } from "../../log/entry.ts";
import type { HardState, Save, SnapshotMetadata } from "../../raft/effects.ts";
import { EMPTY_MEMBERSHIP } from "../../raft/membership.ts";
import type { Identity, Recovered, Snapshot, Storage } from "../../storage/storage.ts";
import { step } from "./step.ts";

/** One disk, or whatever stands for it, that storages come and go on. */
export interface StorageWorld {
  /** A new storage on the same disk; the one before it is closed or was cut off. */
  storage(): Storage;
  /** Ends the running storage as a power cut does; left out where that cannot be done. */
  readonly powerCut?: () => void;
}

/** The test runner in which the storage suite registers its tests. */
export interface StorageSuiteHost {
  /** Registers one test, as `test` of most test runners does. */
  test(name: string, run: () => Promise<void>): void;
}

/**
 * The promises of `Storage`, as tests: run them on each implementation, with a `make` that gives an empty world for
 * each test. A broken promise is a thrown error that says what was found.
 */
export const storageSuite = exact(
  "storageSuite",
  3,
  function storageSuite(name: string, make: () => StorageWorld, { test }: StorageSuiteHost): void {
    for (const [story, run] of Object.entries(STORIES)) test(`${name}: ${story}`, () => run(make()));
  },
);

const IDENTITY: Identity = { clusterId: "c1".repeat(16), memberId: 7, memberName: "seven" };

const STORIES: Record<string, (world: StorageWorld) => Promise<void>> = {
  "a new storage is empty, and says so": async (world) => {
    const storage = world.storage();
    const recovered = storage.open(IDENTITY);
    same(recovered.isNew, true, "isNew");
    same(recovered.bootEpoch, 1, "boot epoch");
    same(/^[0-9a-f]{32}$/.test(recovered.storeId), true, "store id is 16 bytes in hex");
    sameLog(recovered, { hardState: { term: 0, vote: undefined, commit: 0 }, entries: [] });
    same(recovered.snapshot, undefined, "snapshot");
    same(storage.openSnapshot(), undefined, "open snapshot");
    await closed(storage);
  },

  "what was saved is there after the next start": async (world) => {
    const first = world.storage();
    const { storeId } = first.open(IDENTITY);
    const entries = [entry(1, 1), entry(2, 1, "membership"), entry(3, 2)];
    await saved(first, step({ hardState: { term: 2, vote: 3, commit: 1 }, entries }));
    await closed(first);

    const second = world.storage();
    const recovered = second.open(IDENTITY);
    same(recovered.isNew, false, "isNew");
    same(recovered.bootEpoch, 2, "boot epoch");
    same(recovered.storeId, storeId, "store id");
    same(recovered.droppedBytes, 0, "dropped bytes");
    sameLog(recovered, { hardState: { term: 2, vote: 3, commit: 1 }, entries });
    await closed(second);
  },

  "steps are called back in order, and never from within save": async (world) => {
    const storage = world.storage();
    storage.open(IDENTITY);
    const order: number[] = [];
    const all = Array.from({ length: 50 }, (_, at) => {
      const next = step({
        entries: at % 3 === 0 ? [] : [entry(at - Math.floor(at / 3), 1)],
        mustSync: at % 3 !== 0,
      });
      return called((done) =>
        storage.save(next, (error) => {
          order.push(at);
          done(error);
        }),
      );
    });
    same(order.length, 0, "callbacks from within save");
    await Promise.all(all);
    same(
      order,
      [...order].sort((left, right) => left - right),
      "order of callbacks",
    );
    await closed(storage);
  },

  "entries replace what the log held from the first of them on": async (world) => {
    await run(world, async (storage) => {
      await saved(storage, step({ entries: [entry(1, 1), entry(2, 1), entry(3, 1), entry(4, 1)] }));
      await saved(
        storage,
        step({ hardState: { term: 2, vote: undefined, commit: 1 }, entries: [entry(3, 2)] }),
      );
    });
    const recovered = await reopened(world);
    sameLog(recovered, {
      hardState: { term: 2, vote: undefined, commit: 1 },
      entries: [entry(1, 1), entry(2, 1), entry(3, 2)],
    });
  },

  "a step that need not be synced is called back too, and survives an orderly close": async (world) => {
    await run(world, async (storage) => {
      await saved(storage, step({ hardState: { term: 1, vote: 1, commit: 0 }, entries: [entry(1, 1)] }));
      await saved(storage, step({ hardState: { term: 1, vote: 1, commit: 1 }, mustSync: false }));
    });
    const recovered = await reopened(world);
    sameLog(recovered, { hardState: { term: 1, vote: 1, commit: 1 }, entries: [entry(1, 1)] });
  },

  "a vote without entries survives": async (world) => {
    await run(world, (storage) => saved(storage, step({ hardState: { term: 9, vote: 4, commit: 0 } })));
    sameLog(await reopened(world), { hardState: { term: 9, vote: 4, commit: 0 }, entries: [] });
  },

  "close finishes the steps that wait": async (world) => {
    const storage = world.storage();
    storage.open(IDENTITY);
    const all = Array.from({ length: 20 }, (_, at) => saved(storage, step({ entries: [entry(at + 1, 1)] })));
    await Promise.all([...all, closed(storage)]);
    same((await reopened(world)).entries.length, 20, "entries");
  },

  "a power cut loses nothing that was called back": async (world) => {
    if (world.powerCut === undefined) return;
    const storage = world.storage();
    storage.open(IDENTITY);
    await saved(storage, step({ hardState: { term: 3, vote: 2, commit: 0 }, entries: [entry(1, 3)] }));
    storage.save(step({ entries: [entry(2, 3)] }), () => {});
    world.powerCut();

    const recovered = await reopened(world);
    same(recovered.hardState.vote, 2, "vote");
    same([1, 2].includes(recovered.entries.length), true, "the acknowledged entry is there");
    sameEntries(recovered.entries.slice(0, 1), [entry(1, 3)]);
  },

  "steps of any size survive": async (world) => {
    const sizes = [0, 1, 511, 512, 513, 5_000, 70_000, 300_000, 3_000_000];
    const entries = sizes.map((size, at) => ({
      ...entry(at + 1, 1),
      data: new Uint8Array(size).fill(at + 1),
    }));
    await run(world, async (storage) => {
      for (const each of entries) await saved(storage, step({ entries: [each] }));
      await saved(
        storage,
        step({ entries: entries.map((each) => ({ ...each, index: each.index + sizes.length })) }),
      );
    });
    const recovered = await reopened(world);
    sameEntries(recovered.entries.slice(0, sizes.length), entries);
    same(recovered.entries.length, sizes.length * 2, "entries");
  },

  "a snapshot appears whole, and only when it is committed": async (world) => {
    const storage = world.storage();
    storage.open(IDENTITY);
    await saved(
      storage,
      step({ hardState: { term: 1, vote: 1, commit: 3 }, entries: [1, 2, 3].map((at) => entry(at, 1)) }),
    );
    const writer = storage.createSnapshot(snapshot(3, 1));
    await called((done) => writer.write(Uint8Array.of(1, 2, 3), done));
    same(storage.openSnapshot(), undefined, "open snapshot before the commit");
    await called((done) => writer.write(new Uint8Array(0), done));
    await called((done) => writer.write(Uint8Array.of(4, 5), done));
    await called((done) => writer.commit(done));
    sameBytes(await readAll(storage), Uint8Array.of(1, 2, 3, 4, 5));

    const other = storage.createSnapshot(snapshot(4, 1));
    await called((done) => other.write(Uint8Array.of(9), done));
    await closed(storage);

    const second = world.storage();
    const recovered = second.open(IDENTITY);
    same(recovered.snapshot?.metadata, snapshot(3, 1).metadata, "metadata");
    sameBytes(recovered.snapshot!.context, snapshot(3, 1).context);
    sameBytes(await readAll(second), Uint8Array.of(1, 2, 3, 4, 5));
    await closed(second);
  },

  "a snapshot that was given up leaves no trace": async (world) => {
    const storage = world.storage();
    storage.open(IDENTITY);
    const writer = storage.createSnapshot(snapshot(3, 1));
    await called((done) => writer.write(Uint8Array.of(1), done));
    writer.abort();
    await fails("ERR_CLOSED", (done) => writer.write(Uint8Array.of(2), done));
    same(storage.openSnapshot(), undefined, "open snapshot");
    await closed(storage);
    same((await reopened(world)).snapshot, undefined, "snapshot");
  },

  "the newest snapshot counts; one that is older is dropped silently": async (world) => {
    const storage = world.storage();
    storage.open(IDENTITY);
    for (const index of [5, 9, 7]) await keepSnapshot(storage, snapshot(index, 1), Uint8Array.of(index));
    sameBytes(await readAll(storage), Uint8Array.of(9));
    await closed(storage);
    same((await reopened(world)).snapshot?.metadata.index, 9, "index of the snapshot");
  },

  "a snapshot stays readable while newer ones appear": async (world) => {
    const storage = world.storage();
    storage.open(IDENTITY);
    await keepSnapshot(storage, snapshot(1, 1), new Uint8Array(100).fill(1));
    const reader = storage.openSnapshot()!;
    for (const index of [2, 3, 4]) await keepSnapshot(storage, snapshot(index, 1), Uint8Array.of(index));
    same(reader.snapshot.metadata.index, 1, "index");
    same(reader.size, 100, "size");
    sameBytes(reader.readSync()!, new Uint8Array(100).fill(1));
    same(reader.readSync(), undefined, "end");
    reader.close();
    await closed(storage);
  },

  "a snapshot's reader may be closed in the middle of a read, which is not answered then": async (world) => {
    const storage = world.storage();
    storage.open(IDENTITY);
    await keepSnapshot(storage, snapshot(1, 1), new Uint8Array(100).fill(1));
    let answers = 0;
    // The first read of all, and the one that finds the end.
    for (const chunksBefore of [0, 1]) {
      const reader = storage.openSnapshot()!;
      for (let at = 0; at < chunksBefore; at++) reader.readSync();
      reader.read(() => answers++);
      reader.close();
      reader.close();
      sameBytes(await readAll(storage), new Uint8Array(100).fill(1));
    }
    await closed(storage);
    same(answers, 0, "answers");
  },

  "a chunk may be changed after it was called back": async (world) => {
    const storage = world.storage();
    storage.open(IDENTITY);
    const writer = storage.createSnapshot(snapshot(1, 1));
    const chunk = Uint8Array.of(1, 1);
    await called((done) => writer.write(chunk, done));
    chunk.fill(2);
    await called((done) => writer.write(chunk, done));
    await called((done) => writer.commit(done));
    sameBytes(await readAll(storage), Uint8Array.of(1, 1, 2, 2));
    await closed(storage);
  },

  "a step with a snapshot begins the log after it": async (world) => {
    await run(world, async (storage) => {
      await saved(storage, step({ entries: [entry(1, 1), entry(2, 1), entry(3, 1)] }));
      await keepSnapshot(storage, snapshot(10, 2), Uint8Array.of(1));
      const hardState = { term: 2, vote: undefined, commit: 10 };
      await saved(storage, step({ hardState, snapshot: metadata(10, 2) }));
      await saved(storage, step({ entries: [entry(11, 2)] }));
    });
    const recovered = await reopened(world);
    same(recovered.snapshot?.metadata.index, 10, "index of the snapshot");
    sameLog(recovered, { hardState: { term: 2, vote: undefined, commit: 10 }, entries: [entry(11, 2)] });
  },

  "a log that does not contain the snapshot's last entry gives way to it": async (world) => {
    await run(world, async (storage) => {
      const hardState = { term: 1, vote: 1, commit: 0 };
      await saved(storage, step({ hardState, entries: [1, 2, 3, 4].map((at) => entry(at, 1)) }));
      await keepSnapshot(storage, snapshot(3, 2), Uint8Array.of(1));
    });
    // A snapshot of term 2 means that term 2 has come; the vote was for term 1.
    const due = { hardState: { term: 2, vote: undefined, commit: 3 }, entries: [] };
    const second = world.storage();
    sameLog(second.open(IDENTITY), due);
    await saved(second, step({ entries: [entry(4, 2)] }));
    await closed(second);
    sameLog(await reopened(world), { ...due, entries: [entry(4, 2)] });
  },

  "compaction keeps what is above its index": async (world) => {
    await run(world, async (storage) => {
      for (let at = 1; at <= 40; at++) {
        await saved(storage, step({ hardState: { term: 1, vote: 1, commit: at }, entries: [entry(at, 1)] }));
        if (at % 10 !== 0) continue;
        await keepSnapshot(storage, snapshot(at, 1), Uint8Array.of(at));
        storage.compactTo(at - 3);
      }
    });
    const recovered = await reopened(world);
    const first = recovered.entries[0]!.index;
    same(first <= 38, true, "entries above 37 are there");
    sameEntries(
      recovered.entries,
      range(first, 40).map((at) => entry(at, 1)),
    );
  },

  "a storage of another cluster or member is refused, and left as it is": async (world) => {
    await run(world, (storage) => saved(storage, step({ entries: [entry(1, 1)] })));
    for (const change of [{ clusterId: "d2".repeat(16) }, { memberId: 8 }, { memberName: "eight" }]) {
      const storage = world.storage();
      refuses("ERR_IDENTITY_MISMATCH", () => storage.open({ ...IDENTITY, ...change }));
    }
    same((await reopened(world)).bootEpoch, 2, "boot epoch");
  },

  "after close everything is refused": async (world) => {
    const storage = world.storage();
    storage.open(IDENTITY);
    await closed(storage);
    await fails("ERR_CLOSED", (done) => storage.save(step({ entries: [entry(1, 1)] }), done));
    await fails("ERR_CLOSED", (done) => storage.close(done));
    refuses("ERR_CLOSED", () => storage.createSnapshot(snapshot(1, 1)));
    refuses("ERR_CLOSED", () => storage.openSnapshot());
    refuses("ERR_CLOSED", () => storage.compactTo(1));
  },
};

// ── What the stories are told with ─────────────────────────────────────────────────────────────────────────────────

function entry(index: number, term: number, kind: Entry["kind"] = "command"): Entry {
  return { index, term, kind, data: Uint8Array.of(index & 0xff, term & 0xff, 0, 255) };
}

function metadata(index: number, term: number): SnapshotMetadata {
  return { index, term, membership: { ...EMPTY_MEMBERSHIP, voters: [1, 7], learners: [9], removed: [4] } };
}

function snapshot(index: number, term: number): Snapshot {
  return { metadata: metadata(index, term), context: Uint8Array.of(7, index & 0xff) };
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, at) => first + at);
}

function called(begin: (done: Done) => void): Promise<void> {
  return new Promise((resolve, reject) => begin((error) => (error === null ? resolve() : reject(error))));
}

function saved(storage: Storage, save: Save): Promise<void> {
  return called((done) => storage.save(save, done));
}

function closed(storage: Storage): Promise<void> {
  return called((done) => storage.close(done));
}

async function run(world: StorageWorld, story: (storage: Storage) => Promise<void>): Promise<void> {
  const storage = world.storage();
  storage.open(IDENTITY);
  await story(storage);
  await closed(storage);
}

async function reopened(world: StorageWorld): Promise<Recovered> {
  const storage = world.storage();
  const recovered = storage.open(IDENTITY);
  await closed(storage);
  return recovered;
}

async function keepSnapshot(storage: Storage, kept: Snapshot, bytes: Uint8Array): Promise<void> {
  const writer = storage.createSnapshot(kept);
  await called((done) => writer.write(bytes, done));
  await called((done) => writer.commit(done));
}

async function readAll(storage: Storage): Promise<Uint8Array> {
  const reader = storage.openSnapshot();
  assert(reader !== undefined, "there is a snapshot");
  const bytes: number[] = [];
  for (;;) {
    const chunk = await new Promise<Uint8Array | undefined>((resolve, reject) => {
      const done: Callback<Uint8Array | undefined> = (error, value) =>
        error === null ? resolve(value) : reject(error);
      reader.read(done);
    });
    if (chunk === undefined) break;
    bytes.push(...chunk);
  }
  reader.close();
  same(bytes.length, reader.size, "size of the snapshot");
  return Uint8Array.from(bytes);
}

async function fails(code: ErrorCode, begin: (done: Done) => void): Promise<void> {
  const failure = await called(begin).then(
    () => null,
    (error: unknown) => error,
  );
  same(QuorateError.is(failure, code), true, `${code}, but found ${String(failure)}`);
}

function refuses(code: ErrorCode, deed: () => unknown): void {
  try {
    deed();
  } catch (error) {
    same(QuorateError.is(error, code), true, `${code}, but found ${String(error)}`);
    return;
  }
  throw new Error(`expected ${code}, but nothing was thrown`);
}

function sameLog(
  found: Recovered,
  due: { readonly hardState: HardState; readonly entries: readonly Entry[] },
): void {
  same(found.hardState, due.hardState, "hard state");
  const after = found.snapshot?.metadata.index ?? 0;
  sameEntries(
    found.entries.filter(({ index }) => index > after),
    due.entries,
  );
}

function sameEntries(found: readonly Entry[], due: readonly Entry[]): void {
  const brief = ({ index, term, kind }: Entry): unknown => [index, term, kind];
  same(found.map(brief), due.map(brief), "entries");
  for (const [at, each] of found.entries()) sameBytes(each.data, due[at]!.data);
}

function sameBytes(found: Uint8Array, due: Uint8Array): void {
  const isSame = found.length === due.length && found.every((byte, at) => byte === due[at]);
  if (!isSame) throw new Error(`expected ${due.length} bytes, found ${found.length} or others`);
}

function same(found: unknown, due: unknown, what: string): void {
  const [left, right] = [JSON.stringify(found), JSON.stringify(due)];
  if (left !== right) throw new Error(`${what}: expected ${right}, found ${left}`);
}
