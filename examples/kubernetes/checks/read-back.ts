import type { Store } from "quorate";
import type { Lost, ReadBack } from "../protocol.ts";
import { type Acknowledged, digestOf } from "../records/ledger.ts";
import { readLines } from "../records/line-file.ts";

const READERS = 64;

/**
 * Reads back each write of the ledgers as it was at its own revision, linearizably, through this member. Since nothing
 * is compacted during the run, later writes to the same key do not hide it.
 */
export async function readBack(store: Store<unknown>, ledgers: readonly string[]): Promise<ReadBack> {
  const writes = ledgers.flatMap((path) => readLines<Acknowledged>(path));
  const lost: Lost[] = [];
  const remaining = writes.values();
  const read = async (): Promise<void> => {
    for (const write of remaining) {
      const found = await lookUp(store, write);
      if (found !== null) lost.push({ write, found });
    }
  };
  await Promise.all(Array.from({ length: READERS }, read));
  return { reads: writes.length, lost };
}

/** What is stored instead of the write, in words; null if it is the write itself. */
async function lookUp(
  store: Store<unknown>,
  { verb, key, revision, digest }: Acknowledged,
): Promise<string | null> {
  const entry = await store.entry(key, { revision });
  if (entry === undefined) return verb === "delete" ? null : "nothing";
  if (verb === "delete" || entry.modRevision !== revision)
    return `the write of revision ${entry.modRevision}`;
  return digestOf(entry.value) === digest ? null : "another value";
}
