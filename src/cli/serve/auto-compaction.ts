import type { Clock, Timer } from "../../base/clock.ts";
import { QuorateError } from "../../base/errors.ts";

/** How much history a server keeps by itself. */
export type AutoCompaction =
  | { readonly mode: "periodic"; readonly spanMs: number }
  | { readonly mode: "revision"; readonly revisions: number };

/** What is compacted. */
export interface Compactable {
  readonly clock: Clock;
  status(): { readonly revision: number; readonly compactRevision: number; readonly role: string };
  compact(revision: number): Promise<void>;
}

/** Looks are this long apart, or a tenth of the span that is kept if that is shorter, as in etcd. */
const LOOK_MS_MAX = 5 * 60_000;
const LOOKS_PER_SPAN = 10;

/** Gives up history that is old enough, now and then, while this member leads. */
export class AutoCompactor {
  readonly #store: Compactable;
  readonly #compaction: AutoCompaction;
  readonly #lookMs: number;
  /** Revisions seen at past looks, the oldest first: as many as the span has looks. */
  #seen: number[] = [];
  #timer: Timer;

  constructor(store: Compactable, compaction: AutoCompaction) {
    this.#store = store;
    this.#compaction = compaction;
    const span = compaction.mode === "periodic" ? compaction.spanMs : Number.POSITIVE_INFINITY;
    this.#lookMs = Math.max(1, Math.min(LOOK_MS_MAX, span / LOOKS_PER_SPAN));
    this.#timer = this.#schedule();
  }

  stop(): void {
    this.#timer.cancel();
  }

  #schedule(): Timer {
    return this.#store.clock.after(this.#lookMs, () => {
      this.#timer = this.#schedule();
      this.#look();
    });
  }

  #look(): void {
    const { revision, compactRevision, role } = this.#store.status();
    const target =
      this.#compaction.mode === "revision" ? revision - this.#compaction.revisions : this.#aged(revision);
    if (role !== "leader" || target === null || target <= Math.max(0, compactRevision)) return;
    // Another member, or an operator, may have been quicker; the next look tries again.
    this.#store.compact(target).catch((error: unknown) => {
      if (!QuorateError.is(error)) throw error;
    });
  }

  /** The revision of a span ago, null until a span has passed. */
  #aged(revision: number): number | null {
    const looks =
      this.#compaction.mode === "periodic" ? Math.ceil(this.#compaction.spanMs / this.#lookMs) : 0;
    const aged = this.#seen.length === looks ? this.#seen.shift()! : null;
    this.#seen.push(revision);
    return aged;
  }
}
