/**
 * What one command may ask for. The limits decide what is refused, so they are the same on every member and belong
 * to the format: never make one an option.
 */

/** Compares, or operations of one branch, in a transaction; the same for each nested one. */
export const TXN_OPERATIONS_MAX = 1024;

/** How deep transactions may be nested, the outer one included. */
export const TXN_DEPTH_MAX = 8;

/** Keys that one range inside a transaction may find. Wider reads are paged outside of transactions. */
export const TXN_RANGE_KEYS_MAX = 10_000;
