import { describe, expect, it } from "vitest";
import type { QuorateError } from "../../../src/base/errors.ts";
import { EMPTY_MEMBERSHIP } from "../../../src/raft/membership.ts";
import { DiskStorage } from "../../../src/storage/disk/disk-storage.ts";
import { MemoryDisk } from "../../../src/storage/files/memory-disk.ts";
import { type DiskCall, MemoryFiles } from "../../../src/storage/files/memory-files.ts";
import { step } from "../../../src/testkit/suites/step.ts";
import { ManualClock } from "../manual-clock.ts";
import { IDENTITY } from "../script.ts";

const BYTES_PER_SECOND = 10_000;
const FIRST_PASS_MS = 60_000;
const HOUR_MS = 3_600_000;

describe("scrubbing", () => {
  it("reads all full segments and snapshots again, at the rate that is set and not sooner", () => {
    const run = new Run();
    run.fill();
    run.reads.length = 0;
    run.clock.pass(FIRST_PASS_MS - 1);
    expect(run.reads).toEqual([]);
    run.clock.pass(1 + 500);
    const early = run.reads.length;
    run.clock.pass(HOUR_MS - 10_000);
    expect(early).toBeGreaterThan(0);
    expect(early).toBeLessThan(run.reads.length / 2);
    const paths = new Set(run.reads.map(({ path }) => path));
    expect([...paths].sort()).toEqual([...run.files("wal/").slice(0, -2), ...run.files("snapshots/")].sort());
    expect(run.fault).toBeNull();
  });

  it("goes over everything again after an hour, and only then", () => {
    const run = new Run();
    run.fill();
    run.clock.pass(HOUR_MS - 10_000);
    const first = run.reads.length;
    run.clock.pass(HOUR_MS);
    expect(run.reads.length).toBeGreaterThan(first * 1.5);
  });

  it.each(["wal/", "snapshots/"])(
    "finds what has rotted in %s, names it, and stops the storage",
    (prefix) => {
      const run = new Run();
      run.fill();
      const path = run.files(prefix)[0]!;
      run.disk.names.get(path)!.write(Uint8Array.of(0xee), 700);
      run.clock.pass(HOUR_MS);
      expect(run.fault?.code).toBe("ERR_CORRUPT");
      expect(run.fault?.details).toMatchObject({ file: path });
      let outcome: QuorateError | null = null;
      run.storage.save(step({}), (error) => {
        outcome = error;
      });
      run.clock.settle();
      expect(outcome).toBe(run.fault);
    },
  );

  it("finds every byte that is hurt in a full segment, wherever a frame of it lies", () => {
    const run = new Run();
    run.fill();
    const image = run.disk.image();
    const path = run.files("wal/")[0]!;
    // A header of 28 bytes, and from the next sector on two frames of 1536 bytes.
    for (let at = 0; at < 512 + 2 * 1536; at += at < 28 ? 1 : 37) {
      if (at >= 28 && at < 512) continue; // Zeros that nobody reads.

      const bytes = image.get(path)!.slice();
      bytes[at]! ^= 0x40;
      const other = new Run(new MemoryDisk(image));
      other.open();
      other.disk.names.get(path)!.write(bytes, 0);
      other.clock.pass(HOUR_MS);
      expect(other.fault?.details, `byte ${at}`).toMatchObject({ file: path });
    }
  });

  it("does not mind what is given up while it reads", () => {
    const run = new Run();
    run.fill();
    run.clock.pass(FIRST_PASS_MS + 300);
    run.keepSnapshot(6);
    run.keepSnapshot(7);
    run.storage.compactTo(7);
    run.clock.pass(HOUR_MS);
    expect(run.fault).toBeNull();
  });

  it("ends when the storage is closed, in the midst of a file", () => {
    const run = new Run();
    run.fill();
    run.clock.pass(FIRST_PASS_MS + 300);
    run.storage.close(() => {});
    run.clock.settle();
    const before = run.reads.length;
    run.clock.pass(HOUR_MS);
    expect(run.reads.length).toBe(before);
  });
});

/** A storage with some full segments and a snapshot, under a clock that stands still. */
class Run {
  readonly clock = new ManualClock();
  readonly disk: MemoryDisk;
  readonly reads: DiskCall[] = [];
  readonly storage: DiskStorage;
  fault: QuorateError | null = null;

  constructor(disk = new MemoryDisk()) {
    this.disk = disk;
    const beforeCall = (call: DiskCall): undefined => {
      if (call.operation === "read") this.reads.push(call);
    };
    this.storage = new DiskStorage(new MemoryFiles(disk, { clock: this.clock, beforeCall }), {
      clock: this.clock,
      segmentBytes: 4096,
      batchBytesMax: 1000,
      scrubBytesPerSecond: BYTES_PER_SECOND,
    });
    this.storage.onFault((fault) => {
      this.fault = fault;
    });
  }

  open(): void {
    this.disk.owner = null;
    this.storage.open(IDENTITY);
  }

  fill(): void {
    this.open();
    this.keepSnapshot(1);
    for (let index = 2; index <= 13; index++) {
      const entry = { index, term: 1, kind: "command", data: new Uint8Array(900).fill(index) } as const;
      this.storage.save(step({ hardState: { term: 1, vote: 1, commit: 1 }, entries: [entry] }), () => {});
      this.clock.settle();
    }
  }

  keepSnapshot(index: number): void {
    const metadata = { index, term: 1, membership: { ...EMPTY_MEMBERSHIP, voters: [1] } };
    const writer = this.storage.createSnapshot({ metadata, context: new Uint8Array(0) });
    writer.write(new Uint8Array(3000).fill(index), () => writer.commit(() => {}));
    this.clock.settle();
  }

  files(prefix: string): string[] {
    return [...this.disk.names.keys()].filter((path) => path.startsWith(prefix)).sort();
  }
}
