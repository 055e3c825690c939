import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import type { Callback } from "../../../src/base/callback.ts";
import { QuorateError } from "../../../src/base/errors.ts";
import { Random } from "../../../src/base/random.ts";
import type { File, Files } from "../../../src/storage/files/files.ts";
import { MemoryDisk, POWER_CUTS } from "../../../src/storage/files/memory-disk.ts";
import { MemoryFiles } from "../../../src/storage/files/memory-files.ts";
import { NodeFiles } from "../../../src/storage/files/node-files.ts";
import { ManualClock } from "../manual-clock.ts";

const root = mkdtempSync(join(tmpdir(), "quorate-files-"));
afterAll(() => rmSync(root, { recursive: true }));
let directories = 0;

const makers: Record<string, () => Files> = {
  MemoryFiles: () => new MemoryFiles(),
  NodeFiles: () => new NodeFiles(join(root, String(++directories))),
};

describe.each(Object.entries(makers))("%s", (_, make) => {
  const made = (): Files => {
    const files = make();
    files.lock();
    files.makeDirectorySync("wal");
    return files;
  };

  it("lists names in order, and nothing where there is no directory", () => {
    const files = made();
    for (const name of ["b", "a", "c"]) files.writeSync(`wal/${name}`, Uint8Array.of(1));
    expect(files.listSync("wal")).toEqual(["a", "b", "c"]);
    expect(files.listSync("nowhere")).toEqual([]);
    files.removeSync("wal/b");
    files.renameSync("wal/c", "wal/a");
    files.syncDirectorySync("wal");
    expect(files.listSync("wal")).toEqual(["a"]);
    files.unlock();
  });

  it("gives back what was written, and less at the end of the file", async () => {
    const files = made();
    const file = await result<File>((done) => files.open("wal/x", "create", done));
    await result((done) => file.write(Uint8Array.of(1, 2, 3, 4), 2, done));
    await result((done) => file.sync(done));
    expect(file.sizeSync()).toBe(6);
    expect(file.readSync(0, 100)).toEqual(Uint8Array.of(0, 0, 1, 2, 3, 4));
    expect(await result((done) => file.read(4, 100, done))).toEqual(Uint8Array.of(3, 4));
    expect(await result((done) => file.read(9, 5, done))).toEqual(new Uint8Array(0));
    expect(files.readSync("wal/x")).toEqual(Uint8Array.of(0, 0, 1, 2, 3, 4));
    file.close();
    files.unlock();
  });

  it("calls back later, and with all bytes written, whatever the lengths of durable writes", async () => {
    const files = made();
    const lengths = fc.array(
      fc.oneof(fc.integer({ min: 1, max: 600 }), fc.integer({ min: 3000, max: 9000 })),
    );
    await fc.assert(
      fc.asyncProperty(lengths, async (given) => {
        files.writeSync("wal/durable", new Uint8Array(0));
        const file = files.openSync("wal/durable", "durable");
        let end = 0;
        for (const [at, length] of given.entries()) {
          const bytes = new Uint8Array(length).fill(at + 1);
          await result((done) => file.write(bytes, end, done));
          expect(files.readSync("wal/durable").subarray(end)).toEqual(bytes);
          end += length;
        }
        file.close();
      }),
      { numRuns: 8 },
    );
    files.unlock();
  });

  it("empties a file that is written as a whole", async () => {
    const files = made();
    files.writeSync("wal/x", new Uint8Array(9000).fill(1));
    await result((done) => files.write("wal/x", Uint8Array.of(7), done));
    expect(files.readSync("wal/x")).toEqual(Uint8Array.of(7));
    files.writeSync("wal/x", Uint8Array.of(8, 9));
    expect(files.readSync("wal/x")).toEqual(Uint8Array.of(8, 9));
    await result((done) => files.rename("wal/x", "wal/y", done));
    await result((done) => files.syncDirectory("wal", done));
    await result((done) => files.remove("wal/y", done));
    expect(files.listSync("wal")).toEqual([]);
    files.unlock();
  });

  it("says which operation on which path failed, and why", async () => {
    const files = made();
    files.writeSync("wal/x", Uint8Array.of(1));
    const failures = [
      caught(() => files.readSync("wal/y")),
      caught(() => files.openSync("wal/y", "read")),
      caught(() => files.removeSync("wal/y")),
      caught(() => files.openSync("wal/x", "create")),
      await result((done) => files.open("wal/x", "create", done)).catch((error) => error),
      await result((done) => files.rename("wal/y", "wal/z", done)).catch((error) => error),
    ];
    expect(failures.map((error) => QuorateError.is(error, "ERR_DISK") && error.details)).toEqual([
      { operation: "read", path: "wal/y", errno: "ENOENT" },
      { operation: "open", path: "wal/y", errno: "ENOENT" },
      { operation: "remove", path: "wal/y", errno: "ENOENT" },
      { operation: "open", path: "wal/x", errno: "EEXIST" },
      { operation: "open", path: "wal/x", errno: "EEXIST" },
      { operation: "rename", path: "wal/y", errno: "ENOENT" },
    ]);
    files.unlock();
  });

  it("keeps a file readable that was removed while it is open", () => {
    const files = made();
    files.writeSync("wal/x", Uint8Array.of(1, 2));
    const file = files.openSync("wal/x", "read");
    files.removeSync("wal/x");
    expect(file.readSync(0, 2)).toEqual(Uint8Array.of(1, 2));
    file.close();
    files.unlock();
  });
});

describe("NodeFiles", () => {
  it("makes directories and files for their owner alone", () => {
    const directory = join(root, "private", "data");
    const files = new NodeFiles(directory);
    files.lock();
    files.writeSync("x", Uint8Array.of(1));
    expect(statSync(directory).mode & 0o077).toBe(0);
    expect(statSync(join(directory, "x")).mode & 0o077).toBe(0);
    files.unlock();
  });
});

describe("a power cut on the disk in memory", () => {
  it.each(POWER_CUTS)("loses nothing that was synced, names included (%s)", (cut) => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 3000 });
    fc.assert(
      fc.property(
        bytes,
        fc.array(fc.tuple(fc.nat(4000), bytes), { maxLength: 5 }),
        fc.nat(),
        (synced, later, seed) => {
          const clock = new ManualClock();
          const files = new MemoryFiles(new MemoryDisk(), { clock });
          files.writeSync("x", synced);
          files.syncDirectorySync("");
          const file = files.openSync("x", "read-write");
          for (const [offset, more] of later) file.write(more, offset + synced.length, () => {});
          clock.settle();
          const image = files.disk.afterPowerCut(cut, new Random(seed)).image();
          expect(image.get("x")!.slice(0, synced.length)).toEqual(synced);
        },
      ),
      { numRuns: 30 },
    );
  });

  it("loses bytes and names that were not synced", () => {
    const clock = new ManualClock();
    const files = new MemoryFiles(new MemoryDisk(), { clock });
    files.writeSync("kept", Uint8Array.of(1));
    files.syncDirectorySync("");
    files.writeSync("unnamed", Uint8Array.of(2));
    files.renameSync("kept", "moved");
    files.openSync("moved", "read-write").write(Uint8Array.of(9), 0, () => {});
    clock.settle();
    expect(files.readSync("moved")).toEqual(Uint8Array.of(9));
    const image = files.disk.afterPowerCut("lose-all", new Random(1)).image();
    expect([...image]).toEqual([["kept", Uint8Array.of(1)]]);
  });

  it("makes a durable file's write last from the moment it calls back, and not before", () => {
    const clock = new ManualClock();
    const files = new MemoryFiles(new MemoryDisk(new Map([["x", Uint8Array.of(0)]])), { clock });
    const left = (): number => files.disk.afterPowerCut("lose-all", new Random(1)).image().get("x")![0]!;
    files.openSync("x", "durable").write(Uint8Array.of(5), 0, () => expect(left()).toBe(5));
    expect(left()).toBe(0);
    clock.settle();
    expect(left()).toBe(5);
  });

  it("finds bytes that a failed sync dropped, though programs still see them", () => {
    const clock = new ManualClock();
    const files = new MemoryFiles(new MemoryDisk(new Map([["x", Uint8Array.of(0)]])), {
      clock,
      beforeCall: ({ operation }) => (operation === "sync" ? "EIO" : undefined),
    });
    const file = files.openSync("x", "read-write");
    file.write(Uint8Array.of(5), 0, () => {});
    file.sync((error) => expect(QuorateError.is(error, "ERR_DISK")).toBe(true));
    clock.settle();
    expect(files.readSync("x")).toEqual(Uint8Array.of(5));
    for (const cut of POWER_CUTS) {
      expect(files.disk.afterPowerCut(cut, new Random(1)).image().get("x")).toEqual(Uint8Array.of(0));
    }
  });
});

/** The result of a call, which must not come from within the call. */
function result<Value>(begin: (done: Callback<Value>) => void): Promise<Value> {
  return new Promise((resolve, reject) => {
    let isWithin = true;
    begin((error, value) => {
      if (isWithin) reject(new Error("called back from within the call"));
      else if (error !== null) reject(error);
      else resolve(value as Value);
    });
    isWithin = false;
  });
}

function caught(deed: () => unknown): unknown {
  try {
    return deed();
  } catch (error) {
    return error;
  }
}
