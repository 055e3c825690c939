import { QuorateError, stoppedError } from "../base/errors.ts";
import type { KvBackend } from "./kv-backend.ts";
import { Renewals } from "./upkeep/renewals.ts";

/** A watch, or a lease that is kept alive. */
interface Part {
  readonly isOver: boolean;
  close(): unknown;
  /** Ends it because the store has failed. */
  fail(reason: QuorateError): void;
}

/**
 * The watches and leases that were begun through one view of a store, and through the views within it: they end when it is
 * closed. A view that is closed leaves those around it as they are.
 */
export class OpenHandles {
  readonly renewals: Renewals;
  readonly #backend: KvBackend;
  /** The view that this one was asked of. It keeps our parts too, but does not know us: views come and go by the thousand. */
  readonly #around: OpenHandles | null;
  readonly #parts = new Set<Part>();
  #isClosed = false;
  /** Why the member below has stopped, if it did so by itself. */
  #failure: QuorateError | null = null;

  constructor(backend: KvBackend, around: OpenHandles | null = null) {
    this.#backend = backend;
    this.#around = around;
    this.renewals = around === null ? new Renewals(backend) : around.renewals;
  }

  /** The life of a view within this one. */
  within(): OpenHandles {
    return new OpenHandles(this.#backend, this);
  }

  get #isOver(): boolean {
    if (this.#around === null) return this.#isClosed;
    return this.#isClosed || this.#around.#isOver;
  }

  /** Throws ERR_CLOSED once this view, or one around it, is closed, or the reason for which the store has failed. */
  check(): void {
    const { over } = this;
    if (over !== null) throw over;
  }

  /** Why nothing can be begun any more; null while it can. */
  get over(): QuorateError | null {
    if (this.#failure !== null) return stoppedError(this.#failure, "none");
    if (!this.#isClosed) return this.#around?.over ?? null;
    const closed = this.#around === null ? "the store is closed" : "this view of the store is closed";
    return new QuorateError("ERR_CLOSED", closed, {});
  }

  /** Takes in a part that may be over already; one that began too late is closed at once. */
  begun<Begun extends Part>(part: Begun): Begun {
    if (this.#isOver) part.close();
    else if (!part.isOver) this.#add(part);
    return part;
  }

  ended(part: Part): void {
    this.#parts.delete(part);
    this.#around?.ended(part);
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
    if (this.#around !== null) return;
    this.renewals.stop();
    this.#backend.close();
  }

  #add(part: Part): void {
    this.#parts.add(part);
    if (this.#around !== null) this.#around.#add(part);
  }
}
