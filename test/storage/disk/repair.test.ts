import { describe, expect, it } from "vitest";
import { QuorateError } from "../../../src/base/errors.ts";
import { Random } from "../../../src/base/random.ts";
import type { Save } from "../../../src/raft/effects.ts";
import { EMPTY_MEMBERSHIP } from "../../../src/raft/membership.ts";
import type { OnCorruption } from "../../../src/storage/disk/disk-opening.ts";
import { DiskStorage } from "../../../src/storage/disk/disk-storage.ts";
import { examineDirectory } from "../../../src/storage/disk/examination.ts";
import { MemoryDisk, POWER_CUTS } from "../../../src/storage/files/memory-disk.ts";
import { type DiskCall, MemoryFiles } from "../../../src/storage/files/memory-files.ts";
import type { Recovered } from "../../../src/storage/storage.ts";
import { step } from "../../../src/testkit/suites/step.ts";
import { ManualClock } from "../manual-clock.ts";
import { IDENTITY } from "../script.ts";

const LIMITS = { segmentBytes: 4096, batchBytesMax: 1000, reserveBytes: 0 };

describe("a damaged store that peers are to repair", () => {
  it("keeps the entries before the damage, its identity and its snapshot, and says up to which term some may be lost", () => {
    const disk = damaged(filled());
    const found = open(disk);
    expect(found.storeId).toBe("5a".repeat(16));
    expect(found.snapshot?.metadata.index).toBe(1);
    expect(found.entries.map(({ index }) => index)).toEqual([2, 3]);
    expect(found.hardState).toEqual({ term: 6, vote: undefined, commit: 1 });
    expect(found.lostTerm).toBe(5);
    expect(found.damage?.details).toMatchObject({ file: "wal/000000000002.wal", index: 4 });
  });

  it("is whole from then on, and still says so", () => {
    const disk = damaged(filled());
    const first = open(disk);
    const second = open(disk, "refuse");
    expect(second).toEqual({ ...first, bootEpoch: first.bootEpoch + 1, damage: undefined });
    expect(examineDirectory(new MemoryFiles(disk)).problems).toEqual([]);
  });

  it("sets aside what it gives up, once", () => {
    const disk = damaged(filled());
    const segments = segmentsOf(disk);
    open(disk);
    expect(setAside(disk)).toEqual(segments);
    disk.names.delete(segmentsOf(disk).at(-1)!);
    const again = segmentsOf(disk);
    open(disk);
    expect(setAside(disk)).toEqual(again);
  });

  it("begins with nothing when its snapshot is gone, and keeps its term", () => {
    const disk = filled();
    const path = [...disk.names.keys()].find((name) => name.startsWith("snapshots/"))!;
    disk.names.get(path)!.write(Uint8Array.of(1, 2, 3), 20);
    const { snapshot, entries, hardState, lostTerm } = open(disk);
    expect({ snapshot, entries, hardState, lostTerm }).toEqual({
      snapshot: undefined,
      entries: [],
      hardState: { term: 6, vote: undefined, commit: 0 },
      lostTerm: 5,
    });
  });

  it("is refused when a copy of the hard state is damaged too: it may be the newer one", () => {
    const disk = damaged(filled());
    disk.names.get("state.b")!.write(Uint8Array.of(9), 6);
    expect(refusalOf(disk).message).toContain("state.b");
  });

  it("is refused without its manifest", () => {
    const disk = filled();
    disk.names.delete("manifest");
    expect(refusalOf(disk).message).toContain("manifest");
  });

  it("can be repaired again, whenever the power is cut while it is being repaired", () => {
    const image = damaged(filled()).image();
    const random = new Random(5);
    let cuts = 0;
    open(new MemoryDisk(image), "repair-from-peers", (_call, disk) => {
      for (const cut of POWER_CUTS) {
        const found = open(disk.afterPowerCut(cut, random));
        cuts += 1;
        // What the repair that was cut short wrote of a later term counts as well: nobody knows that it was not promised.
        expect(found.lostTerm).toBeGreaterThanOrEqual(5);
        expect(found.hardState.term).toBeGreaterThan(found.lostTerm!);
        expect(found.entries.length === 0 || found.entries[0]!.index === 2).toBe(true);
      }
    });
    expect(cuts).toBeGreaterThan(50);
  });
});

describe("a vote", () => {
  it("is in both copies of the hard state once it is promised, so that damage to the WAL takes none along", () => {
    const disk = filled();
    const { slots } = examineDirectory(new MemoryFiles(disk));
    expect(Math.max(...slots.map(({ state }) => state!.hardState.term))).toBe(5);
  });
});

// ── What the tests are told with ───────────────────────────────────────────────────────────────────────────────────

/** A store whose power was cut: a snapshot at 1, then entries 2 to 13 in several segments, in terms 1 to 5. */
function filled(): MemoryDisk {
  const clock = new ManualClock();
  const disk = new MemoryDisk();
  const storage = new DiskStorage(new MemoryFiles(disk, { clock }), {
    ...LIMITS,
    clock,
    mintStoreId: () => "5a".repeat(16),
  });
  storage.open(IDENTITY);
  const metadata = { index: 1, term: 1, membership: { ...EMPTY_MEMBERSHIP, voters: [1, 2, 3] } };
  const writer = storage.createSnapshot({ metadata, context: new Uint8Array(0) });
  writer.write(new Uint8Array(100), () => writer.commit(() => {}));
  clock.settle();
  for (let index = 2; index <= 13; index++) {
    const term = 1 + Math.floor(index / 3);
    const entry: Save["entries"][number] = {
      index,
      term,
      kind: "command",
      data: new Uint8Array(900).fill(index),
    };
    storage.save(step({ hardState: { term, vote: 2, commit: 1 }, entries: [entry] }), () => {});
    clock.settle();
  }
  return disk.afterPowerCut("lose-all", new Random(1));
}

/** Hurts the first frame of the second segment. */
function damaged(disk: MemoryDisk): MemoryDisk {
  disk.names.get("wal/000000000002.wal")!.write(Uint8Array.of(0xff), 700);
  return disk;
}

function open(
  disk: MemoryDisk,
  onCorruption: OnCorruption = "repair-from-peers",
  look: (call: DiskCall, disk: MemoryDisk) => void = () => {},
): Recovered {
  const clock = new ManualClock();
  const beforeCall = (call: DiskCall): undefined => {
    look(call, disk);
  };
  const files = new MemoryFiles(disk, { clock, beforeCall });
  try {
    return new DiskStorage(files, { ...LIMITS, clock, onCorruption }).open(IDENTITY);
  } finally {
    files.halt();
  }
}

function refusalOf(disk: MemoryDisk): QuorateError {
  try {
    open(disk);
  } catch (error) {
    if (QuorateError.is(error, "ERR_CORRUPT")) return error;
  }
  throw new Error("it was not refused");
}

function segmentsOf(disk: MemoryDisk): string[] {
  return [...disk.names.keys()].filter((path) => path.startsWith("wal/")).sort();
}

/** The segments in `damaged/`, by the paths that they had. */
function setAside(disk: MemoryDisk): string[] {
  const paths = [...disk.names.keys()].filter((path) => path.startsWith("damaged/"));
  return paths.map((path) => path.replace("damaged/", "wal/")).sort();
}
