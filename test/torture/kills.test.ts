import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Done } from "../../src/base/callback.ts";
import { NodeFiles } from "../../src/storage/files/node-files.ts";
import { killMembers } from "./kills.ts";
import { LossyFiles } from "./lossy-files.ts";

const root = mkdtempSync(join(tmpdir(), "quorate-kills-"));
afterAll(() => rmSync(root, { recursive: true }));

// `npm run torture:kill` runs the same for longer.

describe("three members in real processes under load", () => {
  it("lose nothing that was acknowledged, however they are killed", { timeout: 180_000 }, async () => {
    const { kills, restarts, acknowledged, lost } = await killMembers(join(root, "kills"), 20, 1, () => {});
    expect(lost).toEqual([]);
    expect(kills).toBeGreaterThanOrEqual(20);
    expect(restarts).toBe(kills);
    expect(acknowledged).toBeGreaterThan(200);
  });

  it("are asked in earnest: a write that is not there is missed by each of them", {
    timeout: 60_000,
  }, async () => {
    const folder = join(root, "invented");
    mkdirSync(join(folder, "n2"), { recursive: true });
    writeFileSync(join(folder, "n2", "acknowledged.jsonl"), '{"key":"never","serial":1}\n');
    const { lost } = await killMembers(folder, 0, 1, () => {});
    expect(lost).toHaveLength(3);
    expect(lost[0]).toContain("never: 1 was acknowledged, nothing is there");
  });
});

describe("lossy files", () => {
  it("give the system only what was synced, and show their own process all of it", async () => {
    const directory = join(root, "lossy");
    const files = new LossyFiles(directory);
    files.lock();
    const file = files.openSync("x", "create");
    const onDisk = (): Uint8Array => new NodeFiles(directory).readSync("x");

    await called((done) => file.write(Uint8Array.of(1, 2, 3), 0, done));
    await called((done) => file.write(Uint8Array.of(9), 1, done));
    expect([...file.readSync(0, 10)]).toEqual([1, 9, 3]);
    expect(file.sizeSync()).toBe(3);
    expect(onDisk()).toHaveLength(0);

    await called((done) => file.sync(done));
    expect([...onDisk()]).toEqual([1, 9, 3]);
    await called((done) => file.write(Uint8Array.of(7), 0, done));
    expect([...files.openSync("x", "read").readSync(0, 1)]).toEqual([7]);
    expect([...onDisk()]).toEqual([1, 9, 3]);
    files.unlock();
  });
});

function called(begin: (done: Done) => void): Promise<void> {
  return new Promise((resolve, reject) => begin((error) => (error === null ? resolve() : reject(error))));
}
