import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { QuorateError } from "../../src/base/errors.ts";
import { DataDirectory } from "../../src/cli/serve/data-directory.ts";
import { open } from "../../src/open.ts";
import { LmdbStorage } from "../../src/storage/lmdb-storage.ts";

const root = mkdtempSync(join(tmpdir(), "quorate-foreign-"));
afterAll(() => rmSync(root, { recursive: true }));
let directories = 0;

/** A directory with these files in it, which may lie in directories. */
function holding(...paths: readonly string[]): string {
  const directory = join(root, String(++directories));
  mkdirSync(directory);
  for (const path of paths) {
    mkdirSync(join(directory, dirname(path)), { recursive: true });
    writeFileSync(join(directory, path), "x");
  }
  return directory;
}

async function kindOf(deed: () => unknown): Promise<unknown> {
  try {
    await deed();
  } catch (error) {
    if (QuorateError.is(error, "ERR_FOREIGN_DIRECTORY")) return [error.details.kind, ...error.details.found];
    throw error;
  }
  return null;
}

const serving = (directory: string) => () => new DataDirectory(directory).check();
const opening = (directory: string) => async () => (await open(directory)).close();
const openingLmdb = (dir: string) => async () => {
  const storage = new LmdbStorage(dir);
  await (await open({ storage })).close();
};

describe("a directory that holds something else than a store", () => {
  const CASES: readonly [string, readonly string[], readonly string[]][] = [
    ["other files", ["package.json", ".env"], ["files", ".env", "package.json"]],
    ["data of etcd", ["member/snap/db", "member/wal/0-0.wal"], ["etcd", "member"]],
    ["data of etcd without a snapshot", ["member/snap/x.snap"], ["etcd", "member"]],
    ["a store in a directory of its own", ["data/manifest"], ["files", "data"]],
    ["a backup", ["store.backup"], ["files", "store.backup"]],
    ["a store in LMDB", ["quorate.lmdb"], ["lmdb", "quorate.lmdb"]],
  ];

  it.each(CASES)(
    "is refused by open and by serve, which name it and change nothing: %s",
    async (_, paths, found) => {
      const directory = holding(...paths);
      const before = readdirSync(directory, { recursive: true });
      expect(await kindOf(opening(directory))).toEqual(found);
      expect(await kindOf(serving(directory))).toEqual(found);
      expect(readdirSync(directory, { recursive: true })).toEqual(before);
    },
  );

  it("is refused where it is inside etcd's, or a file", async () => {
    const directory = holding("member/snap/db", "member/wal/0-0.wal");
    expect(await kindOf(opening(join(directory, "member")))).toEqual(["etcd", "snap"]);
    const backup = join(holding("store.backup"), "store.backup");
    expect(await kindOf(opening(backup))).toEqual(["files", "store.backup"]);
  });

  it("is refused by open when it is a server's, and by either storage when it is the other's", async () => {
    const directory = join(root, "server");
    await new DataDirectory(directory).found("n1", { n1: "127.0.0.1:0" }, "c");
    expect(await kindOf(opening(directory))).toEqual(["server", "member", "ticket"]);
    expect(await kindOf(serving(directory))).toBeNull();

    const files = join(root, "in-files");
    await opening(files)();
    expect(await kindOf(openingLmdb(files))).toContain("store");
    const lmdb = join(root, "in-lmdb");
    await openingLmdb(lmdb)();
    expect(await kindOf(openingLmdb(lmdb))).toBeNull();
    expect(await kindOf(opening(lmdb))).toContain("lmdb");
  });

  it("is refused by serve when it holds a store and a member besides: nobody but its owner knows which counts", async () => {
    const directory = join(root, "both");
    await opening(directory)();
    await opening(join(directory, "member"))();
    expect(await kindOf(serving(directory))).toContain("store");
  });

  it.each([
    ["a member below it", "member"],
    ["a store at its root", ""],
  ])("keeps serving %s, whatever has been laid beside the store since", async (_, below) => {
    const directory = join(root, String(++directories));
    await opening(join(directory, below))();
    writeFileSync(join(directory, "core.1234"), "x");
    expect(await kindOf(serving(directory))).toBeNull();
  });

  it("is taken when all that it holds comes from file systems and tools", async () => {
    const directory = holding(
      "lost+found/x",
      ".snapshot/x",
      ".nfs00000001",
      ".DS_Store",
      ".gitkeep",
      ".gitignore",
    );
    expect(await kindOf(serving(directory))).toBeNull();
    expect(await kindOf(opening(directory))).toBeNull();
    expect(await kindOf(opening(directory))).toBeNull();
  });
});
