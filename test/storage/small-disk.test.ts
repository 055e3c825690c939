import { readdirSync, readlinkSync, rmSync, statfsSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { DiskStorage } from "../../src/storage/disk/disk-storage.ts";
import { NodeFiles } from "../../src/storage/files/node-files.ts";
import { step } from "../../src/testkit/suites/step.ts";
import { IDENTITY } from "./script.ts";
import { mountSmallDisk, unmount } from "./small-disk.ts";

const MIB = 1024 * 1024;
const mount = mountSmallDisk(12 * MIB);
afterAll(() => unmount(mount));

describe.skipIf(mount === null)("a real disk of 12 MiB that is full (needs root, to mount it)", () => {
  it("keeps a step waiting that is longer than its segment, instead of stopping the storage", async () => {
    const directory = join(mount!, "long");
    const storage = new DiskStorage(new NodeFiles(directory), { reserveBytes: 64 * 1024 });
    storage.open(IDENTITY);
    // More than half of the first segment: the next one, of 2 MiB, is made meanwhile.
    await save(storage, 1, 600 * 1024);
    await expect.poll(() => readdirSync(join(directory, "wal"))).toContain("000000000002.wal");
    const ballast = fill(join(mount!, "ballast"));
    const saved = save(storage, 2, 3 * MIB);
    await expect.poll(() => storage.isFull).toBe(true);
    rmSync(ballast);
    await saved;
    await close(storage);
    const again = new DiskStorage(new NodeFiles(directory), { reserveBytes: 64 * 1024 });
    expect(again.open(IDENTITY).entries.map(({ data }) => data.length)).toEqual([600 * 1024, 3 * MIB]);
    await close(again);
    rmSync(directory, { recursive: true });
  }, 30_000);

  it("is started on when not one block is free, at the price of the reserve", async () => {
    const directory = join(mount!, "not one block");
    const files = new NodeFiles(directory);
    const storage = new DiskStorage(files, { reserveBytes: 256 * 1024 });
    storage.open(IDENTITY);
    await save(storage, 1, 100);
    await save(storage, 2, 100);
    // Its name is there before its zeros are: only these are room to give up.
    const reserve = join(directory, "reserve");
    await expect.poll(() => statSync(reserve, { throwIfNoEntry: false })?.size).toBe(256 * 1024);
    await close(storage);
    // While it is still being synced its room is not free, though its name may be gone.
    await expect.poll(() => openFiles()).not.toContain(reserve);
    const ballast = fill(join(mount!, "ballast"));
    const again = new DiskStorage(new NodeFiles(directory), { reserveBytes: 256 * 1024 });
    expect(again.open(IDENTITY).entries).toHaveLength(2);
    await save(again, 3, 100);
    rmSync(ballast);
    await close(again);
    rmSync(directory, { recursive: true });
  }, 30_000);

  it("is started on with a segment that fits the room there is", async () => {
    const directory = join(mount!, "started");
    // Killed, so that the last frame is not proved, and has to be written again in a segment of its own.
    const files = new NodeFiles(directory);
    const storage = new DiskStorage(files, { reserveBytes: 0, stateCopyMs: 1e6 });
    storage.open(IDENTITY);
    await save(storage, 1, 100);
    await save(storage, 2, 100);
    files.unlock();
    const ballast = fill(join(mount!, "ballast"), 300 * 1024);
    const again = new DiskStorage(new NodeFiles(directory), { reserveBytes: 0 });
    expect(again.open(IDENTITY).entries).toHaveLength(2);
    await save(again, 3, 100);
    rmSync(ballast);
    await close(again);
  }, 30_000);
});

/** What this process has open. */
function openFiles(): string[] {
  return readdirSync("/proc/self/fd").flatMap((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`);
    } catch {
      return []; // The one that the list was read by.
    }
  });
}

/** Takes all the room there is, but so many bytes. */
function fill(path: string, left = 0): string {
  const { bavail, bsize } = statfsSync(mount!);
  writeFileSync(path, new Uint8Array(bavail * bsize - left));
  return path;
}

function save(storage: DiskStorage, index: number, size: number): Promise<void> {
  const entry = { index, term: 1, kind: "command", data: new Uint8Array(size) } as const;
  const parts = step({ hardState: { term: 1, vote: 1, commit: 0 }, entries: [entry] });
  return new Promise((resolve, reject) =>
    storage.save(parts, (error) => (error === null ? resolve() : reject(error))),
  );
}

function close(storage: DiskStorage): Promise<void> {
  return new Promise((resolve, reject) =>
    storage.close((error) => (error === null ? resolve() : reject(error))),
  );
}
