import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { buildMember } from "./memory/build.ts";
import { runScenario } from "./memory/limits.ts";

test("a store in a small heap refuses writes before V8 gives up, starts again, and takes writes after a delete", {
  timeout: 120_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), "quorate-memory-"));
  const program = await buildMember(folder);
  const scenario = {
    ...{
      title: "a heap of 48 MiB",
      members: ["n1"],
      execArgv: ["--max-old-space-size=48"],
      groupBytes: null,
    },
    ...{ valueBytes: 2_000, writers: 64, persistMs: 500 },
  };
  const lines: string[] = [];
  const outcome = await runScenario(scenario, program, folder, (line) => lines.push(line));
  expect(outcome, lines.join("\n")).toEqual({ isRefusedInTime: true, died: 0, isRestarted: true });
  rmSync(folder, { recursive: true });
});
