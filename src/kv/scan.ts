import { QuorateError } from "../base/errors.ts";
import type { KeyVersion, Revision } from "./key-history.ts";
import { intersection, isEmptyRange, type KeyRange } from "./key-range.ts";
import { compacted, type Keyspace, type KvEntry, type Range, type ReadOptions } from "./keyspace.ts";
import { isSelected, type Selection, type SelectionOptions, selectionOf, sortVersions } from "./selection.ts";

export interface ScanOptions extends Range, ReadOptions, SelectionOptions {}

export interface PageOptions {
  /** At most this many entries; the scan's own limit by default. */
  readonly limit?: number | undefined;
  /** Go on behind this key, at the revision of the page before it. Not for sorted scans. */
  readonly after?: string | undefined;
  /** Whether to count the whole range as well. */
  readonly count?: boolean | undefined;
}

export interface Page<Value> {
  readonly entries: readonly KvEntry<Value>[];
  /** The revision that the entries show. A watch from the next one misses nothing. */
  readonly revision: Revision;
  /** Whether the limit kept entries out. */
  readonly more: boolean;
  /** If asked for: how many keys the range holds at this revision, whatever limit, filters and `after` leave of it. */
  readonly count?: number;
}

/** Keys read at once; other work gets its turn between two parts. */
const PART_KEYS = 256;

/**
 * The entries of a range, read when they are asked for. One reading shows one revision, whatever is written meanwhile;
 * if that revision is compacted away before the end, the reading ends with ERR_COMPACTED.
 */
export class Scan<Value> implements AsyncIterable<KvEntry<Value>> {
  readonly #space: Keyspace<Value>;
  readonly #range: KeyRange;
  readonly #options: ScanOptions;
  readonly #limit: number;
  readonly #selection: Selection | null;
  #revision: Revision | undefined;

  /** Use `Kv.range`. */
  constructor(space: Keyspace<Value>, options: ScanOptions) {
    this.#space = space;
    this.#range = space.range(options);
    this.#options = options;
    this.#limit = checkCount(options.limit);
    this.#selection = selectionOf(options);
  }

  /** The revision that the last reading shows; undefined before the first. A watch from the next one misses nothing. */
  get revision(): Revision | undefined {
    return this.#revision;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<KvEntry<Value>, void, undefined> {
    for await (const part of this.#parts()) for (const version of part) yield this.#space.entry(version);
  }

  async toArray(): Promise<KvEntry<Value>[]> {
    const entries: KvEntry<Value>[] = [];
    for await (const part of this.#parts())
      for (const version of part) entries.push(this.#space.entry(version));
    return entries;
  }

  /** The keys alone; their values are not decoded. */
  async keys(): Promise<string[]> {
    const keys: string[] = [];
    for await (const part of this.#parts()) for (const { key } of part) keys.push(this.#space.keyText(key));
    return keys;
  }

  /** The first entry, or undefined when there is none. */
  async first(): Promise<KvEntry<Value> | undefined> {
    const { entries } = await this.page({ limit: Math.min(1, this.#limit) });
    return entries[0];
  }

  /** How many entries there are, up to the limit if there is one. */
  async count(): Promise<number> {
    let count = 0;
    for await (const part of this.#parts()) count += part.length;
    return count;
  }

  /** Some entries, with what it takes to go on from them: to the next page, or to a watch. */
  async page({ limit, after, count }: PageOptions = {}): Promise<Page<Value>> {
    const most = limit === undefined ? this.#limit : checkCount(limit);
    const range = after === undefined ? this.#range : this.#behind(after);
    const revision = await this.#begin(after === undefined ? undefined : this.#revision);
    const entries: KvEntry<Value>[] = [];
    let more = false;
    for await (const part of this.#selected(range, revision, most + 1)) {
      for (const version of part) {
        more = entries.length === most;
        if (!more) entries.push(this.#space.entry(version));
      }
    }
    if (count !== true) return { entries, revision, more };
    return { entries, revision, more, count: await this.#countAll(revision) };
  }

  async *#parts(): AsyncGenerator<readonly KeyVersion[], void, undefined> {
    if (this.#limit > 0) yield* this.#selected(this.#range, await this.#begin(), this.#limit);
  }

  /** Waits until this member may answer, and settles which revision is read. */
  async #begin(pinned: Revision | undefined = this.#options.revision): Promise<Revision> {
    const { store, revision = store.revision } = await this.#space.read({
      ...this.#options,
      revision: pinned,
    });
    this.#revision = revision;
    return revision;
  }

  /** What the selection leaves of a range, up to a limit. */
  async *#selected(
    range: KeyRange,
    revision: Revision,
    limit: number,
  ): AsyncGenerator<readonly KeyVersion[], void, undefined> {
    const selection = this.#selection;
    if (selection !== null && selection.sortBy !== "key") return yield* this.#sorted(range, revision, limit);

    let left = limit;
    const reverse = this.#options.reverse === true;
    for await (const part of this.#walk(range, revision, reverse, selection === null ? limit : undefined)) {
      const wanted =
        selection === null ? part : part.filter((version) => isSelected(version, selection)).slice(0, left);
      yield wanted;
      left -= wanted.length;
      if (left === 0) return;
    }
  }

  /** Sorting needs all of them at once; what is held are references, not copies. */
  async *#sorted(
    range: KeyRange,
    revision: Revision,
    limit: number,
  ): AsyncGenerator<readonly KeyVersion[], void, undefined> {
    const { sortBy } = this.#selection!;
    const found: KeyVersion[] = [];
    for await (const part of this.#walk(range, revision, false)) {
      for (const version of part) if (isSelected(version, this.#selection!)) found.push(version);
    }
    const sorted = sortVersions(found, sortBy, this.#options.reverse === true);
    const end = Math.min(limit, sorted.length);
    for (let from = 0; from < end; from += PART_KEYS)
      yield sorted.slice(from, Math.min(from + PART_KEYS, end));
  }

  async #countAll(revision: Revision): Promise<number> {
    let count = 0;
    for await (const part of this.#walk(this.#range, revision, false)) count += part.length;
    return count;
  }

  /** The keys of a range at a revision, in parts between which others get their turn. */
  async *#walk(
    range: KeyRange,
    revision: Revision,
    reverse: boolean,
    limit = Number.POSITIVE_INFINITY,
  ): AsyncGenerator<readonly KeyVersion[], void, undefined> {
    const { machine, clock } = this.#space;
    const { timeout = Number.POSITIVE_INFINITY, signal } = this.#options;
    const deadline = clock.monotonic() + timeout;
    let rest = range;
    let left = limit;
    while (!isEmptyRange(rest)) {
      // A snapshot from the leader may have brought another store, with a history that begins later.
      if (revision < machine.store.compactRevision) throw compacted(revision, machine.store.compactRevision);
      const part = machine.store.range(rest, { revision, limit: Math.min(PART_KEYS, left), reverse });
      yield part.versions;
      left -= part.versions.length;
      if (!part.more || left === 0) return;

      rest = beyond(rest, part.versions.at(-1)!.key, reverse);
      await new Promise<void>((resolve) => clock.soon(resolve));
      signal?.throwIfAborted();
      if (clock.monotonic() > deadline) throw tooSlow(timeout);
    }
  }

  #behind(after: string): KeyRange {
    if (this.#selection !== null && this.#selection.sortBy !== "key") {
      const details = { argument: "after", received: after };
      throw new QuorateError("ERR_INVALID_ARGUMENT", "a sorted scan has no place to go on from", details);
    }
    return beyond(this.#range, this.#space.key(after), this.#options.reverse === true);
  }
}

/** What is left of a range behind one of its keys. */
function beyond(range: KeyRange, key: string, reverse: boolean): KeyRange {
  return intersection(range, reverse ? { from: "", to: key } : { from: `${key}\0`, to: null });
}

function checkCount(limit = Number.POSITIVE_INFINITY): number {
  if (limit === Number.POSITIVE_INFINITY || (Number.isSafeInteger(limit) && limit >= 0)) return limit;
  const details = { argument: "limit", received: limit };
  throw new QuorateError("ERR_INVALID_ARGUMENT", "limit must be a whole number, 0 or more", details);
}

function tooSlow(timeoutMs: number): QuorateError {
  return new QuorateError("ERR_TIMEOUT", "the scan took too long", { timeoutMs }, { retryable: true });
}
