import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { DiskStorage } from "../../src/storage/disk/disk-storage.ts";
import { MemoryDisk } from "../../src/storage/files/memory-disk.ts";
import { MemoryFiles } from "../../src/storage/files/memory-files.ts";
import { NodeFiles } from "../../src/storage/files/node-files.ts";
import { LmdbStorage } from "../../src/storage/lmdb-storage.ts";
import { MemoryStorage } from "../../src/storage/memory-storage.ts";
import { type StorageWorld, storageSuite } from "../../src/testkit/suites/storage.ts";

describe("every storage keeps its promises", () => {
  const root = mkdtempSync(join(tmpdir(), "quorate-storage-"));
  afterAll(() => rmSync(root, { recursive: true }));
  let directories = 0;

  storageSuite("in memory", inMemory, { test });
  storageSuite("on a disk in memory", () => onMemoryDisk({}), { test });
  storageSuite("on a disk in memory, with small segments", () => onMemoryDisk({ segmentBytes: 4096 }), {
    test,
  });
  storageSuite("on the real disk", () => onRealDisk(join(root, String(++directories))), { test });
  storageSuite("in LMDB", () => inLmdb(join(root, String(++directories))), { test });
});

function inMemory(): StorageWorld {
  const storage = new MemoryStorage();
  return { storage: () => storage, powerCut: () => storage.powerCut() };
}

function onMemoryDisk(limits: { segmentBytes?: number }): StorageWorld {
  let disk = new MemoryDisk();
  let files = new MemoryFiles(disk);
  return {
    storage: () => {
      files = new MemoryFiles(disk);
      return new DiskStorage(files, limits);
    },
    powerCut: () => {
      files.halt();
      disk = disk.afterPowerCut("garbage", new Random(1));
    },
  };
}

function inLmdb(directory: string): StorageWorld {
  return { storage: () => new LmdbStorage(directory) };
}

function onRealDisk(directory: string): StorageWorld {
  return { storage: () => new DiskStorage(new NodeFiles(directory)) };
}
