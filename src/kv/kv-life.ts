import { QuorateError } from "../base/errors.ts";
import type { KvBackend } from "./kv-backend.ts";
import { Renewals } from "./renewals.ts";

/** A watch, or a lease that is kept alive. */
interface Part {
  readonly isOver: boolean;
  close(): unknown;
}

/** What all namespaces of a store share beside its backend: the watches and leases that end when the store is closed. */
export class Life {
  readonly renewals: Renewals;
  readonly #backend: KvBackend;
  readonly #parts = new Set<Part>();
  #isClosed = false;

  constructor(backend: KvBackend) {
    this.#backend = backend;
    this.renewals = new Renewals(backend);
  }

  /** Throws ERR_CLOSED once the store is closed. */
  check(): void {
    if (this.#isClosed) throw new QuorateError("ERR_CLOSED", "the store is closed", {});
  }

  /** Takes in a part that may be over already; one that began too late is closed at once. */
  begun<Begun extends Part>(part: Begun): Begun {
    if (this.#isClosed) part.close();
    else if (!part.isOver) this.#parts.add(part);
    return part;
  }

  ended(part: Part): void {
    this.#parts.delete(part);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const part of [...this.#parts]) part.close();
    this.renewals.stop();
    this.#backend.close();
  }
}
