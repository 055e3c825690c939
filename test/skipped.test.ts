import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { type Finished, run } from "../scripts/process.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const SLOW = 60_000;

/** A run of these tests that ends with the list, where the programs in `present` were installed. */
async function runOf(body: string, present: string): Promise<Finished> {
  const folder = mkdtempSync(join(ROOT, "node_modules/.skipped-"));
  try {
    writeFileSync(join(folder, "vitest.config.mjs"), "export default {};");
    writeFileSync(
      join(folder, "some.test.ts"),
      `import { describe, test } from "vitest";\ntest("runs", () => {});\n${body}`,
    );
    const reporter = join(ROOT, "test/support/skipped.ts");
    const vitest = join(ROOT, "node_modules/.bin/vitest");
    const args = [`QUORATE_PRESENT=${present}`, vitest, "run", "--root", folder, `--reporter=${reporter}`];
    return await run("env", args, folder, SLOW);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test("a run ends with a list of what was skipped and why", { timeout: SLOW }, async () => {
  const { exitCode, stdout } = await runOf(
    `describe.skip("etcd (needs etcd)", () => { test("one", () => {}); test("two", () => {}); });
     test("three", (context) => context.skip("needs a browser"));`,
    "openssl",
  );
  expect(stdout).toContain("Skipped, and why:");
  expect(stdout).toContain("some.test.ts: needs etcd (2 tests)");
  expect(stdout).toContain("some.test.ts: needs a browser (1 test)");
  expect(exitCode).toBe(0);
});

test("a run fails by a test that is skipped without a reason", { timeout: SLOW }, async () => {
  const { exitCode, stdout } = await runOf('test.skip("four", () => {});', "");
  expect(stdout).toContain("some.test.ts: four");
  expect(exitCode).toBe(1);
});

test("a run fails by a test that is skipped for want of what was installed", { timeout: SLOW }, async () => {
  const { exitCode, stdout } = await runOf(
    'test.skip("five (needs openssl and etcd)", () => {});',
    "etcd chromium",
  );
  expect(stdout).toContain("must not be skipped here");
  expect(exitCode).toBe(1);
});
