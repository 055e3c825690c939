import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { run } from "../../scripts/process.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const EXAMPLES = join(ROOT, "examples");
const RUN_MS = 60_000;
const LINES_MAX = 60;

const OUTPUTS: Readonly<Record<string, readonly string[]>> = {
  "bank.ts": ["done, insufficient funds", "ada has 30, bob has 70"],
  "distributed-lock.ts": [
    "3 lines, each under the lock",
    "the next holder writes: true",
    "the signal told it to stop: true",
    "the old holder writes: false",
    "of two who try, 1 has it",
  ],
  "feature-flags.ts": ["dark mode: true true true", "new search: true true true"],
  "leader-election.ts": [
    "every run was on one member: true",
    "another member took over: true",
    "with a greater fence: true",
  ],
  "service-registry.ts": [
    "mail: 10.0.0.1:2525 10.0.0.2:2525",
    "mail: 10.0.0.1:2525",
    "version 1.4 is left",
    "mail: nobody",
  ],
};

/** Programs, and not what they share. */
const programs = readdirSync(EXAMPLES).filter((file) => file.endsWith(".ts") && file !== "loopback.ts");

test("every example is run here, and fits on a page", () => {
  expect(programs).toEqual(Object.keys(OUTPUTS).sort());
  for (const program of programs) {
    const lines = readFileSync(join(EXAMPLES, program), "utf8").trimEnd().split("\n").length;
    expect(lines, `${program} has few enough lines`).toBeLessThan(LINES_MAX + 1);
  }
});

test.concurrent.each(programs)(
  "%s ends by itself and prints what it should",
  { timeout: RUN_MS + 5000 },
  async (program) => {
    const args = ["--import", "tsx", join(EXAMPLES, program)];
    const { exitCode, stdout, stderr } = await run(process.execPath, args, ROOT, RUN_MS);
    expect(stderr).toBe("");
    expect(stdout.trimEnd().split("\n")).toEqual(OUTPUTS[program]);
    expect(exitCode).toBe(0);
  },
);
