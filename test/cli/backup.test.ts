import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { QuorateError } from "../../src/base/errors.ts";
import { backup } from "../../src/cli/backup.ts";
import { UsageError } from "../../src/cli/command.ts";
import { restore } from "../../src/cli/restore.ts";
import { open } from "../../src/open.ts";
import { MemoryNetwork } from "../../src/transport/memory-transport.ts";

const root = mkdtempSync(join(tmpdir(), "quorate-backup-"));
afterAll(() => rmSync(root, { recursive: true }));

const NAMES = ["a", "b", "c"];
const PEERS = Object.fromEntries(NAMES.map((name) => [name, `${name}:1`]));
const PEERS_TEXT = Object.entries(PEERS)
  .map(([name, address]) => `${name}=${address}`)
  .join(",");

describe("a cluster of three that is lost", () => {
  it("comes back from one member's directory as another cluster, with revisions that nobody has seen", async () => {
    const lost = await startCluster("lost", undefined);
    const [a] = lost;
    for (let at = 0; at < 50; at++) await a!.put(`key${at % 20}`, `value${at}`);
    await a!.delete("key3");
    await a!.put("held", "by a lease", { lease: await a!.lease(60_000) });
    const before = await a!.range().toArray();
    const revisionBefore = a!.status().revision;
    await Promise.all(lost.map((member) => member.close()));

    const file = join(root, "saved.backup");
    expect(await call(backup, join(root, "lost-b"), file)).toMatch(
      /saved\.backup: \d+ bytes, revision \d+, entry \d+@\d+/,
    );

    const told = new Set<string>();
    for (const name of NAMES) {
      const args = ["--to", join(root, `new-${name}`), "--name", name, "--peers", PEERS_TEXT];
      const text = await call(restore, file, ...args, "--bump-revision", "1000", "--mark-compacted");
      told.add(/cluster: "(.*)"/.exec(text)![1]!);
    }
    expect(told.size, "all members are told the same name").toBe(1);
    const [cluster] = [...told];
    const found = await startCluster("new", cluster);
    const [first] = found;
    expect(first!.status().clusterId).not.toBe(a!.status().clusterId);
    const after = await first!.range().toArray();
    expect(after.map(({ key, value }) => [key, value])).toEqual(before.map(({ key, value }) => [key, value]));
    expect(first!.status().revision).toBeGreaterThanOrEqual(revisionBefore + 1000);
    const { revision } = await first!.put("key0", "new");
    expect(revision).toBeGreaterThan(revisionBefore + 1000);

    const watched: unknown = await firstOf(first!.watch({ all: true, from: 2 })).catch(
      (error: unknown) => error,
    );
    expect(QuorateError.is(watched, "ERR_COMPACTED"), String(watched)).toBe(true);
    await Promise.all(found.map((member) => member.close()));
  });

  it("tells as JSON what was written and what was made", async () => {
    const file = join(root, "told.backup");
    const written = JSON.parse(await call(backup, join(root, "lost-b"), file, "--json"));
    expect(written).toMatchObject({ file, bytes: readFileSync(file).length });
    expect(written.backupId.slice(0, 12)).toBe(backupIdOf(file));
    const directory = join(root, "told");
    const made = JSON.parse(await call(restore, file, "--to", directory, "--bump-revision", "5", "--json"));
    const cluster = `restored-${backupIdOf(file)}`;
    expect(made).toMatchObject({ directory, name: "member", revision: written.revision + 5, cluster });
  });

  it("leaves its own members where they are: the restored ones do not talk to them", async () => {
    const file = join(root, "saved.backup");
    const directory = join(root, "alone");
    await call(restore, file, "--to", directory);
    await expect(open({ dir: directory })).rejects.toMatchObject({ code: "ERR_IDENTITY_MISMATCH" });
    const cluster = `restored-${backupIdOf(file)}`;
    const store = await open({ dir: directory, clusterName: cluster });
    expect(await store.get("key1")).toBe("value41");
    await store.close();
  });
});

describe("a backup of a running cluster", () => {
  it("shows one moment, while writes go on, and can be restored", async () => {
    const members = await startCluster("live", undefined);
    const [a, b] = members;
    for (let at = 0; at < 300; at++) await a!.put(`key${at % 100}`, `value${at}`);
    const pieces: Uint8Array[] = [];
    let later = 0;
    for await (const piece of b!.backup()) {
      pieces.push(piece);
      await a!.put(`later${later++}`, "not in it");
    }
    await Promise.all(members.map((member) => member.close()));
    const file = join(root, "live.backup");
    writeFileSync(file, Buffer.concat(pieces));
    await call(restore, file, "--to", join(root, "live-new"), "--cluster", "again", "--bump-revision", "500");
    const store = await open({ dir: join(root, "live-new"), clusterName: "again" });
    expect(await store.range({ prefix: "key" }).count()).toBe(100);
    expect(await store.get("key99")).toBe("value299");
    expect(await store.range({ prefix: "later" }).count()).toBe(0);
    expect(store.status().revision).toBeGreaterThan(b!.status().revision);
    await store.close();
  });
});

describe("quorate backup", () => {
  it("refuses a directory that is in use, and one with no store in it", async () => {
    const dir = join(root, "used");
    const store = await open(dir);
    await expect(call(backup, dir, join(root, "x"))).rejects.toMatchObject({ code: "ERR_LOCKED" });
    await store.close();
    await expect(call(backup, join(root, "nothing"), join(root, "x"))).rejects.toMatchObject({
      code: "ERR_DISK",
    });
    expect(existsSync(join(root, "x"))).toBe(false);
  });

  it("holds what was committed after the newest snapshot, too", async () => {
    const dir = join(root, "tail");
    const store = await open(dir);
    await store.put("one", "1");
    store.snapshot();
    await store.put("two", "2");
    await store.close();
    const copy = join(root, "tail-copy");
    cpSync(dir, copy, { recursive: true });
    await call(backup, copy, join(root, "tail.backup"));
    await call(restore, join(root, "tail.backup"), "--to", join(root, "tail-new"), "--cluster", "again");
    const again = await open({ dir: join(root, "tail-new"), clusterName: "again" });
    expect([await again.get("one"), await again.get("two")]).toEqual(["1", "2"]);
    await again.close();
  });

  it.each([[[]], [["dir"]], [["dir", "file", "more"]]])("makes no sense of %o", async (args) => {
    await expect(call(backup, ...args)).rejects.toThrow(UsageError);
  });
});

describe("quorate restore", () => {
  it("refuses a damaged backup, and leaves no store behind that could be opened", async () => {
    const file = join(root, "hurt.backup");
    const bytes = readFileSync(join(root, "saved.backup"));
    bytes[bytes.length - 100]! ^= 1;
    writeFileSync(file, bytes);
    const directory = join(root, "hurt");
    await expect(call(restore, file, "--to", directory)).rejects.toMatchObject({ code: "ERR_CORRUPT" });
    expect(existsSync(directory)).toBe(false);
  });

  it.each([
    [[]],
    [["FILE"]],
    [["FILE", "--to", root]],
    [["FILE", "--to", "new", "--peers", "a"]],
    [["FILE", "--to", "new", "--peers", "a=x:1", "--name", "b"]],
    [["FILE", "--to", "new", "--bump-revision", "-1"]],
    [["FILE", "--to", "new", "--bump"]],
  ])("makes no sense of %o", async (args) => {
    await expect(call(restore, ...args)).rejects.toThrow(UsageError);
  });
});

async function startCluster(prefix: string, cluster: string | undefined) {
  const network = new MemoryNetwork();
  const members = await Promise.all(
    NAMES.map((name) =>
      open({
        ...{ dir: join(root, `${prefix}-${name}`), name, peers: PEERS, clusterName: cluster },
        transport: network.transport(),
        limits: { tickMs: 20, snapshotEntries: 30, trailingEntries: 5 },
      }),
    ),
  );
  await Promise.all(members.map((member) => member.ready()));
  return members;
}

async function firstOf(watch: AsyncIterable<unknown>): Promise<unknown> {
  for await (const event of watch) return event;
  return "the end";
}

async function call(command: typeof backup, ...args: string[]): Promise<string> {
  let printed = "";
  await command.run(args, (text) => {
    printed += text;
  });
  return printed;
}

function backupIdOf(file: string): string {
  return /[0-9a-f]{32}/.exec(readFileSync(file, "latin1"))![0].slice(0, 12);
}
