/** What the process that makes an image is told, as JSON in its only argument. */
export interface ImageConfig {
  readonly seed: number;
  readonly directory: string;
  /** Where it notes acknowledged writes; the file outlives the process. */
  readonly ledger: string;
  /** Where it leaves a copy of the directory as it was at some earlier moment. */
  readonly earlier: string;
  /** Where it notes the moment of its end. */
  readonly end: string;
}

/** A write that was acknowledged: the `serial`th of its key, whose value says so. Only one writer writes to a key. */
export interface Acknowledged {
  readonly key: string;
  readonly serial: number;
  readonly revision: number;
  /** Milliseconds of the clock that all processes of a machine share. */
  readonly at: number;
}

/** The moment of the kill, and how late the witnesses of the WAL's end may have been just then. */
export interface End {
  readonly at: number;
  /** What comes on top of 50 ms: how long the disk took for a second copy, and how long the process stood still. */
  readonly heldUpMs: number;
}

/** From parent to the process that judges. */
export interface Job {
  /** The folder of an image. */
  readonly image: string;
  /** Where the copy that is damaged may lie. */
  readonly copy: string;
  readonly seed: number;
}

export type Verdict = "right" | "refused" | "wrong" | "crashed";

/** From the process that judges to its parent. */
export interface Judgement {
  readonly verdict: Verdict;
  /** What was done to the image. */
  readonly kind: string;
  readonly mutation: string;
  /** Why, unless all is right. */
  readonly reason: string;
  /** Writes of the last moment that are gone without a word, as documented, and the age of the oldest. */
  readonly lostInBound: number;
  readonly lostMs: number;
}

export const BOUND_MS = 50;

/** The clock that all processes of a machine share. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** A value that can be told from that of every other write. */
export function contentOf(key: string, serial: number): string {
  const length = (serial * 7919 + key.length * 31) % 1500;
  return `${key}#${serial}#`.padEnd(length, String(serial));
}
