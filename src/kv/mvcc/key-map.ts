import type { Key } from "./key-range.ts";

/** A power of two. With ten million keys the largest table holds about 40,000. */
const TABLES = 256;
/** Characters of a key that its place is made of, spread over its length. */
const SAMPLES_MAX = 32;

/**
 * A map from keys, in many small tables. One large table is made anew, all at once, whenever it has outgrown its room:
 * with a million keys nothing else would happen for 70 ms.
 */
export class KeyMap<Value> {
  readonly #tables: (Map<Key, Value> | undefined)[] = new Array(TABLES).fill(undefined);

  get(key: Key): Value | undefined {
    return this.#tables[placeOf(key)]?.get(key);
  }

  set(key: Key, value: Value): void {
    const place = placeOf(key);
    const table = this.#tables[place];
    if (table === undefined) this.#tables[place] = new Map([[key, value]]);
    else table.set(key, value);
  }

  delete(key: Key): void {
    this.#tables[placeOf(key)]?.delete(key);
  }
}

/** FNV-1a over some characters: keys differ in the middle as often as at the end. */
function placeOf(key: Key): number {
  const stride = Math.ceil(key.length / SAMPLES_MAX) || 1;
  let hash = 0x811c9dc5;
  for (let at = key.length - 1; at >= 0; at -= stride) {
    hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  }
  return (hash ^ (hash >>> 15)) & (TABLES - 1);
}
