import { spawn } from "node:child_process";
import { closeSync, copyFileSync, existsSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { copyDirectory } from "./copy.ts";
import type { ImageConfig } from "./protocol.ts";

const PROGRAM = fileURLToPath(new URL("image-process.ts", import.meta.url));
const LIFE_LIMIT_MS = 120_000;

/**
 * Makes an image of a crash in `folder`: the directory `store` as a process under load left it when it was killed, what
 * of it was acknowledged, and a copy from an earlier moment. With `before` the process goes on from that image.
 */
export async function makeImage(folder: string, seed: number, before: string | null): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const config: ImageConfig = {
    seed,
    directory: join(folder, "store"),
    ledger: join(folder, "acknowledged.jsonl"),
    earlier: join(folder, "earlier"),
    end: join(folder, "end.json"),
  };
  if (before !== null) {
    copyDirectory(join(before, "store"), config.directory);
    copyFileSync(join(before, "acknowledged.jsonl"), config.ledger);
  }
  const output = join(folder, "output.log");
  await ended(JSON.stringify(config), output);
  if (!existsSync(config.end)) {
    throw new Error(`the process of image ${folder} ended by itself:\n${readFileSync(output, "utf8")}`);
  }
}

function ended(config: string, output: string): Promise<void> {
  const descriptor = openSync(output, "a");
  const child = spawn(process.execPath, ["--import", "tsx", PROGRAM, config], {
    stdio: ["ignore", descriptor, descriptor],
    timeout: LIFE_LIMIT_MS,
    killSignal: "SIGKILL",
  });
  closeSync(descriptor);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", () => resolve());
  });
}
