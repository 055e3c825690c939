import { QuorateError } from "../base/errors.ts";
import type { KvEntry } from "../kv/keyspace.ts";
import type { CallOptions } from "../replica/calls/call.ts";
import type { RecipeKv } from "./recipe-kv.ts";

/** All keys under a prefix, as they were at one revision. */
export interface Picture<Value> {
  readonly revision: number;
  /** Changes with the next picture: use it before asking for that. */
  readonly entries: ReadonlyMap<string, KvEntry<Value>>;
}

/** The keys under a prefix, and the revision at which they were so: what a watch can go on from without a gap. */
export async function look<Value>(
  kv: RecipeKv<Value>,
  prefix: string,
  options: CallOptions,
  limit?: number,
): Promise<Picture<Value>> {
  const scan = kv.range({ ...options, prefix, limit });
  const entries = await scan.toArray();
  return pictureOf(scan.revision!, entries);
}

export function pictureOf<Value>(revision: number, entries: readonly KvEntry<Value>[]): Picture<Value> {
  return { revision, entries: new Map(entries.map((entry) => [entry.key, entry])) };
}

/**
 * Every later picture, none left out: one for each revision that changes it. Ends when the store is closed. Throws the
 * signal's reason, and ERR_COMPACTED when the history is gone before it was seen.
 */
export async function* laterThan<Value>(
  picture: Picture<Value>,
  kv: RecipeKv<Value>,
  prefix: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Picture<Value>, void, undefined> {
  const entries = new Map(picture.entries);
  for await (const batch of kv.watch({ prefix, from: picture.revision + 1, signal }).batches()) {
    for (const [at, event] of batch.entries()) {
      if (event.type === "put") entries.set(event.entry.key, event.entry);
      else entries.delete(event.key);
      const { revision } = event;
      if (batch[at + 1]?.revision !== revision) yield { revision, entries };
    }
  }
}

/** The present picture and every later one; after a gap in the history it goes on with the present. */
export async function* follow<Value>(
  kv: RecipeKv<Value>,
  prefix: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Picture<Value>, void, undefined> {
  for (;;) {
    const picture = await look(kv, prefix, { signal });
    yield picture;
    try {
      yield* laterThan(picture, kv, prefix, signal);
      return;
    } catch (error) {
      if (!QuorateError.is(error, "ERR_COMPACTED")) throw error;
    }
  }
}
