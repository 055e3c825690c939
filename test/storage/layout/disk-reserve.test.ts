import { describe, expect, it } from "vitest";
import type { QuorateError } from "../../../src/base/errors.ts";
import { EMPTY_MEMBERSHIP } from "../../../src/raft/membership.ts";
import { DiskStorage } from "../../../src/storage/disk/disk-storage.ts";
import { MemoryDisk } from "../../../src/storage/files/memory-disk.ts";
import { type DiskCall, MemoryFiles } from "../../../src/storage/files/memory-files.ts";
import { RESERVE_PATH } from "../../../src/storage/layout/data-dir.ts";
import type { Recovered } from "../../../src/storage/storage.ts";
import { ManualClock } from "../manual-clock.ts";
import { IDENTITY } from "../script.ts";

const SEGMENT_BYTES = 4096;
const RESERVE_BYTES = 8192;
const LIMITS = {
  segmentBytes: SEGMENT_BYTES,
  batchBytesMax: 1024,
  reserveBytes: RESERVE_BYTES,
  snapshotsKept: 1,
};

describe("a disk that is full", () => {
  it("keeps steps waiting, and goes on by itself once there is room", () => {
    const run = new FullDisk(6 * SEGMENT_BYTES);
    run.open();
    run.saveUntilFull();
    expect(run.storage.isFull).toBe(true);
    run.save(20);
    run.clock.pass(10_000);
    expect(run.acknowledged, "steps wait").toBeLessThan(run.saved);
    expect(run.errors).toEqual([]);

    run.capacity = Number.POSITIVE_INFINITY;
    run.clock.pass(1000);
    expect(run.acknowledged).toBe(run.saved);
    expect(run.storage.isFull).toBe(false);
    expect(run.disk.names.has(RESERVE_PATH), "the reserve is there again").toBe(true);
  });

  it("takes steps as long as the segment at hand has room", () => {
    const run = new FullDisk(6 * SEGMENT_BYTES);
    run.open();
    run.saveUntilFull();
    run.save(1);
    expect(run.acknowledged).toBe(run.saved);
  });

  it("is helped by a snapshot, for which the reserve gives room", () => {
    const run = new FullDisk(6 * SEGMENT_BYTES);
    run.open();
    run.saveUntilFull();
    run.save(10);
    run.clock.pass(10_000);
    run.snapshot(run.acknowledged);
    run.storage.compactTo(run.acknowledged);
    run.clock.pass(3000);
    expect(run.acknowledged).toBe(run.saved);
    expect(run.errors).toEqual([]);
  });

  it("can be closed, and loses nothing by it", () => {
    const run = new FullDisk(6 * SEGMENT_BYTES);
    run.open();
    run.saveUntilFull();
    expect(run.close()).toBeNull();
    run.capacity = Number.POSITIVE_INFINITY;
    expect(run.open().entries).toHaveLength(run.saved);
  });

  it("fails the steps that wait when it is closed", () => {
    const run = new FullDisk(6 * SEGMENT_BYTES);
    run.open();
    run.saveUntilFull();
    run.save(20);
    expect(run.close()?.details).toMatchObject({ errno: "ENOSPC" });
    expect(run.errors.length).toBeGreaterThan(0);
    expect(run.open().entries.length).toBeGreaterThanOrEqual(run.acknowledged);
  });

  it("can be opened at the price of the reserve", () => {
    const run = new FullDisk(Number.POSITIVE_INFINITY);
    run.open();
    // The manifest, replaced for the segment after this one, says that three are durable; the fourth takes a new segment.
    run.save(4);
    run.files.halt();
    run.capacity = run.used - 1024;
    expect(run.open().entries).toHaveLength(4);
    run.clock.pass(10);
    expect(run.storage.isFull).toBe(true);
    run.capacity = Number.POSITIVE_INFINITY;
    run.clock.pass(1000);
    expect(run.storage.isFull).toBe(false);
  });

  it("loses nothing whenever it becomes full", () => {
    for (let fullFrom = 1; fullFrom < 60; fullFrom++) {
      const run = new FullDisk(Number.POSITIVE_INFINITY);
      run.open();
      for (let at = 0; at < 30; at++) {
        run.save(1);
        if (run.files.calls >= fullFrom) run.capacity = Math.min(run.capacity, run.used);
      }
      run.clock.pass(5000);
      run.capacity = Number.POSITIVE_INFINITY;
      run.clock.pass(5000);
      expect(run.errors, `full from call ${fullFrom}`).toEqual([]);
      expect(run.acknowledged, `full from call ${fullFrom}`).toBe(30);
      expect(run.close()).toBeNull();
      expect(run.open().entries).toHaveLength(30);
    }
  });

  it("that fails otherwise stops the storage", () => {
    const run = new FullDisk(Number.POSITIVE_INFINITY, "EIO");
    run.open();
    run.capacity = 0;
    run.save(20);
    run.clock.pass(5000);
    expect(run.errors[0]?.details).toMatchObject({ errno: "EIO" });
  });
});

/** A storage on a disk of limited capacity. New files are refused where they would not fit; what exists may be overwritten. */
class FullDisk {
  readonly clock = new ManualClock();
  readonly disk = new MemoryDisk();
  readonly errors: QuorateError[] = [];
  capacity: number;
  saved = 0;
  acknowledged = 0;
  files!: MemoryFiles;
  storage!: DiskStorage;
  readonly #errno: string;

  constructor(capacity: number, errno = "ENOSPC") {
    this.capacity = capacity;
    this.#errno = errno;
  }

  get used(): number {
    return [...this.disk.names.values()].reduce((sum, inode) => sum + inode.size, 0);
  }

  open(): Recovered {
    const beforeCall = (call: DiskCall): string | undefined => {
      const more = needOf(call) - (this.disk.names.get(call.path)?.size ?? 0);
      return more > 0 && this.used + more > this.capacity ? this.#errno : undefined;
    };
    this.files = new MemoryFiles(this.disk, { clock: this.clock, beforeCall });
    this.storage = new DiskStorage(this.files, { ...LIMITS, clock: this.clock });
    const recovered = this.storage.open(IDENTITY);
    this.clock.settle();
    return recovered;
  }

  save(count: number): void {
    for (let at = 0; at < count; at++) {
      this.saved += 1;
      const entry = { index: this.saved, term: 1, kind: "command", data: new Uint8Array(600) } as const;
      const hardState = { term: 1, vote: 1, commit: 0 };
      const rest = { snapshot: undefined, mustSync: true, sendAfter: [], last: undefined, term: 1 };
      this.storage.save({ hardState, entries: [entry], ...rest }, (error) => {
        if (error === null) this.acknowledged += 1;
        else this.errors.push(error);
      });
    }
    this.clock.settle();
  }

  saveUntilFull(): void {
    while (!this.storage.isFull) this.save(1);
    expect(this.acknowledged).toBe(this.saved);
  }

  snapshot(index: number): void {
    const metadata = { index, term: 1, membership: EMPTY_MEMBERSHIP };
    const writer = this.storage.createSnapshot({ metadata, context: new Uint8Array(0) });
    writer.write(new Uint8Array(2000), (error) => {
      expect(error).toBeNull();
      writer.commit((failure) => expect(failure).toBeNull());
    });
    this.clock.settle();
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
}

/** About how much a call takes of the disk. */
function needOf({ operation, path }: DiskCall): number {
  if (operation !== "write") return 0;
  if (path === RESERVE_PATH) return RESERVE_BYTES;
  if (path.endsWith(".wal.tmp")) return SEGMENT_BYTES;
  return path.endsWith(".tmp") ? 512 : 0;
}
