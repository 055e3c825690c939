import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { QuorateError } from "../../src/base/errors.ts";
import { DiskStorage } from "../../src/storage/disk/disk-storage.ts";
import { MemoryDisk } from "../../src/storage/files/memory-disk.ts";
import { MemoryFiles } from "../../src/storage/files/memory-files.ts";
import { checksumSeed, readFrameHeader } from "../../src/storage/layout/frame.ts";
import type { Recovered } from "../../src/storage/storage.ts";
import { step } from "../../src/testkit/suites/step.ts";
import { ManualClock } from "./manual-clock.ts";
import { IDENTITY } from "./script.ts";

const STORE = "5a".repeat(16);
const PATH = "wal/000000000001.wal";
const SECTOR = 512;
const ENTRIES = 5;

/** The table in `docs/guarantees.md`, row by row: what happened, and what becomes of it here. */
const ROWS = readFileSync("docs/guarantees.md", "utf8")
  .split("\n")
  .filter((line) => line.startsWith("| ") && /\| (refused|dropped, and reported) \|$/.test(line))
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .map(([, what, , verdict]) => [what!, verdict!] as const);

/** Frames of four sectors lie one behind the other, after the header of the segment. The second entry is the one that is hurt. */
const FRAME = 4 * SECTOR;
const HURT = SECTOR + FRAME;
const RECORDS = 104;

const DAMAGES: Record<string, (bytes: Uint8Array, image: Map<string, Uint8Array>) => void> = {
  "the last write was cut short by a power cut": (bytes) => {
    const last = SECTOR + (ENTRIES - 1) * FRAME;
    bytes.fill(0, last + SECTOR, last + 2 * SECTOR);
  },
  "a bit of a record's data is flipped": (bytes) => flip(bytes, HURT + RECORDS + 500),
  "a bit of a record's length is flipped, so that it ends behind the file": (bytes) =>
    flip(bytes, HURT + RECORDS + 2 + 16 + 3, 0x40),
  "a bit of a record's kind is flipped": (bytes) => flip(bytes, HURT + RECORDS + 1),
  "the length of a record reads as zero, and others follow": (bytes) => {
    bytes.fill(0, HURT + RECORDS + 18, HURT + RECORDS + 22);
  },
  "a sector inside a record reads as zeros, and others follow": (bytes) => {
    bytes.fill(0, HURT + SECTOR, HURT + 2 * SECTOR);
  },
  "a sector shows what it held before": (bytes) => {
    bytes.fill(0, HURT, HURT + SECTOR);
  },
  "two sectors have changed places": (bytes) => {
    const first = bytes.slice(HURT + SECTOR, HURT + 2 * SECTOR);
    bytes.copyWithin(HURT + SECTOR, HURT + 2 * SECTOR, HURT + 3 * SECTOR);
    bytes.set(first, HURT + 2 * SECTOR);
  },
  "records of another store lie there": (bytes) => {
    const other = filled("b7".repeat(16)).get(PATH)!;
    bytes.set(other.subarray(HURT, HURT + FRAME), HURT);
  },
  "the file is missing": (_bytes, image) => {
    image.delete(PATH);
  },
  "the file is cut short": (bytes, image) => {
    image.set(PATH, bytes.slice(0, HURT + SECTOR));
  },
};

describe("what becomes of damage, as the table in the guarantees has it", () => {
  it("has a test for each row", () => {
    expect(ROWS.map(([what]) => what)).toEqual(Object.keys(DAMAGES));
  });

  it("is told of a store whose frames lie where it says", () => {
    const header = readFrameHeader(filled(STORE).get(PATH)!, HURT, checksumSeed(STORE));
    expect(header).toMatchObject({ sequence: 2, length: FRAME, first: { index: 2, term: 1 } });
  });

  it.each(ROWS)("%s: %s", (what, verdict) => {
    const image = filled(STORE);
    const bytes = image.get(PATH)!.slice();
    image.set(PATH, bytes);
    DAMAGES[what]!(bytes, image);
    const found = open(image);
    if (verdict === "refused") {
      expect(QuorateError.is(found, "ERR_CORRUPT"), String(found)).toBe(true);
      expect((found as QuorateError).details).toMatchObject({ file: PATH });
    } else {
      expect(found).toMatchObject({ entries: { length: ENTRIES - 1 } });
      expect((found as Recovered).droppedBytes).toBeGreaterThan(0);
    }
  });
});

/** A store with one segment and some entries, each in a frame of its own, whose power was cut at once. */
function filled(storeId: string): Map<string, Uint8Array> {
  const clock = new ManualClock();
  const disk = new MemoryDisk();
  const storage = new DiskStorage(new MemoryFiles(disk, { clock }), {
    ...{ clock, segmentBytes: 65_536, reserveBytes: 0 },
    mintStoreId: () => storeId,
  });
  storage.open(IDENTITY);
  for (let index = 1; index <= ENTRIES; index++) {
    const entry = { index, term: 1, kind: "command", data: dataOf(index) } as const;
    storage.save(step({ hardState: { term: 1, vote: 1, commit: 0 }, entries: [entry] }), () => {});
    clock.settle();
  }
  return disk.image();
}

function open(image: Map<string, Uint8Array>): Recovered | unknown {
  const clock = new ManualClock();
  try {
    return new DiskStorage(new MemoryFiles(new MemoryDisk(image), { clock }), {
      ...{ clock, segmentBytes: 65_536, reserveBytes: 0 },
    }).open(IDENTITY);
  } catch (error) {
    return error;
  }
}

/** No two sectors of it are alike. */
function dataOf(index: number): Uint8Array {
  return Uint8Array.from({ length: 1700 }, (_, at) => (index + at) % 251);
}

function flip(bytes: Uint8Array, at: number, bit = 1): void {
  bytes[at]! ^= bit;
}
