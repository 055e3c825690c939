import { progress } from "./options.ts";

let isHeeded = false;
let isWanted = false;

process.on("SIGINT", () => {
  if (!isHeeded || isWanted) process.exit(130);
  isWanted = true;
  progress("ends with what was measured so far; once more ends it at once");
});

/** Whether to report what there is and end. Until a benchmark has asked this, an interrupt ends it at once. */
export function isInterrupted(): boolean {
  isHeeded = true;
  return isWanted;
}
