import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { open } from "../../src/open.ts";
import { bundled, contained, hasNamespaces, LineProcess } from "./lock/lock-processes.ts";

describe.skipIf(!hasNamespaces)("two containers on one volume (needs root on Linux)", () => {
  const root = mkdtempSync(join(tmpdir(), "quorate-rolling-"));
  const processes: LineProcess[] = [];
  let program: string;
  beforeAll(async () => {
    program = await bundled(join(import.meta.dirname, "rolling-member.ts"), join(root, "member.mjs"));
  });
  afterAll(async () => {
    await Promise.all(processes.map((each) => each.kill()));
    rmSync(root, { recursive: true });
  });
  const container = (directory: string, ...more: string[]): LineProcess => {
    const child = new LineProcess(...contained([process.execPath, program, directory, ...more]));
    processes.push(child);
    return child;
  };

  it("are never at work together: the newer one is refused, and the older one loses nothing", async () => {
    const directory = join(root, "refused");
    const older = container(directory);
    expect(await older.line()).toBe("found 0");
    await acknowledged(older, 50);
    await expect(container(directory).line()).rejects.toThrow("ERR_LOCKED");
    const last = await acknowledged(older, 50);
    await older.kill();
    await expectAll(directory, last);
  });

  it.each(["closed", "killed"])(
    "hand over in a rolling update, in which the older one is %s: nothing acknowledged is lost",
    async (how) => {
      const directory = join(root, how);
      let older = container(directory);
      let last = 0;
      for (let update = 0; update < 2; update++) {
        expect(Number((await older.line()).replace("found ", ""))).toBeGreaterThanOrEqual(last);
        last = await acknowledged(older, 20);
        const newer = container(directory, "20000");
        last = await acknowledged(older, 20);
        if (how === "killed") await older.kill();
        else older.tell("end");
        older = newer;
      }
      await older.line();
      last = await acknowledged(older, 20);
      await older.kill();
      await expectAll(directory, last);
    },
  );
});

/** The last of so many numbers that a member said. */
async function acknowledged(member: LineProcess, count: number): Promise<number> {
  let last = 0;
  for (let at = 0; at < count; at++) last = Number(await member.line());
  return last;
}

async function expectAll(directory: string, last: number): Promise<void> {
  const store = await open({ dir: directory, lockTimeoutMs: 5_000 });
  await store.ready();
  const found = new Set((await store.range({ prefix: "each/" }).toArray()).map(({ key }) => key));
  const missing = Array.from({ length: last }, (_, at) => `each/${at + 1}`).filter((key) => !found.has(key));
  await store.close();
  expect(last).toBeGreaterThan(0);
  expect(missing).toEqual([]);
}
