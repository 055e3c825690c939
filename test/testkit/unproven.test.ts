import { describe, expect, it } from "vitest";
import { DiskStorage } from "../../src/storage/disk/disk-storage.ts";
import { FRAMES_OFFSET, segmentPath } from "../../src/storage/wal/segment.ts";
import { isUnproven } from "../../src/testkit/simulation/seen/unproven.ts";
import { SimDisk } from "../../src/testkit/simulation/world/sim-disk.ts";
import { step } from "../../src/testkit/suites/step.ts";
import { ManualClock } from "../storage/manual-clock.ts";
import { IDENTITY } from "../storage/script.ts";

const WAL = segmentPath(1);

/** A disk with this many frames of two sectors, each of them synced. */
function written(frames: number): { readonly disk: SimDisk; readonly clock: ManualClock } {
  const clock = new ManualClock();
  const disk = new SimDisk();
  const limits = { segmentBytes: 16_384, reserveBytes: 0 };
  const storage = new DiskStorage(disk.open(clock), { ...limits, clock, mintStoreId: () => "5a".repeat(16) });
  storage.open(IDENTITY);
  for (let index = 1; index <= frames; index++) {
    const entry = { index, term: 1, kind: "command", data: new Uint8Array(600) } as const;
    storage.save(step({ hardState: { term: 1, vote: 1, commit: 0 }, entries: [entry] }), () => {});
    clock.settle();
  }
  return { disk, clock };
}

function unprovenSectors({ disk, clock }: ReturnType<typeof written>): number[] {
  const sectors = Array.from({ length: 8 }, (_, sector) => sector);
  return sectors.filter((sector) => isUnproven(disk.open(clock), WAL, FRAMES_OFFSET + sector * 512));
}

describe("what could as well be a write that was cut short", () => {
  it("is the last frame of the WAL, and no other one", () => {
    expect(unprovenSectors(written(3))).toEqual([4, 5]);
  });

  it("is nothing once the disk's idle time has proved it", () => {
    const { disk, clock } = written(3);
    clock.pass(100);
    expect(unprovenSectors({ disk, clock })).toEqual([]);
  });

  it("is left alone when a disk rots", () => {
    const { disk } = written(3);
    const last = FRAMES_OFFSET + 4 * 512;
    const before = disk.copy();
    const paths = [...before.keys()].filter((path) => before.get(path)!.length > 0).sort();
    for (let offset = last; offset < last + 1024; offset += 100)
      expect(disk.rot(placeOf(paths, WAL, offset))).toBe(false);
    expect(disk.copy()).toEqual(before);
    expect(disk.rot(placeOf(paths, WAL, last - 1))).toBe(true);
    expect(disk.copy()).not.toEqual(before);
  });
});

/** A number that names this byte of this file: see `SimDisk.rot`. */
function placeOf(paths: readonly string[], path: string, offset: number): number {
  const at = paths.indexOf(path);
  for (let place = offset * 8; place < offset * 8 + 8; place++) if (place % paths.length === at) return place;
  throw new Error("no bit of the byte can be named");
}
