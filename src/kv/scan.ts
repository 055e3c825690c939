import { invalidArgument } from "../base/errors.ts";
import { flag, NO_OPTIONS, OptionTable, text, wholeOrInfinity } from "../base/options.ts";
import { takes } from "../base/surplus.ts";
import { BOUNDS, RANGE_ORDER, type Range } from "./bounds.ts";
import { CallTime } from "./call-time.ts";
import { DECODE, type DecodeChoice, leavesOut } from "./decoding.ts";
import { type Keyspace, type KvEntry, READ, type ReadOptions } from "./keyspace.ts";
import type { BackendRead, RangeRequest } from "./kv-backend.ts";
import type { KeyVersion, Revision } from "./mvcc/key-history.ts";
import { intersection, isEmptyRange, type KeyRange } from "./mvcc/key-range.ts";
import {
  isSelected,
  SELECTION,
  type Selection,
  type SelectionOptions,
  selectionOf,
  sortVersions,
} from "./mvcc/selection.ts";

/** Options of `range`: which keys, at which revision, in which order, and how many. */
export type ScanOptions = Range & ReadOptions & SelectionOptions;

const SCAN_OPTIONS = new OptionTable<ScanOptions & DecodeChoice>("range", {
  ...BOUNDS,
  ...RANGE_ORDER,
  ...READ,
  ...SELECTION,
  ...DECODE,
});

/** Options of `page`: its size and where it begins. */
export interface PageOptions {
  /** At most this many entries; the scan's own limit by default. */
  readonly limit?: number | undefined;
  /** Go on behind this key, at the revision of the page before it. Not for sorted scans. */
  readonly after?: string | undefined;
  /** Whether to count the whole range as well. */
  readonly count?: boolean | undefined;
}

const PAGE_OPTIONS = new OptionTable<PageOptions>("page", {
  limit: wholeOrInfinity(0),
  after: text,
  count: flag,
});

/** One part of a range. Pages of one scan show the same revision. */
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
 * if that revision is compacted away before the end, the reading ends with ERR_COMPACTED. A value that cannot be decoded
 * ends it with ERR_DECODE, unless `onDecodeError` says what to give instead; what that leaves out does not count towards
 * a limit. Keys and counts are of all entries: no value is decoded for them.
 */
export class Scan<Value> implements AsyncIterable<KvEntry<Value>> {
  readonly #space: Keyspace<Value>;
  readonly #range: KeyRange;
  readonly #options: ScanOptions & DecodeChoice;
  readonly #limit: number;
  readonly #selection: Selection | null;
  #revision: Revision | undefined;

  /** @internal Use `Kv.range`. */
  constructor(space: Keyspace<Value>, options: ScanOptions & DecodeChoice) {
    SCAN_OPTIONS.check(options);
    this.#space = space;
    this.#range = space.range(options);
    this.#options = options;
    this.#limit = options.limit ?? Number.POSITIVE_INFINITY;
    this.#selection = selectionOf(options);
  }

  /** The revision that the last reading shows; undefined before the first. A watch from the next one misses nothing. */
  get revision(): Revision | undefined {
    return this.#revision;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<KvEntry<Value>, void, undefined> {
    for await (const part of this.#entries(this.#range, this.#options, this.#limit)) yield* part;
  }

  async toArray(): Promise<KvEntry<Value>[]> {
    const entries: KvEntry<Value>[] = [];
    for await (const part of this.#entries(this.#range, this.#options, this.#limit))
      for (const entry of part) entries.push(entry);
    return entries;
  }

  /** The keys alone; their values are not decoded. */
  async keys(): Promise<string[]> {
    const keys: string[] = [];
    for await (const part of this.#keyParts())
      for (const { key } of part) keys.push(this.#space.keyText(key));
    return keys;
  }

  /** The first entry, or undefined when there is none. */
  async first(): Promise<KvEntry<Value> | undefined> {
    const { entries } = await this.page({ limit: Math.min(1, this.#limit) });
    return entries[0];
  }

  /** How many entries there are, up to the limit if there is one. */
  async count(): Promise<number> {
    if (this.#selection === null && this.#limit === Number.POSITIVE_INFINITY) {
      const { count, revision } = await this.#space.backend.count(this.#range, this.#options);
      this.#revision = revision;
      return count;
    }
    let count = 0;
    for await (const part of this.#keyParts()) count += part.length;
    return count;
  }

  /** Some entries, with what it takes to go on from them: to the next page, or to a watch. */
  async page(options: PageOptions = NO_OPTIONS): Promise<Page<Value>> {
    PAGE_OPTIONS.check(options);
    const { limit: most = this.#limit, after, count } = options;
    const range = after === undefined ? this.#range : this.#behind(after);
    const pinned = after === undefined ? undefined : this.#revision;
    const read = pinned === undefined ? this.#options : { ...this.#options, revision: pinned };
    const entries: KvEntry<Value>[] = [];
    let more = false;
    for await (const part of this.#selected(range, read, this.#reach(most + 1))) {
      for (const version of part) {
        more ||= entries.length === most && this.#isShown(version);
        if (entries.length === most) continue;
        const entry = this.#space.entry(version, this.#options.onDecodeError);
        if (entry !== undefined) entries.push(entry);
      }
      if (more) break;
    }
    const revision = this.#revision!;
    if (count !== true) return { entries, revision, more };
    const shown = { ...this.#options, revision, isShown: true };
    return { entries, revision, more, count: (await this.#space.backend.count(this.#range, shown)).count };
  }

  async *#keyParts(): AsyncGenerator<readonly KeyVersion[], void, undefined> {
    if (this.#limit > 0) yield* this.#selected(this.#range, this.#options, this.#limit, true);
  }

  /** The entries, decoded one by one as they are taken, so that those before a value that cannot be decoded are given. */
  async *#entries(
    range: KeyRange,
    read: BackendRead,
    limit: number,
  ): AsyncGenerator<Iterable<KvEntry<Value>>, void, undefined> {
    if (limit === 0) return;
    const space = this.#space;
    const { onDecodeError } = this.#options;
    let left = limit;
    function* decoded(part: readonly KeyVersion[]): Generator<KvEntry<Value>, void, undefined> {
      for (const version of part) {
        if (left === 0) return;
        const entry = space.entry(version, onDecodeError);
        if (entry === undefined) continue;
        left -= 1;
        yield entry;
      }
    }
    for await (const part of this.#selected(range, read, this.#reach(limit))) {
      yield decoded(part);
      if (left === 0) return;
    }
  }

  /** How many keys it may take to give so many entries. */
  #reach(limit: number): number {
    return leavesOut(this.#options.onDecodeError) ? Number.POSITIVE_INFINITY : limit;
  }

  /** Whether the key would be among the entries. */
  #isShown(version: KeyVersion): boolean {
    const { onDecodeError } = this.#options;
    return !leavesOut(onDecodeError) || this.#space.entry(version, onDecodeError) !== undefined;
  }

  /** What the selection leaves of a range, up to a limit. */
  async *#selected(
    range: KeyRange,
    read: BackendRead,
    limit: number,
    keysOnly = false,
  ): AsyncGenerator<readonly KeyVersion[], void, undefined> {
    const selection = this.#selection;
    if (selection !== null && selection.sortBy !== "key") return yield* this.#sorted(range, read, limit);

    let left = limit;
    const reverse = this.#options.reverse === true;
    const request = {
      range,
      reverse,
      keysOnly,
      limit: selection === null ? limit : Number.POSITIVE_INFINITY,
    };
    for await (const part of this.#walk(request, read)) {
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
    read: BackendRead,
    limit: number,
  ): AsyncGenerator<readonly KeyVersion[], void, undefined> {
    const { sortBy } = this.#selection!;
    const found: KeyVersion[] = [];
    for await (const part of this.#walk({ range, limit: Number.POSITIVE_INFINITY }, read)) {
      for (const version of part) if (isSelected(version, this.#selection!)) found.push(version);
    }
    const sorted = sortVersions(found, sortBy, this.#options.reverse === true);
    const end = Math.min(limit, sorted.length);
    for (let from = 0; from < end; from += PART_KEYS)
      yield sorted.slice(from, Math.min(from + PART_KEYS, end));
  }

  /** The keys of a range at one revision, in parts between which others get their turn. The first settles the revision. */
  async *#walk(
    request: RangeRequest,
    read: BackendRead,
  ): AsyncGenerator<readonly KeyVersion[], void, undefined> {
    const { backend } = this.#space;
    const time = new CallTime(backend.clock, this.#options);
    let { range, limit } = request;
    let shown = read;
    if (isEmptyRange(range)) limit = 0;
    for (;;) {
      const { versions, more, revision } = await backend.range({ ...request, range, limit }, shown);
      this.#revision = revision;
      yield versions;
      limit -= versions.length;
      if (!more || limit === 0) return;

      range = beyond(range, versions.at(-1)!.key, request.reverse === true);
      await time.turn();
      shown = { ...read, ...time.step(), revision, isShown: true };
    }
  }

  #behind(after: string): KeyRange {
    if (this.#selection !== null && this.#selection.sortBy !== "key") {
      throw invalidArgument("after", after, "a sorted scan has no place to go on from");
    }
    return beyond(this.#range, this.#space.key(after), this.#options.reverse === true);
  }
}

takes(Scan, { toArray: 0, keys: 0, first: 0, count: 0, page: 1 });

/** What is left of a range behind one of its keys. */
function beyond(range: KeyRange, key: string, reverse: boolean): KeyRange {
  return intersection(range, reverse ? { from: "", to: key } : { from: `${key}\0`, to: null });
}
