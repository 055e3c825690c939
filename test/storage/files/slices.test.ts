import { describe, expect, it } from "vitest";
import { QuorateError } from "../../../src/base/errors.ts";
import { DiskStorage } from "../../../src/storage/disk/disk-storage.ts";
import { MemoryDisk } from "../../../src/storage/files/memory-disk.ts";
import { MemoryFiles } from "../../../src/storage/files/memory-files.ts";
import { SLICE_BYTES } from "../../../src/storage/files/slices.ts";
import type { Recovered } from "../../../src/storage/storage.ts";
import { segmentPath } from "../../../src/storage/wal/segment.ts";
import { step } from "../../../src/testkit/suites/step.ts";
import { ManualClock } from "../manual-clock.ts";
import { IDENTITY, sameEntry } from "../script.ts";

const ENTRIES = 24;
const ENTRY_BYTES = 300_000;
const LIMITS = { segmentBytes: 8 * SLICE_BYTES, reserveBytes: 0, scrubBytesPerSecond: 0 };

/** Some slices of log, in several segments, cut off without an end. */
function written(): MemoryDisk {
  const clock = new ManualClock();
  const disk = new MemoryDisk();
  const storage = new DiskStorage(new MemoryFiles(disk, { clock }), { ...LIMITS, clock });
  storage.open(IDENTITY);
  for (let index = 1; index <= ENTRIES; index++) {
    const data = new Uint8Array(ENTRY_BYTES).fill(index);
    storage.save(
      step({
        hardState: { term: 1, vote: 1, commit: 0 },
        entries: [{ index, term: 1, kind: "command", data }],
      }),
      () => {},
    );
    clock.settle();
  }
  return new MemoryDisk(disk.image());
}

interface Opening {
  readonly recovered: Recovered | undefined;
  readonly error: unknown;
  /** How often the disk was read in each turn of the event loop. */
  readonly reads: readonly number[];
}

function openInSlices(disk: MemoryDisk): Opening {
  const clock = new ManualClock();
  const reads: number[] = [];
  const beforeCall = ({ operation, path }: { operation: string; path: string }): undefined => {
    if (operation === "read" && path.startsWith("wal/")) reads[reads.length - 1]! += 1;
  };
  const storage = new DiskStorage(new MemoryFiles(disk, { clock, beforeCall }), { ...LIMITS, clock });
  let end: Pick<Opening, "recovered" | "error"> | null = null;
  storage.openInSlices(IDENTITY, (error, recovered) => {
    end = { error, recovered };
  });
  expect(end).toBeNull();
  clock.settle(() => reads.push(0));
  return { ...end!, reads };
}

describe("a storage that is opened slice by slice", () => {
  it("gives what it gives when it is opened at once", () => {
    const disk = written();
    const copy = new MemoryDisk(disk.image());
    const { recovered } = openInSlices(disk);
    const clock = new ManualClock();
    const atOnce = new DiskStorage(new MemoryFiles(copy, { clock }), { ...LIMITS, clock }).open(IDENTITY);
    expect({ ...recovered, entries: [] }).toEqual({ ...atOnce, entries: [] });
    expect(recovered!.entries).toHaveLength(ENTRIES);
    expect(recovered!.entries.every((entry, at) => sameEntry(entry, atOnce.entries[at]!))).toBe(true);
  });

  it("turns to other work after each piece that it has read or checked", () => {
    const { reads } = openInSlices(written());
    expect(reads.length).toBeGreaterThan((2 * ENTRIES * ENTRY_BYTES) / SLICE_BYTES);
    // A first frame takes two: its header, and then all of it.
    expect(Math.max(...reads)).toBeLessThanOrEqual(2);
  });

  it("says what is damaged in its callback, and lets go of the directory", () => {
    const image = written().image();
    image.get(segmentPath(1))![ENTRY_BYTES]! ^= 1;
    const disk = new MemoryDisk(image);
    expect(QuorateError.is(openInSlices(disk).error, "ERR_CORRUPT")).toBe(true);
    expect(disk.owner).toBeNull();
  });
});
