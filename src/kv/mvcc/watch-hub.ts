import { assert } from "../../base/assert.ts";
import { isDeletion, type KeyVersion, type Revision } from "./key-history.ts";
import { inRange, isSingleKey, type Key, type KeyRange } from "./key-range.ts";
import type { MvccStore } from "./mvcc-store.ts";
import { RangeTree } from "./range-tree.ts";

/** What one watcher wants to see: a range of keys, from which revision, and what to leave out. */
export interface WatchRequest {
  readonly range: KeyRange;
  /** The first revision of interest, past or future; null begins with the next one. */
  readonly from: Revision | null;
  /** Whether each event tells what the key was before. */
  readonly previous?: boolean;
  /** Leave out puts, or deletes. */
  readonly without?: "put" | "delete" | undefined;
  /** Events that may wait before the watcher has to read them from the history; default 1024. */
  readonly pendingMax?: number | undefined;
}

/** One change of one key, as it is passed to a watcher. */
export interface WatchedChange {
  readonly change: KeyVersion;
  /** What the change replaced, if that was asked for, existed, and is not compacted away. */
  readonly previous: KeyVersion | null;
}

/** What a watcher has for its consumer. */
export type WatchBatch =
  /** In order; never a part of a revision. Everything up to `revision` has now been handed out. */
  | { readonly kind: "changes"; readonly changes: readonly WatchedChange[]; readonly revision: Revision }
  /** What comes next was compacted away before it was taken. The watch is over. */
  | { readonly kind: "compacted"; readonly revision: Revision; readonly compactRevision: Revision };

/**
 * One watch on a range of keys. It keeps a short queue of what is new; whoever takes too slowly loses the queue, not
 * the events: they are then read from the history, which is the same to the consumer.
 *
 * Invariants (what etcd calls ordered, unique, reliable, atomic, resumable, bookmarkable):
 * 1. Changes are handed out in the order of revision and place, each once, none left out.
 * 2. A revision is handed out whole.
 * 3. `#next` is the lowest revision of which nothing was handed out yet.
 */
export class Watcher {
  readonly request: WatchRequest;
  /** The revision of the store when the watch began. */
  readonly startedAt: Revision;
  readonly #hub: WatchHub;
  readonly #onReady: () => void;
  readonly #pendingMax: number;
  #next: Revision;
  #pending: KeyVersion[] = [];
  /** Whether the history has to be read before the queue counts again. */
  #isBehind: boolean;
  #isClosed = false;
  /** For the hub: whether it is about to notify this one. */
  isReady = false;

  /** Use `WatchHub.watch`. */
  constructor(hub: WatchHub, request: WatchRequest, onReady: () => void) {
    this.#hub = hub;
    this.request = request;
    this.startedAt = hub.store.revision;
    this.#onReady = onReady;
    this.#pendingMax = request.pendingMax ?? WATCH_PENDING_MAX;
    assert(this.#pendingMax > 0, "a watcher has room for one event");
    this.#next = request.from ?? hub.store.revision + 1;
    this.#isBehind = this.#next <= hub.store.revision;
  }

  /** The lowest revision that is still to come for this watcher; a new one may begin there without a gap. */
  get next(): Revision {
    if (this.#isBehind || this.#pending.length > 0) return this.#next;
    return Math.max(this.#next, this.#hub.store.revision + 1);
  }

  /** A revision up to which everything has been handed out, or null while something is waiting, or before `from`. */
  get progress(): Revision | undefined {
    const { revision } = this.#hub.store;
    if (this.request.from !== null && revision < this.request.from) return undefined;
    return this.next === revision + 1 ? revision : undefined;
  }

  /** Up to where everything has been handed out, whatever waits; null before `from`. */
  get told(): Revision | undefined {
    const { next } = this;
    return this.progress ?? (next <= this.#hub.store.revision ? next - 1 : undefined);
  }

  /** Whether the next take reads the history. */
  get isBehind(): boolean {
    return this.#isBehind && !this.#isClosed;
  }

  /** Whether the watcher is closed and receives nothing more. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** The next changes, or null when there are none now. Take until null; then wait to be called. */
  take(): WatchBatch | undefined {
    if (this.#isClosed) return undefined;
    if (this.#next > this.#hub.store.revision) this.#isBehind = false;
    const batch = this.#isBehind ? this.#takeFromHistory() : this.#takePending();
    if (batch?.kind === "changes") this.#hub.eventsTaken += batch.changes.length;
    return batch;
  }

  close(): void {
    this.#isClosed = true;
    this.#pending = [];
    this.#hub.remove(this);
  }

  /** For the hub: a change in this watcher's range. Tells whether it is of interest. */
  offer(change: KeyVersion): boolean {
    if (!this.#wants(change)) return false;
    if (this.#isBehind) return true;
    if (this.#pending.length < this.#pendingMax) {
      if (this.#pending.length === 0) this.#next = change.modRevision;
      this.#pending.push(change);
    } else this.fallBehind();
    return true;
  }

  /** For the hub: what is queued, and what follows it, is to be read from the history. */
  fallBehind(): void {
    this.#next = this.next;
    this.#pending = [];
    this.#isBehind = true;
  }

  /** For the hub: tells the consumer that there is something to take. */
  notify(): void {
    this.isReady = false;
    if (!this.#isClosed) this.#onReady();
  }

  #takePending(): WatchBatch | undefined {
    if (this.#pending.length === 0) return undefined;
    const changes = this.#pending.map((change) => this.#watched(change));
    const { revision } = this.#hub.store;
    this.#pending = [];
    this.#next = revision + 1;
    return { kind: "changes", changes, revision };
  }

  #takeFromHistory(): WatchBatch {
    const { changes: log, compactRevision, revision } = this.#hub.store;
    if (this.#next < compactRevision) {
      this.close();
      return { kind: "compacted", revision: this.#next, compactRevision };
    }
    const changes: WatchedChange[] = [];
    const end = endOfRevision(this.#hub.store, log.seek(this.#next) + HISTORY_STEP);
    for (let position = log.seek(this.#next); position < end; position++) {
      const change = log.at(position)!;
      if (inRange(change.key, this.request.range) && this.#wants(change)) changes.push(this.#watched(change));
    }
    const reached = end === log.end ? revision : log.at(end - 1)!.modRevision;
    this.#next = reached + 1;
    this.#isBehind = end < log.end;
    return { kind: "changes", changes, revision: reached };
  }

  #wants(change: KeyVersion): boolean {
    if (change.modRevision < this.#next) return false;
    return this.request.without !== (isDeletion(change) ? "delete" : "put");
  }

  #watched(change: KeyVersion): WatchedChange {
    const previous = this.request.previous === true ? this.#hub.store.previousOf(change) : null;
    return { change, previous };
  }
}

/** Events that wait for a consumer, by default. */
export const WATCH_PENDING_MAX = 1024;

/** Changes of the history that one take looks at; a few more when a revision goes on. */
const HISTORY_STEP = 1024;

/** `position`, or where the revision of the change before it ends. Invariant 2. */
function endOfRevision({ changes }: MvccStore, position: number): number {
  let end = Math.min(position, changes.end);
  const revision = changes.at(end - 1)?.modRevision;
  while (end < changes.end && changes.at(end)!.modRevision === revision) end += 1;
  return end;
}

/**
 * All watchers of a store. The machine publishes after each batch of commands, so that a watcher is called once for
 * a batch, however many changes it brings.
 */
export class WatchHub {
  #store: MvccStore;
  /** The first change that is not published yet. */
  #position: number;
  readonly #byKey = new Map<Key, Set<Watcher>>();
  #keyWatchers = 0;
  /** Events that were handed out so far. */
  eventsTaken = 0;
  readonly #byRange = new RangeTree<Watcher>();

  constructor(store: MvccStore) {
    this.#store = store;
    this.#position = store.changes.end;
  }

  /** The store whose changes are watched. */
  get store(): MvccStore {
    return this.#store;
  }

  /** How many watchers there are. */
  get size(): number {
    return this.#byRange.size + this.#keyWatchers;
  }

  /** How many watchers have to read the history before they are up to date. */
  countBehind(): number {
    let count = 0;
    for (const watcher of this.#all()) count += Number(watcher.isBehind);
    return count;
  }

  /** Begins to watch. `onReady` is called when there is something to take; it must not change the store. */
  watch(request: WatchRequest, onReady: () => void): Watcher {
    const watcher = new Watcher(this, request, onReady);
    if (!isSingleKey(request.range)) this.#byRange.add(request.range, watcher);
    else {
      this.#keyWatchers += 1;
      const key = request.range.from;
      const watchers = this.#byKey.get(key);
      if (watchers === undefined) this.#byKey.set(key, new Set([watcher]));
      else watchers.add(watcher);
    }
    return watcher;
  }

  /** Gives each watcher what is new to it. */
  publish(): void {
    const { changes } = this.#store;
    const ready: Watcher[] = [];
    if (this.#byKey.size > 0 || this.#byRange.size > 0) {
      for (; this.#position < changes.end; this.#position++) this.#offer(changes.at(this.#position)!, ready);
    }
    this.#position = changes.end;
    for (const watcher of ready) watcher.notify();
  }

  /** Goes on with a store that a snapshot brought: watchers read on in its history, or learn that it begins too late. */
  restore(store: MvccStore): void {
    const watchers = [...this.#all()];
    for (const watcher of watchers) watcher.fallBehind();
    this.#store = store;
    this.#position = store.changes.end;
    for (const watcher of watchers) watcher.notify();
  }

  /** For a watcher that closes. */
  remove(watcher: Watcher): void {
    this.#byRange.delete(watcher.request.range, watcher);
    const key = watcher.request.range.from;
    const watchers = this.#byKey.get(key);
    if (watchers?.delete(watcher) !== true) return;
    this.#keyWatchers -= 1;
    if (watchers.size === 0) this.#byKey.delete(key);
  }

  *#all(): Generator<Watcher> {
    yield* this.#byRange;
    for (const watchers of this.#byKey.values()) yield* watchers;
  }

  #offer(change: KeyVersion, ready: Watcher[]): void {
    const offer = (watcher: Watcher): void => {
      if (!watcher.offer(change) || watcher.isReady) return;
      watcher.isReady = true;
      ready.push(watcher);
    };
    this.#byKey.get(change.key)?.forEach(offer);
    this.#byRange.visit(change.key, offer);
  }
}
