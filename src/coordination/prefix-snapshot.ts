import { QuorateError } from "../base/errors.ts";
import type { KvEntry } from "../kv/keyspace.ts";
import type { CallOptions } from "../replica/calls/call.ts";
import type { RecipeKv } from "./recipe-kv.ts";

/** All keys under a prefix, as they were at one revision. */
export interface PrefixSnapshot<Value> {
  readonly revision: number;
  /** Changes with the next picture: use it before asking for that. */
  readonly entries: ReadonlyMap<string, KvEntry<Value>>;
}

/** The keys under a prefix, and the revision at which they were so: what a watch can go on from without a gap. */
export async function readPrefix<Value>(
  kv: RecipeKv<Value>,
  prefix: string,
  options: CallOptions,
  limit?: number,
): Promise<PrefixSnapshot<Value>> {
  const scan = kv.range({ ...options, prefix, limit });
  const entries = await scan.toArray();
  return prefixSnapshot(scan.revision!, entries);
}

export function prefixSnapshot<Value>(
  revision: number,
  entries: readonly KvEntry<Value>[],
): PrefixSnapshot<Value> {
  return { revision, entries: new Map(entries.map((entry) => [entry.key, entry])) };
}

/**
 * Every later picture, none left out: one for each revision that changes it. Ends when the store is closed. Throws the
 * signal's reason, and ERR_COMPACTED when the history is gone before it was seen.
 */
export async function* changesAfter<Value>(
  picture: PrefixSnapshot<Value>,
  kv: RecipeKv<Value>,
  prefix: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<PrefixSnapshot<Value>, void, undefined> {
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
export async function* followPrefix<Value>(
  kv: RecipeKv<Value>,
  prefix: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<PrefixSnapshot<Value>, void, undefined> {
  for (;;) {
    const picture = await readPrefix(kv, prefix, { signal });
    yield picture;
    try {
      yield* changesAfter(picture, kv, prefix, signal);
      return;
    } catch (error) {
      if (!QuorateError.is(error, "ERR_COMPACTED")) throw error;
    }
  }
}
