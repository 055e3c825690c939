import { spawn } from "node:child_process";
import { join } from "node:path";
import type { Edit, Mode, Profile } from "./mutant.ts";
import { Sources } from "./sources.ts";

/** How a hunt ended. */
export interface Catch {
  /** Which promise was seen broken, `crash` where the code broke down by itself; null when nothing was found. */
  readonly invariant: string | null;
  readonly message: string;
  /** How many seeds it took; the last of them is the one that shows it. */
  readonly seeds: number;
  readonly steps: number;
  readonly ms: number;
}

export interface Game {
  readonly edits: readonly Edit[];
  readonly mode: Mode;
  readonly faults?: Profile;
}

export interface Budget {
  /** The first seed. */
  readonly first: number;
  readonly seeds: number;
  /** Of processor time. */
  readonly seconds: number;
}

/**
 * Runs seed after seed on a copy of the sources with these changes, in a process of its own. Throws when a change has
 * no place any more, or the changed code cannot be loaded.
 */
export async function hunt({ edits, mode, faults = "standard" }: Game, budget: Budget): Promise<Catch> {
  using sources = new Sources(edits);
  const script = join(import.meta.dirname, "hunt.ts");
  const { first, seeds, seconds } = budget;
  const args = [sources.path, mode, faults, ...[first, seeds, seconds].map(String)];
  const text = await outputOf(["--import", "tsx", script, ...args], (seconds * BUSY + GRACE_SECONDS) * 1000);
  return JSON.parse(text) as Catch;
}

/** How much longer it may take than its own work where others are at work. */
const BUSY = 20;
/** For loading, and for the run that is under way when the time is over. */
const GRACE_SECONDS = 60;

function outputOf(args: readonly string[], timeout: number): Promise<string> {
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"], timeout });
  let output = "";
  let complaint = "";
  child.stdout.on("data", (bytes) => (output += String(bytes)));
  child.stderr.on("data", (bytes) => (complaint += String(bytes)));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (code === 0) resolve(output);
      else
        reject(
          new Error(signal === null ? complaint.trim() : `a run of it does not come to an end (${signal})`),
        );
    });
  });
}
