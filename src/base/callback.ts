import type { QuorateError } from "./errors.ts";

/** Told once that something is done: with `null`, or with the reason why it failed. */
export type Done = (error: QuorateError | null) => void;

/** Told once of a result, or of the reason why there is none. */
export type Callback<Value> = (error: QuorateError | null, value?: Value) => void;
