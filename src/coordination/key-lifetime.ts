import { QuorateError } from "../base/errors.ts";
import type { RecipeKv } from "./recipe-kv.ts";

/** One life of a key: from its creation to its next deletion. */
export interface KeyLifetime {
  readonly key: string;
  readonly createRevision: number;
  /** A revision at which the key was there: the later, the less history has to be read. */
  readonly seenAt: number;
}

/** Resolves once this life of the key is over. Throws the signal's reason, and what every read throws. */
export async function untilDeleted(
  kv: RecipeKv<unknown>,
  { key, createRevision, ...life }: KeyLifetime,
  signal: AbortSignal | undefined,
): Promise<void> {
  let { seenAt } = life;
  for (;;) {
    try {
      const watch = kv.watch({ gte: key, lte: key, from: seenAt + 1, without: "put", signal });
      for await (const _deletion of watch) return;
    } catch (error) {
      if (!QuorateError.is(error, "ERR_COMPACTED")) throw error;
      // What was compacted may have been the deletion; a key that is still there was not deleted up to here.
      seenAt = error.details.compactRevision;
    }
    const found = await kv.entry(key, { signal });
    if (found?.createRevision !== createRevision) return;
  }
}
