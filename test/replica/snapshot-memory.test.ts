import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { runWell } from "../../scripts/process.ts";

const PROCESS = new URL("snapshot-memory-process.ts", import.meta.url).pathname;

/** More by hand: `SNAPSHOT_MEBIBYTES=1000`. */
const MEBIBYTES = process.env["SNAPSHOT_MEBIBYTES"] ?? "100";

it("a snapshot is taken, sent and installed with 64 MiB of extra memory at most, whatever its size", async () => {
  const directory = mkdtempSync(join(tmpdir(), "quorate-snapshot-"));
  try {
    const args = ["--expose-gc", "--import", "tsx", PROCESS, directory, MEBIBYTES];
    const { extraMebibytes } = JSON.parse(await runWell(process.execPath, args, process.cwd())) as {
      extraMebibytes: number;
    };
    expect(extraMebibytes).toBeLessThanOrEqual(64);
  } finally {
    rmSync(directory, { recursive: true });
  }
}, 120_000);
