import { QuorateError } from "../base/errors.ts";
import type { KeyVersion } from "./key-history.ts";
import { isEmptyRange, type KeyRange } from "./key-range.ts";
import { compacted, type Keyspace, type KvEntry, type Range, type ReadOptions } from "./keyspace.ts";

/** Keys read at once; other work gets its turn between two pages. */
const PAGE_KEYS = 256;

/**
 * The entries of a range, read when they are asked for. All pages of one reading show the same revision, whatever is
 * written meanwhile; if that revision is compacted away before the end, the reading ends with ERR_COMPACTED.
 */
export class Scan<Value> implements AsyncIterable<KvEntry<Value>> {
  readonly #space: Keyspace<Value>;
  readonly #range: KeyRange;
  readonly #options: Range & ReadOptions;

  constructor(space: Keyspace<Value>, options: Range & ReadOptions) {
    this.#space = space;
    this.#range = space.range(options);
    this.#options = options;
    const { limit } = options;
    if (limit !== undefined && (!Number.isSafeInteger(limit) || limit < 0)) {
      const details = { argument: "limit", received: limit };
      throw new QuorateError("ERR_INVALID_ARGUMENT", "limit must be a whole number, 0 or more", details);
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<KvEntry<Value>, void, undefined> {
    for await (const page of this.#pages()) for (const version of page) yield this.#space.entry(version);
  }

  async toArray(): Promise<KvEntry<Value>[]> {
    const entries: KvEntry<Value>[] = [];
    for await (const page of this.#pages())
      for (const version of page) entries.push(this.#space.entry(version));
    return entries;
  }

  /** The first entry, or undefined when there is none. */
  async first(): Promise<KvEntry<Value> | undefined> {
    if (this.#options.limit === 0) return undefined;
    const { store, revision } = await this.#space.read(this.#options);
    const found = store.range(this.#range, { revision, limit: 1, reverse: this.#options.reverse === true });
    return this.#space.maybeEntry(found.versions[0]);
  }

  /** How many keys there are, up to the limit if there is one. */
  async count(): Promise<number> {
    const { limit } = this.#options;
    if (limit === 0) return 0;
    const { store, revision } = await this.#space.read(this.#options);
    return store.count(this.#range, revision, limit);
  }

  async *#pages(): AsyncGenerator<readonly KeyVersion[], void, undefined> {
    const { machine, clock } = this.#space;
    const { limit = Number.POSITIVE_INFINITY, timeout = Number.POSITIVE_INFINITY, signal } = this.#options;
    const deadline = clock.monotonic() + timeout;
    const { store, revision = store.revision } = await this.#space.read(this.#options);
    const reverse = this.#options.reverse === true;

    let rest = this.#range;
    let left = limit;
    while (left > 0 && !isEmptyRange(rest)) {
      // A snapshot from the leader may have brought another store, with a history that begins later.
      if (revision < machine.store.compactRevision) throw compacted(revision, machine.store.compactRevision);
      const page = machine.store.range(rest, { revision, limit: Math.min(PAGE_KEYS, left), reverse });
      yield page.versions;
      if (!page.more) return;

      left -= page.versions.length;
      const last = page.versions.at(-1)!.key;
      rest = reverse ? { from: rest.from, to: last } : { from: `${last}\0`, to: rest.to };
      await new Promise<void>((resolve) => clock.soon(resolve));
      signal?.throwIfAborted();
      if (clock.monotonic() > deadline) {
        throw new QuorateError(
          "ERR_TIMEOUT",
          "the scan took too long",
          { timeoutMs: timeout },
          { retryable: true },
        );
      }
    }
  }
}
