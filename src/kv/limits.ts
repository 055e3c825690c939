/**
 * What one command may ask for. The limits decide what is refused, so they are the same on every member and belong
 * to the format: never make one an option.
 */

/** Compares, or operations of one branch, in a transaction; what nested ones have is added to it. */
export const TXN_OPERATIONS_MAX = 1024;

/** Compares and operations of a transaction and of all that are nested in it, both branches of each. */
export const TXN_TOTAL_MAX = 16_384;

/** How deep transactions may be nested, the outer one included. */
export const TXN_DEPTH_MAX = 8;

/** Keys that all ranges of a transaction may look at together. Wider reads are paged outside of transactions. */
export const TXN_RANGE_KEYS_MAX = 10_000;
