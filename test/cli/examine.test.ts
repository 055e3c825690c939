import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { run } from "../../scripts/process.ts";
import { backup } from "../../src/cli/backup.ts";
import { UsageError } from "../../src/cli/command.ts";
import { inspect } from "../../src/cli/inspect.ts";
import { verify } from "../../src/cli/verify.ts";
import { DiskStorage } from "../../src/storage/disk/disk-storage.ts";
import { NodeFiles } from "../../src/storage/files/node-files.ts";
import { makeRemains } from "../storage/torture/remains.ts";

const root = mkdtempSync(join(tmpdir(), "quorate-cli-"));
afterAll(() => rmSync(root, { recursive: true }));

/** A store of several segments and two snapshots, closed in order. */
const WHOLE = makeStore(makeRemains({ seed: 2, moves: 40 }, "closed").image);
const SEGMENTS = readdirSync(join(WHOLE, "wal")).sort();
const SNAPSHOTS = readdirSync(join(WHOLE, "snapshots")).sort();

describe("quorate verify", () => {
  it("finds a store intact that was closed in order", async () => {
    const { code, text } = await call(verify, WHOLE);
    expect(text).toMatch(/^intact: \d+ segments, \d+ frames, 2 snapshots; term \d+, .* entries \d+@\d+ to /);
    expect(code).toBe(0);
  });

  it("names segment, offset, index and term of a frame that is damaged", async () => {
    const directory = damaged(`wal/${SEGMENTS[1]}`, (bytes) => {
      bytes[512 + 200]! ^= 1;
    });
    const { code, text } = await call(verify, directory);
    expect(text).toMatch(
      /^wal\/\d+\.wal is damaged at byte 512, from entry \d+ of term \d+ on: frames before the next/,
    );
    expect(text).toContain("damaged: a start would refuse this directory");
    expect(code).toBe(1);

    const { problems, canStart } = JSON.parse((await call(verify, directory, "--json")).text);
    expect(canStart).toBe(false);
    expect(problems[0]).toMatchObject({ code: "ERR_CORRUPT", file: `wal/${SEGMENTS[1]}`, offset: 512 });
    expect(problems[0].index).toBeGreaterThan(0);
    expect(problems[0].term).toBeGreaterThan(0);
  });

  it.each([
    ["the older copy of the hard state", "state.a"],
    ["the newest snapshot", `snapshots/${SNAPSHOTS[1]}`],
    ["the older snapshot", `snapshots/${SNAPSHOTS[0]}`],
  ])("finds damage to %s, which a start could live with", async (_what, path) => {
    const directory = damaged(path, (bytes) => {
      bytes[40]! ^= 1;
    });
    const { code, text } = await call(verify, directory);
    expect(text).toContain(`${path} is damaged`);
    expect(text).toContain("a start would find all that was acknowledged");
    expect(code).toBe(1);
  });

  it.each([verify, inspect, backup])(
    "says of a directory without a store that there is none, and makes none: $name",
    async (command) => {
      const directory = join(root, "nowhere");
      const file = command === backup ? [join(root, "nowhere.backup")] : [];
      await expect(call(command, directory, ...file)).rejects.toThrow(`there is no store in ${directory}`);
      expect(existsSync(directory)).toBe(false);
    },
  );

  it("finds a missing file", async () => {
    const directory = copy();
    rmSync(join(directory, "wal", SEGMENTS[0]!));
    const { code, text } = await call(verify, directory);
    expect(text).toContain(`wal/${SEGMENTS[0]} is damaged at byte 0: the file is missing`);
    expect(code).toBe(1);
  });

  it("finds a manifest that is damaged or missing", async () => {
    const flipped = damaged("manifest", (bytes) => {
      bytes[20]! ^= 1;
    });
    expect((await call(verify, flipped)).text).toContain("manifest is damaged");
    const missing = copy();
    rmSync(join(missing, "manifest"));
    expect((await call(verify, missing)).text).toContain("though the directory holds a store");
  });
});

describe("quorate inspect", () => {
  it("shows the store, its files, and each entry", async () => {
    const { code, text } = await call(inspect, WHOLE, "--entries");
    expect(text).toContain(`store ${"5a".repeat(16)} of cluster ${"ab".repeat(16)}`);
    expect(text).toContain('member 1 "one", opened 1 times');
    for (const name of SEGMENTS) expect(text).toContain(`wal/${name}: 4096 bytes, `);
    expect(text).toMatch(/ {2}frame \d+ at 512, \d+ bytes: term \d+, vote \w+, commit \d+/);
    expect(text).toMatch(/ {4}\d+@\d+ command, \d+ bytes/);
    expect(code).toBe(0);
  });

  it("gives the same as JSON", async () => {
    const found = JSON.parse((await call(inspect, WHOLE, "--entries", "--json")).text);
    expect(found.manifest.memberName).toBe("one");
    expect(found.segments.map(({ path }: { path: string }) => path)).toEqual(
      SEGMENTS.map((name) => `wal/${name}`),
    );
    const entries = found.segments.flatMap(({ frames }: { frames: { entries: unknown[] }[] }) =>
      frames.flatMap((frame) => frame.entries),
    );
    expect(entries.at(-1)).toMatchObject({ index: found.recovered.lastIndex, kind: expect.any(String) });
    expect(found.problems).toEqual([]);
  });

  it("shows what is left of a damaged store, and where the damage is", async () => {
    const directory = damaged(`wal/${SEGMENTS[1]}`, (bytes) => bytes.fill(0xee, 512, 1024));
    const { code, text } = await call(inspect, directory);
    expect(text).toMatch(/ {2}unreadable: \d+ bytes at 512/);
    expect(text).toContain("a start would refuse this directory");
    expect(text).toMatch(/damage: wal\/\d+\.wal is damaged at byte 512/);
    expect(code).toBe(1);
  });

  it("names files that are no part of the store", async () => {
    const directory = copy();
    writeFileSync(join(directory, "wal", "notes.txt"), "mine");
    expect((await call(inspect, directory)).text).toContain("wal/notes.txt: not part of the store");
  });

  it("looks at a store in use, and says so", async () => {
    const directory = join(root, "in-use");
    const storage = new DiskStorage(new NodeFiles(directory));
    storage.open({ clusterId: "ab".repeat(16), memberId: 1, memberName: "one" });
    const { code, text } = await call(inspect, directory);
    expect(text).toContain(`in use by process ${process.pid}`);
    expect(code).toBe(0);
    await new Promise((resolve) => storage.close(resolve));
  });

  it.each([[inspect], [verify]])("changes nothing", async (command) => {
    const directory = damaged("state.a", (bytes) => bytes.fill(0));
    const before = fingerprint(directory);
    await call(command, directory);
    expect(fingerprint(directory)).toEqual(before);
  });
});

describe("the command line", () => {
  const quorate = (...args: readonly string[]) =>
    run(process.execPath, ["--import", "tsx", "src/cli/main.ts", ...args], process.cwd(), 30_000);

  it("runs a command, and ends with its exit code", async () => {
    const [intact, none] = await Promise.all([
      quorate("verify", WHOLE),
      quorate("verify", join(root, "nothing")),
    ]);
    expect(intact).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^intact/) });
    expect(none).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("there is no store in") });
  });

  it("ends with 2 where it makes no sense", async () => {
    const [unknown, flag] = await Promise.all([quorate("nonsense"), quorate("verify", WHOLE, "--nonsense")]);
    expect(unknown).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('no command "nonsense"') });
    expect(flag).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("quorate verify --help") });
  });

  it("tells of its commands", async () => {
    const { stdout } = await quorate("--help");
    for (const { name, summary } of [inspect, verify]) {
      expect(stdout).toContain(name);
      expect(stdout).toContain(summary);
    }
  });

  it.each([[[]], [["a", "b"]]])("takes one directory, not %j", async (args) => {
    await expect(verify.run(args, () => {})).rejects.toThrow(UsageError);
  });
});

async function call(command: typeof verify, ...args: readonly string[]) {
  let text = "";
  const code = await command.run(args, (more) => {
    text += more;
  });
  return { code, text };
}

function makeStore(image: ReadonlyMap<string, Uint8Array>): string {
  const directory = mkdtempSync(join(root, "whole-"));
  new NodeFiles(directory).makeDirectorySync("wal");
  new NodeFiles(directory).makeDirectorySync("snapshots");
  for (const [path, bytes] of image) writeFileSync(join(directory, path), bytes);
  return directory;
}

function copy(): string {
  const directory = mkdtempSync(join(root, "copy-"));
  cpSync(WHOLE, directory, { recursive: true });
  return directory;
}

function damaged(path: string, change: (bytes: Uint8Array) => void): string {
  const directory = copy();
  const bytes = readFileSync(join(directory, path));
  change(bytes);
  writeFileSync(join(directory, path), bytes);
  return directory;
}

function fingerprint(directory: string): unknown {
  const names = readdirSync(directory, { recursive: true, encoding: "utf8" }).sort();
  return names.map((name) => {
    const path = join(directory, name);
    const stat = statSync(path);
    return [name, stat.mtimeMs, stat.isFile() ? readFileSync(path, "base64") : ""];
  });
}
