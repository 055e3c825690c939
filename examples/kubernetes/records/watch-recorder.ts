import type { Store, WatchEvent } from "quorate";
import { REGISTRY } from "../resources.ts";
import { LineFile, readLines } from "./line-file.ts";
import type { Observed } from "./observed.ts";

/**
 * Watches everything and notes each revision that it has seen. It begins after the last one in its file: in a process
 * that was killed and started again it goes on where it was, even while its member has yet to catch up.
 */
export class WatchRecorder {
  readonly #store: Store<unknown>;
  readonly #lines: LineFile<Observed>;
  readonly #waiting = new Set<{ readonly revision: number; readonly resolve: () => void }>();
  #revision: number;

  constructor(store: Store<unknown>, path: string) {
    this.#store = store;
    this.#lines = new LineFile(path);
    this.#revision = readLines<Observed>(path).at(-1)?.[0] ?? 0;
  }

  /** The last revision that is noted. */
  get revision(): number {
    return this.#revision;
  }

  /** Records until `signal` is aborted, or up to the revision `last`. */
  async run(signal: AbortSignal, last = Number.POSITIVE_INFINITY): Promise<void> {
    const watch = this.#store.watch({ prefix: REGISTRY, from: this.#revision + 1, signal });
    for await (const batch of watch.batches()) {
      for (const observed of byRevision(batch)) this.#note(observed);
      if (this.#revision >= last) return;
    }
  }

  /** Resolves once `revision` is noted, with the time of the clock on the wall. */
  async reached(revision: number): Promise<number> {
    if (this.#revision < revision) {
      await new Promise<void>((resolve) => this.#waiting.add({ revision, resolve }));
    }
    return Date.now();
  }

  #note(observed: Observed): void {
    this.#lines.append(observed);
    this.#revision = observed[0];
    for (const waiting of this.#waiting) {
      if (waiting.revision > this.#revision) continue;
      this.#waiting.delete(waiting);
      waiting.resolve();
    }
  }
}

/** A batch never holds a part of a revision, but it may hold several. */
function byRevision(batch: readonly WatchEvent<unknown>[]): Observed[] {
  const changes = new Map<number, string[]>();
  for (const event of batch) {
    const change = event.type === "put" ? `put ${event.entry.key}` : `delete ${event.key}`;
    changes.set(event.revision, [...(changes.get(event.revision) ?? []), change]);
  }
  return [...changes];
}
