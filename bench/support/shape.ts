/** Keys of 8 bytes and values of 256, as in all comparisons. */
export const KEYS = 10_000;
export const VALUE = "v".repeat(256);

export function keyAt(at: number): string {
  return `k${String(at).padStart(7, "0")}`;
}

/** All keys, again and again, in no order. */
export function scattered(at: number): string {
  return NAMES[(at * 7919) % KEYS]!;
}

const NAMES = Array.from({ length: KEYS }, (_, at) => keyAt(at));
