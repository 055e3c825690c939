import { progress } from "./options.ts";

/** One interrupt arrives several times where npm and the translator pass it on as well. */
const SAME_MS = 500;

let isHeeded = false;
let isWanted = false;
let wantedAt = 0;

process.on("SIGINT", () => {
  if (isWanted && performance.now() - wantedAt < SAME_MS) return;
  if (!isHeeded || isWanted) process.exit(130);
  isWanted = true;
  wantedAt = performance.now();
  progress("ends with what was measured so far; once more ends it at once");
});

/** Whether to report what there is and end. Until a benchmark has asked this, an interrupt ends it at once. */
export function isInterrupted(): boolean {
  isHeeded = true;
  return isWanted;
}
