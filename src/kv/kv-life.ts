import { QuorateError, stoppedError } from "../base/errors.ts";
import type { KvBackend } from "./kv-backend.ts";
import { Renewals } from "./renewals.ts";

/** A watch, or a lease that is kept alive. */
interface Part {
  readonly isOver: boolean;
  close(): unknown;
  /** Ends it because the store has failed. */
  fail(reason: QuorateError): void;
}

/** What all namespaces of a store share beside its backend: the watches and leases that end when the store is closed. */
export class Life {
  readonly renewals: Renewals;
  readonly #backend: KvBackend;
  readonly #parts = new Set<Part>();
  #isClosed = false;
  /** Why the member below has stopped, if it did so by itself. */
  #failure: QuorateError | null = null;

  constructor(backend: KvBackend) {
    this.#backend = backend;
    this.renewals = new Renewals(backend);
  }

  /** Throws ERR_CLOSED once the store is closed, or the reason for which it has failed. */
  check(): void {
    if (this.#failure !== null) throw stoppedError(this.#failure, "none");
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

  /** With `failure`, because the member below has stopped by itself. */
  close(failure: QuorateError | null = null): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#failure = failure;
    for (const part of [...this.#parts]) {
      if (failure === null) part.close();
      else part.fail(stoppedError(failure, "none"));
    }
    this.renewals.stop();
    this.#backend.close();
  }
}
