import type { Observed } from "../records/observed.ts";

/** The first revision that a write can have: an empty store is at revision 1. */
const FIRST_WRITE = 2;

/** Why this is not a history of each revision up to `last`, in order and once; null if it is. */
export function faultInHistory(history: readonly Observed[], last: number): string | null {
  let due = FIRST_WRITE;
  for (const [revision] of history) {
    if (revision !== due) return `the history tells of revision ${revision} where ${due} is due`;
    due += 1;
  }
  return due === last + 1 ? null : `the history ends at revision ${due - 1} instead of ${last}`;
}

/** Where what a watcher saw differs from the history; null if it is the very same. */
export function faultInWatch(seen: readonly Observed[], history: readonly Observed[]): string | null {
  for (const [at, [revision, changes]] of history.entries()) {
    const found = seen[at];
    if (found === undefined) return `never saw revision ${revision} (${changes.join(", ")})`;
    if (found[0] !== revision)
      return `saw revision ${found[0]} where ${revision} was due (${changes.join(", ")})`;
    if (found[1].join() !== changes.join())
      return `saw ${found[1].join(", ")} at revision ${revision}, not ${changes.join(", ")}`;
  }
  const surplus = seen[history.length];
  return surplus === undefined ? null : `saw revision ${surplus[0]}, which the history does not have`;
}
