import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { progress } from "./options.ts";
import { scratchDirectory } from "./scratch.ts";

/** The first build fetches modules and compiles them, which takes a while; a network that never answers ends here. */
const BUILD_TIMEOUT_MS = 300_000;

/** Builds `bench/FOLDER`, and gives its program; null where Go or a module is missing, which is said. */
export function buildGo(folder: string, what: string): string | null {
  const program = join(scratchDirectory(), folder);
  try {
    execFileSync("go", ["build", "-o", program, "."], {
      cwd: `bench/${folder}`,
      stdio: ["ignore", "ignore", "pipe"],
      timeout: BUILD_TIMEOUT_MS,
    });
    return program;
  } catch (error) {
    progress(`without ${what}, which could not be built: ${reasonIn(error)}`);
    return null;
  }
}

/** What Go said last, behind the command itself; that there is no Go is all that is said. */
function reasonIn(error: unknown): string {
  return String(error).trim().split("\n").at(-1)!;
}
