import { createHash } from "node:crypto";
import { LineFile } from "./line-file.ts";

/** A write that the store has acknowledged: from here on it must never be lost. */
export interface Acknowledged {
  readonly verb: Verb;
  readonly kind: string;
  readonly key: string;
  readonly revision: number;
  /** Of the value that was written; empty for a delete. */
  readonly digest: string;
}

export type Verb = "create" | "update" | "delete";

/** The acknowledged writes of one member's process, each in the file before anybody else hears of it. */
export class Ledger {
  readonly #lines: LineFile<Acknowledged>;
  readonly #onNote: () => void;
  #count = 0;

  constructor(path: string, onNote: () => void) {
    this.#lines = new LineFile(path);
    this.#onNote = onNote;
  }

  /** How many writes this process has noted since it started. */
  get count(): number {
    return this.#count;
  }

  note(write: Acknowledged): void {
    this.#lines.append(write);
    this.#count += 1;
    this.#onNote();
  }
}

/** Tells whether a value that is read back is the value that was written. */
export function digestOf(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("base64url").slice(0, 22);
}
