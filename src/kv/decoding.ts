import { invalidArgument, QuorateError } from "../base/errors.ts";
import { type Demands, demand, isThenable } from "../base/options.ts";
import type { Revision } from "./mvcc/key-history.ts";

/** A stored value that the store's codec cannot decode. */
export interface Undecodable {
  readonly key: string;
  /** The revision that wrote it. */
  readonly revision: Revision;
  /** The value as it is stored. */
  readonly bytes: Uint8Array;
  /** Why: the codec's own error is its `cause`. */
  readonly error: QuorateError<"ERR_DECODE">;
}

/**
 * What to give for a value that cannot be decoded, where ERR_DECODE is not wanted: `skip` leaves the entry out, `raw` gives
 * the stored bytes as a Uint8Array, and a function gives what it returns, or leaves the entry out when that is undefined.
 * What such a function throws is the `cause` of an ERR_DECODE.
 */
export type OnDecodeError = "skip" | "raw" | ((broken: Undecodable) => unknown);

/** What to give for a value that the codec cannot decode. */
export interface DecodeChoice {
  readonly onDecodeError?: OnDecodeError | undefined;
}

export const DECODE: Demands<DecodeChoice> = {
  onDecodeError: demand(
    "skip, raw or a function",
    (value): value is OnDecodeError => value === "skip" || value === "raw" || typeof value === "function",
  ),
};

/** Fails with ERR_DECODE, by default, or leaves out what cannot be decoded. */
export interface DecodeOrSkip {
  readonly onDecodeError?: "skip" | undefined;
}

/** Gives the stored bytes of a value that cannot be decoded. */
export interface DecodeOrRaw {
  readonly onDecodeError: "raw";
}

/** Gives what a function makes of a value that cannot be decoded. */
export interface DecodeOr<Other> {
  readonly onDecodeError: (broken: Undecodable) => Other;
}

/** Whether entries may be missing from what is given. */
export function leavesOut(onDecodeError: OnDecodeError | undefined): boolean {
  return onDecodeError === "skip" || typeof onDecodeError === "function";
}

/** What is given for the value; undefined leaves it out. Throws ERR_DECODE. */
export function insteadOf(broken: Undecodable, onDecodeError: OnDecodeError | undefined): unknown {
  if (onDecodeError === undefined) throw broken.error;
  if (onDecodeError === "raw") return broken.bytes;
  if (onDecodeError === "skip") return undefined;
  let given: unknown;
  try {
    given = onDecodeError(broken);
  } catch (cause) {
    // A recipe decodes by a function of its own, within which the caller's one was refused.
    if (QuorateError.is(cause, "ERR_INVALID_ARGUMENT")) throw cause;
    throw undecodable(broken.key, broken.revision, cause);
  }
  if (!isThenable(given)) return given;
  // Nobody will await it, and what it comes to must not end the process.
  Promise.resolve(given).catch(() => {});
  throw invalidArgument("onDecodeError", given, "onDecodeError must give a value, not a promise");
}

export function undecodable(
  key: string,
  revision: Revision,
  cause: unknown,
  outcome: "none" | "done" = "none",
): QuorateError<"ERR_DECODE"> {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const message = `the value of ${JSON.stringify(key)}, written at revision ${revision}, cannot be decoded: ${reason}`;
  return new QuorateError("ERR_DECODE", message, { key, revision }, { outcome, cause });
}
