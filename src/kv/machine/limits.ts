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

/** Client sessions at a time. */
export const SESSIONS_MAX = 10_000;

/** Answers that a session remembers: a write may be overtaken by this many later ones and still be repeated. */
export const SESSION_ANSWERS_MAX = 128;

/** What the answers of a session may weigh together. */
export const SESSION_BYTES_MAX = 64 * 1024;

/** A session that is not used for this long is given up once another is opened. */
export const SESSION_IDLE_MS_MAX = 24 * 60 * 60 * 1000;
