import { describe, expect, it } from "vitest";
import type { Done } from "../../../src/base/callback.ts";
import { crc32 } from "../../../src/base/checksum.ts";
import { type ErrorCode, QuorateError } from "../../../src/base/errors.ts";
import { Random } from "../../../src/base/random.ts";
import type { Save, SnapshotMetadata } from "../../../src/raft/effects.ts";
import { EMPTY_MEMBERSHIP } from "../../../src/raft/membership.ts";
import { type DiskOptions, DiskStorage } from "../../../src/storage/disk/disk-storage.ts";
import { MemoryDisk } from "../../../src/storage/files/memory-disk.ts";
import { type DiskCall, MemoryFiles } from "../../../src/storage/files/memory-files.ts";
import { FORMAT_VERSION } from "../../../src/storage/layout/manifest.ts";
import type { Identity, Recovered } from "../../../src/storage/storage.ts";
import { step } from "../../../src/testkit/suites/step.ts";
import { ManualClock } from "../manual-clock.ts";

const IDENTITY: Identity = { clusterId: "ab".repeat(16), memberId: 1, memberName: "one" };

describe("group commit", () => {
  it("writes once for all steps that come while a write is under way", () => {
    const run = new Run();
    run.open();
    const before = run.writesTo("wal/");
    for (let index = 1; index <= 100; index++) run.save({ entries: [entry(index)] });
    run.clock.settle();
    expect(run.done).toHaveLength(100);
    expect(run.writesTo("wal/") - before).toBe(2);
  });

  it("splits what waits into batches of the size that is set", () => {
    const run = new Run({ batchBytesMax: 2000 });
    run.open();
    const before = run.writesTo("wal/");
    for (let index = 1; index <= 21; index++) run.save({ entries: [entry(index, 1000)] });
    run.clock.settle();
    expect(run.done).toHaveLength(21);
    expect(run.writesTo("wal/") - before).toBe(11);
  });

  it("touches no disk for a step that only moves the commit index, until the WAL is idle", () => {
    const run = new Run({ stateCopyMs: 50 });
    run.open();
    run.save({ hardState: { term: 1, vote: 1, commit: 0 }, entries: [entry(1)] });
    run.clock.settle();
    const before = run.files.calls;
    run.save({ hardState: { term: 1, vote: 1, commit: 1 }, mustSync: false });
    expect(run.done).toHaveLength(1);
    run.clock.settle();
    expect(run.done).toHaveLength(2);
    expect(run.files.calls).toBe(before);

    run.clock.pass(60);
    expect(run.files.calls).toBe(before + 1);
    expect(run.afterPowerCut().hardState.commit).toBe(1);
  });

  it("writes nothing more once idle", () => {
    const run = new Run();
    run.open();
    run.save({ entries: [entry(1)] });
    run.clock.pass(1000);
    const before = run.files.calls;
    run.clock.pass(100_000);
    expect(run.files.calls).toBe(before);
  });
});

describe("a failed write", () => {
  it("fails the step, those that wait and all later ones, with an unknown outcome", () => {
    const run: Run = new Run({}, ({ operation, path }) =>
      operation === "write" && path.startsWith("wal/") && run.isFailing ? "EIO" : undefined,
    );
    run.open();
    run.save({ entries: [entry(1)] });
    run.clock.settle();
    run.isFailing = true;
    run.save({ entries: [entry(2)] });
    run.save({ entries: [entry(3)] });
    run.save({ hardState: { term: 1, vote: undefined, commit: 1 }, mustSync: false });
    run.clock.settle();
    run.isFailing = false;
    run.save({ entries: [entry(4)] });
    run.clock.settle();
    const codes = run.done.map((error) => QuorateError.is(error) && [error.code, error.outcome]);
    const failed = ["ERR_DISK", "unknown"];
    expect(codes).toEqual([false, failed, failed, failed, failed]);
    expect(run.close()).toMatchObject({ code: "ERR_DISK" });
  });

  it("leaves the disk as it is: no commit index beyond what is there", () => {
    const run: Run = new Run({}, ({ path }) =>
      run.isFailing && path.startsWith("wal/") ? "EIO" : undefined,
    );
    run.open();
    run.save({ hardState: { term: 1, vote: 1, commit: 0 }, entries: [entry(1)] });
    run.clock.settle();
    run.isFailing = true;
    run.save({ entries: [entry(2)] });
    run.save({ hardState: { term: 1, vote: 1, commit: 2 }, mustSync: false });
    run.clock.settle();
    const before = run.files.calls;
    run.clock.pass(1000);
    expect(run.files.calls).toBe(before);
    expect(run.afterPowerCut().hardState.commit).toBe(0);
  });

  it("that the system hides is not counted on: what is read from its memory is written once more", () => {
    const run: Run = new Run({}, () => (run.isFailing ? "EIO" : undefined));
    run.open();
    run.save({ entries: [entry(1)] });
    run.clock.settle();
    run.isFailing = true;
    run.save({ entries: [entry(2)] });
    run.clock.settle();
    run.files.halt();

    // Started anew on the same system, the entry is read, though it is not on the disk. Then it must be.
    const again = new Run({}, undefined, run.disk);
    expect(again.open().entries).toHaveLength(2);
    expect(again.afterPowerCut().entries).toHaveLength(2);
  });
});

describe("segments", () => {
  it("double in length up to the limit, and are dropped once two snapshots cover them", () => {
    const run = new Run({ segmentBytes: 64 * 1024 });
    run.open();
    let index = 0;
    const append = (count: number): void => {
      for (let at = 0; at < count; at++) {
        run.save({ hardState: { term: 1, vote: 1, commit: index }, entries: [entry(++index, 3000)] });
        run.clock.settle();
      }
    };
    append(100);
    const before = run.segments().length;
    run.keepSnapshot(50);
    run.storage.compactTo(50);
    run.clock.settle();
    const between = run.segments().length;
    expect(between).toBeLessThan(before);

    append(50);
    run.keepSnapshot(140);
    run.storage.compactTo(140);
    run.clock.settle();
    expect(
      run.afterPowerCut().entries[0]!.index,
      "the log still reaches the older snapshot",
    ).toBeLessThanOrEqual(51);
    run.keepSnapshot(149);
    run.storage.compactTo(149);
    run.clock.settle();
    const first = run.afterPowerCut().entries[0]!.index;
    expect(first).toBeGreaterThan(51);
    expect(first).toBeLessThanOrEqual(141);
  });

  it("are kept until a later one holds a frame, since the hard state must be somewhere", () => {
    const run: Run = new Run({ segmentBytes: 4096 }, () => (run.isFailing ? "EIO" : undefined));
    run.open();
    for (let index = 1; index <= 7; index++) {
      run.save({ hardState: { term: 5, vote: 2, commit: index }, entries: [entry(index, 300, 5)] });
      run.clock.settle();
    }
    run.keepSnapshot(7);
    expect(run.segments()).toHaveLength(2);
    run.isFailing = true;
    run.save({ entries: [entry(8, 300, 5)] });
    run.isFailing = false;
    run.storage.compactTo(7);
    run.clock.settle();
    expect(run.afterPowerCut().hardState).toMatchObject({ term: 5, vote: 2 });
  });

  it("are not made in a small store", () => {
    const run = new Run();
    run.open();
    for (let index = 1; index <= 50; index++) run.save({ entries: [entry(index, 100)] });
    run.clock.settle();
    expect(run.segments()).toEqual(["wal/000000000001.wal"]);
    expect(run.disk.image().get("wal/000000000001.wal")!.length).toBe(1024 * 1024);
  });
});

describe("damage", () => {
  it("in the middle of the WAL is refused with the first entry that is lost", () => {
    const run = new Run();
    run.open();
    for (let index = 1; index <= 10; index++) {
      run.save({ entries: [entry(index, 300, 4)] });
      run.clock.settle();
    }
    run.close();
    // One sector each: header and entry 1 begin at 512.
    run.damage("wal/000000000001.wal", 512 * 5 + 200);
    const failure = run.refusal();
    expect(failure.code).toBe("ERR_CORRUPT");
    expect(failure.details).toMatchObject({
      file: "wal/000000000001.wal",
      offset: 512 * 5,
      index: 5,
      term: 4,
    });
  });

  it("is also a log with a gap, whoever left it", () => {
    const run = new Run();
    run.open();
    for (const index of [1, 3]) run.save({ entries: [entry(index)] });
    run.clock.settle();
    run.close();
    expect(run.refusal().details).toMatchObject({ reason: "entry 3 where 2 is due", index: 3 });
  });

  it("to the newest snapshot is survived by the one before it and the log", () => {
    const run = new Run();
    run.open();
    for (let index = 1; index <= 20; index++) {
      run.save({ hardState: { term: 1, vote: 1, commit: index }, entries: [entry(index)] });
      run.clock.settle();
    }
    run.keepSnapshot(5);
    run.keepSnapshot(15);
    run.storage.compactTo(15);
    run.clock.settle();
    run.close();
    run.damage("snapshots/0000000000000015-1.snapshot", 60);
    const recovered = run.open();
    expect(recovered.snapshot?.metadata.index).toBe(5);
    expect(recovered.entries.map(({ index }) => index)).toEqual(
      Array.from({ length: 20 }, (_, at) => at + 1),
    );
    expect(run.storage.openSnapshot()!.snapshot.metadata.index).toBe(5);
  });

  it("to a snapshot that the log does not lead to is refused", () => {
    const run = new Run();
    run.open();
    run.save({ hardState: { term: 1, vote: 1, commit: 1 }, entries: [entry(1)] });
    run.clock.settle();
    run.keepSnapshot(1);
    run.keepSnapshot(9);
    run.save({ hardState: { term: 1, vote: 1, commit: 9 }, snapshot: metadata(9) });
    run.clock.settle();
    run.close();
    run.damage("snapshots/0000000000000009-1.snapshot", 60);
    const failure = run.refusal();
    expect(failure.details).toMatchObject({ file: "snapshots/0000000000000009-1.snapshot", index: 9 });
  });

  it.each(["state.a", "state.b"])("to %s is survived by the other copy and repaired", (path) => {
    const run = new Run();
    run.open();
    run.save({ hardState: { term: 6, vote: 2, commit: 0 } });
    run.clock.settle();
    run.close();
    run.damage(path, 20);
    expect(run.open().hardState).toEqual({ term: 6, vote: 2, commit: 0 });
    run.close();
    const other = path === "state.a" ? "state.b" : "state.a";
    run.damage(other, 20);
    expect(run.open().hardState).toEqual({ term: 6, vote: 2, commit: 0 });
  });

  it("to both copies of the hard state is refused", () => {
    const run = new Run();
    run.open();
    run.close();
    run.damage("state.a", 20);
    run.damage("state.b", 20);
    expect(run.refusal().code).toBe("ERR_CORRUPT");
  });

  it("to the manifest, or its loss, is refused", () => {
    const run = new Run();
    run.open();
    run.close();
    const manifest = run.disk.names.get("manifest")!;
    run.damage("manifest", 20);
    expect(run.refusal().details).toMatchObject({ file: "manifest" });
    run.disk.names.delete("manifest");
    expect(run.refusal().details).toMatchObject({ file: "manifest" });
    expect(manifest.size).toBeGreaterThan(0);
  });

  it("is told from a later format", () => {
    const run = new Run();
    run.open();
    run.close();
    const bytes = run.disk.image().get("manifest")!;
    bytes[4] = FORMAT_VERSION + 1;
    run.disk.names.get("manifest")!.write(withChecksum(bytes), 0);
    expect(run.refusal("ERR_INCOMPATIBLE").details).toEqual({
      what: "data directory",
      found: FORMAT_VERSION + 1,
      supported: FORMAT_VERSION,
    });
  });
});

describe("files that are not part of the store", () => {
  it("are left alone, but for its own unfinished ones", () => {
    const run = new Run();
    run.open();
    run.close();
    const image = run.disk.image();
    const foreign = [
      "notes.txt",
      "wal/notes.txt",
      "wal/000000000009.wal.broken",
      "snapshots/mine.snapshot",
      "lost+found",
    ];
    const own = [
      "wal/000000000009.wal",
      "wal/000000000008.wal.tmp",
      "snapshots/0000000000000009-1.snapshot",
      "snapshots/3.tmp",
    ];
    for (const path of [...foreign, ...own]) image.set(path, Uint8Array.of(1));
    const again = new Run({}, undefined, new MemoryDisk(image));
    again.open();
    const left = [...again.disk.names.keys()];
    expect(left).toEqual(expect.arrayContaining(foreign));
    for (const path of own) expect(left).not.toContain(path);
  });
});

describe("a directory that was taken over", () => {
  it("stops the storage at the next segment, before anything of the new owner's is replaced", () => {
    const run = new Run({ segmentBytes: 4096, batchBytesMax: 1000 });
    run.open();
    const manifest = run.disk.names.get("manifest")!.read();
    run.disk.owner = new MemoryFiles(run.disk);
    for (let index = 1; index <= 20; index++) run.save({ entries: [entry(index, 900)] });
    run.clock.settle();
    expect(run.done.at(-1)?.code).toBe("ERR_LOCKED");
    expect(run.done.filter((error) => error === null).length).toBeLessThan(20);
    expect(run.disk.names.get("manifest")!.read()).toEqual(manifest);
  });
});

describe("limits", () => {
  it.each([
    { segmentBytes: 100 },
    { segmentBytes: 5000 },
    { snapshotsKept: 0 },
    { batchBytesMax: 0 },
    { chunkBytesMax: 0.5 },
    { stateCopyMs: -1 },
  ])("%o is refused", (limits) => {
    const failure = failureOf(() => new DiskStorage(new MemoryFiles(), limits));
    expect(QuorateError.is(failure, "ERR_INVALID_ARGUMENT")).toBe(true);
  });
});

// ── What the tests are told with ───────────────────────────────────────────────────────────────────────────────────

/** A storage on a disk in memory, under a clock that stands still. */
class Run {
  readonly clock = new ManualClock();
  readonly disk: MemoryDisk;
  readonly done: (QuorateError | null)[] = [];
  readonly #options: DiskOptions;
  readonly #beforeCall: (call: DiskCall) => string | undefined;
  readonly #writes: string[] = [];
  isFailing = false;
  files: MemoryFiles;
  storage: DiskStorage;

  constructor(
    options: DiskOptions = {},
    beforeCall: (call: DiskCall) => string | undefined = () => undefined,
    disk = new MemoryDisk(),
  ) {
    this.disk = disk;
    this.#options = options;
    this.#beforeCall = beforeCall;
    [this.files, this.storage] = this.#make();
  }

  #make(): [MemoryFiles, DiskStorage] {
    const beforeCall = (call: DiskCall): string | undefined => {
      if (call.operation === "write") this.#writes.push(call.path);
      return this.#beforeCall(call);
    };
    const files = new MemoryFiles(this.disk, { clock: this.clock, beforeCall });
    return [files, new DiskStorage(files, { ...this.#options, clock: this.clock })];
  }

  open(): Recovered {
    [this.files, this.storage] = this.#make();
    return this.storage.open(IDENTITY);
  }

  close(): QuorateError | null {
    let outcome: QuorateError | null | undefined;
    this.storage.close((error) => {
      outcome = error;
    });
    this.clock.settle();
    expect(outcome).toBeDefined();
    return outcome!;
  }

  save(parts: Partial<Save>): void {
    const done: Done = (error) => this.done.push(error);
    this.storage.save(step(parts), done);
  }

  keepSnapshot(index: number): void {
    const writer = this.storage.createSnapshot({ metadata: metadata(index), context: new Uint8Array(0) });
    let isKept = false;
    writer.write(new Uint8Array(500).fill(index), () =>
      writer.commit((error) => {
        isKept = error === null;
      }),
    );
    this.clock.settle();
    expect(isKept).toBe(true);
  }

  writesTo(prefix: string): number {
    return this.#writes.filter((path) => path.startsWith(prefix)).length;
  }

  segments(): string[] {
    return [...this.disk.names.keys()].filter((path) => path.endsWith(".wal")).sort();
  }

  damage(path: string, offset: number): void {
    const byte = this.disk.names.get(path)!.read(offset, 1)[0]!;
    this.disk.names.get(path)!.write(Uint8Array.of(byte ^ 0x10), offset);
  }

  /** What a start on a copy of the disk finds after the worst of power cuts. */
  afterPowerCut(): Recovered {
    return new Run(this.#options, undefined, this.disk.afterPowerCut("lose-all", new Random(1))).open();
  }

  refusal(code: ErrorCode = "ERR_CORRUPT"): QuorateError {
    const failure = failureOf(() => this.open());
    if (!QuorateError.is(failure, code)) throw new Error(`expected ${code}, found ${String(failure)}`);
    expect(this.disk.owner, "a refused start lets go of the lock").toBe(null);
    return failure;
  }
}

function entry(index: number, size = 10, term = 1): Save["entries"][number] {
  return { index, term, kind: "command", data: new Uint8Array(size).fill(index & 0xff) };
}

function metadata(index: number): SnapshotMetadata {
  return { index, term: 1, membership: { ...EMPTY_MEMBERSHIP, voters: [1] } };
}

function withChecksum(bytes: Uint8Array): Uint8Array {
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(
    bytes.length - 4,
    crc32(bytes.subarray(0, -4)),
    true,
  );
  return bytes;
}

function failureOf(deed: () => unknown): unknown {
  try {
    deed();
    return null;
  } catch (error) {
    return error;
  }
}
