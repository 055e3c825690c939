import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { QuorateError } from "../../src/base/errors.ts";
import { DiskStorage } from "../../src/storage/disk/disk-storage.ts";
import { NodeFiles } from "../../src/storage/files/node-files.ts";
import { step } from "../../src/testkit/suites/step.ts";
import { IDENTITY } from "./script.ts";

const root = fs.mkdtempSync(join(tmpdir(), "quorate-short-"));
afterAll(() => fs.rmSync(root, { recursive: true }));
afterEach(() => vi.restoreAllMocks());
let directories = 0;
const nextDirectory = (): string => join(root, String(++directories));

const { write, writeSync } = fs;

/** From now on the system takes at most so many bytes with each write. */
function takeAtMost(bytes: number): void {
  type Args = [number, Uint8Array, number, number, number, (error: Error | null, written: number) => void];
  vi.spyOn(fs, "write").mockImplementation(((...args: Args) => {
    const [descriptor, buffer, from, length, offset, done] = args;
    if (bytes === 0) setImmediate(done, null, 0);
    else write(descriptor, buffer, from, Math.min(length, bytes), offset, done);
  }) as unknown as typeof fs.write);
  vi.spyOn(fs, "writeSync").mockImplementation(((...args: Args) => {
    const [descriptor, buffer, from, length, offset] = args;
    return bytes === 0 ? 0 : writeSync(descriptor, buffer, from, Math.min(length, bytes), offset);
  }) as unknown as typeof fs.writeSync);
}

const saved = (storage: DiskStorage, index: number, length: number): Promise<QuorateError | null> => {
  const entry = { index, term: 1, kind: "command", data: new Uint8Array(length).fill(index) } as const;
  const hardState = { term: 1, vote: 1, commit: index - 1 };
  return new Promise((resolve) => storage.save(step({ entries: [entry], hardState }), resolve));
};

describe("a system that takes fewer bytes than it is given", () => {
  it("is given the rest, so that nothing is lost", async () => {
    const lengths = fc.array(fc.nat(9000), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 97, max: 5000 }), lengths, async (bytes, steps) => {
        takeAtMost(bytes);
        const directory = nextDirectory();
        const storage = new DiskStorage(new NodeFiles(directory), { segmentBytes: 16_384 });
        storage.open(IDENTITY);
        for (const [at, length] of steps.entries()) expect(await saved(storage, at + 1, length)).toBe(null);
        await new Promise((resolve) => storage.close(resolve));
        vi.restoreAllMocks();
        const again = new DiskStorage(new NodeFiles(directory), { segmentBytes: 16_384 });
        const { entries, droppedBytes } = again.open(IDENTITY);
        expect(entries.map(({ data }) => data.length)).toEqual(steps);
        expect(droppedBytes).toBe(0);
        await new Promise((resolve) => again.close(resolve));
      }),
      { numRuns: 6 },
    );
  });

  it("is not asked for ever when it takes nothing: the write fails, and the storage stops", async () => {
    const storage = new DiskStorage(new NodeFiles(nextDirectory()), { segmentBytes: 16_384 });
    storage.open(IDENTITY);
    expect(await saved(storage, 1, 10)).toBe(null);
    takeAtMost(0);
    for (const index of [2, 3]) {
      const error = await saved(storage, index, 10);
      expect(QuorateError.is(error, "ERR_DISK") && error.details.operation).toBe("write");
      expect(error?.outcome).toBe("unknown");
    }
    vi.restoreAllMocks();
    await new Promise((resolve) => storage.close(resolve));
  });

  it.each(["start-up", "running"])("is not asked for ever when it takes nothing (%s)", async (when) => {
    const files = new NodeFiles(nextDirectory());
    files.lock();
    takeAtMost(0);
    const error =
      when === "start-up"
        ? caught(() => files.writeSync("x", Uint8Array.of(1)))
        : await new Promise((resolve) => files.write("x", Uint8Array.of(1), resolve));
    vi.restoreAllMocks();
    expect(QuorateError.is(error, "ERR_DISK") && error.details).toEqual({ operation: "write", path: "x" });
    files.unlock();
  });
});

// A limit on the length of files makes a real kernel take the bytes up to the limit, and refuse the rest.
describe.skipIf(process.platform !== "linux")(
  "a kernel that takes a part and refuses the rest (needs Linux)",
  () => {
    it("stops the storage, and the next start finds all that was acknowledged", async () => {
      const directory = nextDirectory();
      const writer = join(import.meta.dirname, "short-writer.ts");
      const kibibytes = 100;
      const limited = `ulimit -f ${kibibytes}; exec "$0" --import tsx "$1" "$2"`;
      const told = execFileSync("bash", ["-c", limited, process.execPath, writer, directory], {
        encoding: "utf8",
      });
      expect(JSON.parse(told)).toEqual({ acknowledged: 5, told: ["EFBIG", "EFBIG"] });
      const wal = join(directory, "wal");
      const lengths = fs.readdirSync(wal).map((name) => fs.statSync(join(wal, name)).size);
      expect(Math.max(...lengths)).toBe(kibibytes * 1024);

      const storage = new DiskStorage(new NodeFiles(directory), { segmentBytes: 8192 });
      const { entries, droppedBytes } = storage.open(IDENTITY);
      expect(entries.map(({ index }) => index)).toEqual([1, 2, 3, 4, 5]);
      // The room for a frame is made before the frame: what the kernel took of that room holds nothing.
      expect(droppedBytes).toBe(0);
      await new Promise((resolve) => storage.close(resolve));
    });
  },
);

function caught(deed: () => unknown): unknown {
  try {
    return deed();
  } catch (error) {
    return error;
  }
}
