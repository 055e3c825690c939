import { describe, expect, it } from "vitest";
import type { Clock } from "../../src/base/clock.ts";
import { QuorateError } from "../../src/base/errors.ts";
import { Random } from "../../src/base/random.ts";
import { EMPTY_MEMBERSHIP } from "../../src/raft/membership.ts";
import type { OnCorruption } from "../../src/storage/disk/disk-opening.ts";
import { type DiskOptions, DiskStorage } from "../../src/storage/disk/disk-storage.ts";
import { examineDirectory } from "../../src/storage/disk/examination.ts";
import { MemoryDisk } from "../../src/storage/files/memory-disk.ts";
import { MemoryFiles } from "../../src/storage/files/memory-files.ts";
import { checksumSeed, readFrameHeader } from "../../src/storage/layout/frame.ts";
import type { Recovered } from "../../src/storage/storage.ts";
import { step } from "../../src/testkit/suites/step.ts";
import { ManualClock } from "./manual-clock.ts";
import { IDENTITY } from "./script.ts";

const STORE = "5a".repeat(16);
const SEED = checksumSeed(STORE);

// What the rest of a directory says of the end of its WAL: a log that ends before that is refused, by `open` and by
// `verify` alike.

describe("the second copy of the hard state", () => {
  it("says within 50 ms what is durable, however busy the WAL is", () => {
    const run = new Run();
    for (let ms = 1; ms <= 500; ms++) {
      run.append(1);
      run.clock.pass(1);
    }
    // Entry 440 was acknowledged 60 ms ago, and nothing was quiet since.
    expectRefusal(run.withoutEntriesFrom(440));
    // What is lost of the last moment looks like a write that was cut short.
    expect(open(run.withoutEntriesFrom(499))).toMatchObject({ entries: { length: 498 } });
  });

  it("never says more than is durable, however long a write takes", () => {
    const run = new Run({ stateCopyMs: 5 }, 20);
    for (let ms = 1; ms <= 300; ms++) {
      run.append(1);
      run.clock.pass(1);
      if (ms % 3 === 0) open(run.disk.afterPowerCut("lose-all", new Random(ms)).image());
    }
    expect(run.frameInSlots).toBeGreaterThan(5);
  });
});

describe("a snapshot of the member's own", () => {
  it("is not outlived by a log that ends before it", () => {
    const run = new Run();
    run.append(10);
    run.keepSnapshot(10);
    const image = run.withoutEntriesFrom(8);
    expectRefusal(image);
    // A member with peers keeps what is proved, the snapshot with it, and knows that something may be missing.
    expect(openOn(new MemoryDisk(image), "repair-from-peers")).toMatchObject({
      snapshot: { metadata: { index: 10 } },
      lostTerm: 1,
      damage: { code: "ERR_CORRUPT" },
    });
  });

  it("that a leader sent may lie beyond the end of the log", () => {
    const run = new Run();
    run.append(10);
    run.keepSnapshot(20);
    const found = open(run.disk.image());
    expect(found).toMatchObject({ snapshot: { metadata: { index: 20 } }, entries: [] });
    expect(examineDirectory(new MemoryFiles(new MemoryDisk(run.disk.image()))).problems).toEqual([]);
  });
});

describe("an older copy of the manifest", () => {
  it("is noticed by a segment with frames that it does not name", () => {
    const run = new Run({ segmentBytes: 4096 });
    run.append(3);
    const manifest = run.disk.image().get("manifest")!;
    while (run.segmentsUsed < 2) run.append(1);
    expectRefusal(run.disk.image().set("manifest", manifest));
  });

  it("is noticed after another start, since the store may have been repaired or its numbers used", () => {
    const run = new Run();
    run.append(1);
    const manifest = run.disk.image().get("manifest")!;
    run.restart();
    const image = run.disk.image().set("manifest", manifest);
    expectRefusal(image);
    const disk = new MemoryDisk(image);
    const { bootEpoch } = openOn(disk, "repair-from-peers");
    expect(bootEpoch, "no number of a start is used twice").toBe(3);
    expect(examineDirectory(new MemoryFiles(disk)).problems).toEqual([]);
  });

  it("does not make a store anew that holds something", () => {
    const run = new Run();
    run.append(5);
    run.clock.pass(100);
    expectRefusal(run.disk.image().set("manifest", run.unfinishedManifest!));
  });
});

describe("a segment with the bytes of another file", () => {
  it("is refused, whatever number stands where its length should", () => {
    const run = new Run();
    run.append(3);
    const bytes = run.disk.image().get("wal/000000000001.wal")!.slice();
    bytes.fill(0x35, 0, 28);
    expectRefusal(run.disk.image().set("wal/000000000001.wal", bytes));
  });
});

describe("the first start, cut short", () => {
  it("is no damage to those who look, and is made again", () => {
    const run = new Run();
    const image = new Map([["manifest", run.unfinishedManifest!]]);
    expect(examineDirectory(new MemoryFiles(new MemoryDisk(image)))).toMatchObject({
      isUnfinished: true,
      problems: [],
    });
    expect(open(image)).toMatchObject({ isNew: true });
  });
});

describe("a start that is cut short", () => {
  it("before the manifest names its new segment is made again", () => {
    const run = new Run();
    run.append(5);
    // The last frame is not proved, so a start writes it again in a segment of its own.
    const before = run.disk.image();
    const disk = new MemoryDisk(new Map(before));
    openOn(disk);
    const after = disk.image();
    const segment = "wal/000000000002.wal";
    expect(after.has(segment)).toBe(true);
    expect(open(new Map(before).set(segment, after.get(segment)!))).toMatchObject({
      entries: { length: 5 },
    });
  });
});

// ── What the tests are told with ───────────────────────────────────────────────────────────────────────────────────

class Run {
  readonly clock = new ManualClock();
  readonly disk = new MemoryDisk();
  /** The manifest as it was before the store was complete. */
  unfinishedManifest: Uint8Array | null = null;
  readonly #options: DiskOptions;
  readonly #writeMs: number;
  #storage: DiskStorage;
  #last = 0;

  constructor(options: DiskOptions = {}, writeMs = 0) {
    this.#options = options;
    this.#writeMs = writeMs;
    this.#storage = this.#open();
  }

  restart(): void {
    this.#storage.close(() => {});
    this.clock.settle();
    this.#storage = this.#open();
  }

  /** Saves entries, each in a frame of its own unless writes take long. */
  append(count: number): void {
    for (let at = 0; at < count; at++) {
      const index = ++this.#last;
      const entry = { index, term: 1, kind: "command", data: new Uint8Array(10) } as const;
      const hardState = { term: 1, vote: 1, commit: index - 1 };
      this.#storage.save(step({ hardState, entries: [entry] }), (error) => {
        expect(error).toBe(null);
      });
      this.clock.settle();
    }
  }

  keepSnapshot(index: number): void {
    const metadata = { index, term: 1, membership: { ...EMPTY_MEMBERSHIP, voters: [1] } };
    const writer = this.#storage.createSnapshot({ metadata, context: new Uint8Array(0) });
    let isKept = false;
    writer.write(new Uint8Array(500), () =>
      writer.commit((error) => {
        isKept = error === null;
      }),
    );
    this.clock.settle();
    expect(isKept).toBe(true);
  }

  get frameInSlots(): number {
    const { slots } = examineDirectory(new MemoryFiles(this.disk));
    return Math.max(...slots.map(({ state }) => state?.sequence ?? 0));
  }

  get segmentsUsed(): number {
    const { segments } = examineDirectory(new MemoryFiles(this.disk));
    return segments.filter(({ frames }) => frames.length > 0).length;
  }

  /** The directory, with zeros in the place of all frames from the one with this entry on. */
  withoutEntriesFrom(index: number): Map<string, Uint8Array> {
    const image = this.disk.image();
    const path = [...image.keys()].filter((each) => each.endsWith(".wal")).at(-1)!;
    const bytes = image.get(path)!.slice();
    for (let at = 512; at < bytes.length; at += 512) {
      const header = readFrameHeader(bytes, at, SEED);
      if (header === null || header.first.index < index) continue;
      bytes.fill(0, at);
      return image.set(path, bytes);
    }
    throw new Error(`entry ${index} is not in ${path}`);
  }

  #open(): DiskStorage {
    const { clock } = this;
    const slow: Clock = {
      monotonic: () => clock.monotonic(),
      wall: () => clock.wall(),
      after: (ms, run) => clock.after(ms, run),
      soon: (run) => void clock.after(this.#writeMs, run),
    };
    const files = new MemoryFiles(this.disk, {
      clock: this.#writeMs === 0 ? clock : slow,
      beforeCall: () => {
        this.unfinishedManifest ??= this.disk.image().get("manifest") ?? null;
        return undefined;
      },
    });
    const options = { ...this.#options, clock: this.clock, reserveBytes: 0, mintStoreId: () => STORE };
    const storage = new DiskStorage(files, options);
    storage.open(IDENTITY);
    return storage;
  }
}

function open(image: ReadonlyMap<string, Uint8Array>): Recovered {
  return openOn(new MemoryDisk(image));
}

function openOn(disk: MemoryDisk, onCorruption: OnCorruption = "refuse"): Recovered {
  const clock = new ManualClock();
  const options = { clock, reserveBytes: 0, onCorruption };
  return new DiskStorage(new MemoryFiles(disk, { clock }), options).open(IDENTITY);
}

function expectRefusal(image: ReadonlyMap<string, Uint8Array>): void {
  expect(examineDirectory(new MemoryFiles(new MemoryDisk(image))).content).toBe(null);
  let failure: unknown = null;
  try {
    open(image);
  } catch (error) {
    failure = error;
  }
  expect(QuorateError.is(failure, "ERR_CORRUPT"), String(failure)).toBe(true);
}
