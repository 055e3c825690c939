import { ChangeLog } from "./change-log.ts";
import { Compaction } from "./compaction.ts";
import {
  FIRST_REVISION,
  heldBytes,
  isDeletion,
  KeyHistory,
  type KeyVersion,
  type LeaseId,
  NEVER_COMPACTED,
  NO_LEASE,
  type Revision,
} from "./key-history.ts";
import { KeyMap } from "./key-map.ts";
import { isSingleKey, type Key, type KeyRange } from "./key-range.ts";
import { OrderedMap } from "./ordered-map.ts";

/** At which revision, in which direction, and how much of a range to read. */
export interface RangeOptions {
  /** Read as of this revision; without it the newest state, what a transaction has written so far included. */
  readonly revision?: Revision | undefined;
  /** At most this many keys; 0 is no limit. */
  readonly limit?: number;
  /** From the highest key down. */
  readonly reverse?: boolean;
}

/** The keys that a read found, at most as many as its limit. */
export interface KeysFound {
  readonly versions: readonly KeyVersion[];
  /** Whether the limit kept keys out. */
  readonly more: boolean;
}

/**
 * Keys and values in many versions (etcd's MVCC): each write makes a new revision, older ones stay readable until
 * they are compacted away. What a store holds is the live keys at the compacted revision, and every change since.
 *
 * Invariants:
 * 1. A key changes at most once in a revision; transactions that would change one twice are refused.
 * 2. Revisions never go down, and move only when a key changes.
 * 3. What is readable depends on the changes and the compacted revision alone, never on how far a compaction has
 *    freed its memory.
 */
export class MvccStore {
  readonly #histories = new KeyMap<KeyHistory>();
  /** The same histories in key order; touched only when a key appears or is forgotten. */
  readonly #ordered = new OrderedMap<KeyHistory>();
  readonly changes = new ChangeLog();
  readonly #compaction = new Compaction(this.changes, {
    compact: (key, revision) => this.#compactKey(key, revision),
  });
  #revision: Revision;
  /** How many changes the open write has made; they become visible as one revision. */
  #sub = 0;
  #liveKeys = 0;
  #heldBytes = 0;

  constructor(revision: Revision = FIRST_REVISION, compactRevision: Revision = NEVER_COMPACTED) {
    this.#revision = revision;
    this.#compaction.restore(compactRevision);
  }

  /** The revision of the last finished write. */
  get revision(): Revision {
    return this.#revision;
  }

  /** The revision as a transaction sees it: the next one, once it has changed a key. */
  get openRevision(): Revision {
    return this.#sub > 0 ? this.#revision + 1 : this.#revision;
  }

  /** The oldest revision that can be read; -1 before the first compaction, as in etcd. */
  get compactRevision(): Revision {
    return this.#compaction.revision;
  }

  /** How many keys exist now. */
  get liveKeys(): number {
    return this.#liveKeys;
  }

  /** What keys, values and their history weigh, about; less once a compaction has freed something. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** The compaction of this store: how far it was ordered, and what is still to be freed. */
  get compaction(): Compaction {
    return this.#compaction;
  }

  /** The newest state of a key. */
  get(key: Key): KeyVersion | undefined {
    return liveIn(this.#histories.get(key)) ?? undefined;
  }

  /** The key as it was at `revision`, which must not be below the compacted one. */
  getAt(key: Key, revision: Revision): KeyVersion | undefined {
    return this.#histories.get(key)?.at(revision);
  }

  /** What a change replaced; null when that was nothing, or has been compacted away. */
  previousOf(change: KeyVersion): KeyVersion | null {
    if (change.createRevision === change.modRevision) return null;
    const before = change.modRevision - 1;
    return before < this.compactRevision ? null : (this.getAt(change.key, before) ?? null);
  }

  range(range: KeyRange, options: RangeOptions = {}): KeysFound {
    const limit = options.limit || Number.POSITIVE_INFINITY;
    const versions: KeyVersion[] = [];
    let more = false;
    const visit = (version: KeyVersion): boolean => {
      more = versions.length === limit;
      if (!more) versions.push(version);
      return !more;
    };
    this.visitLive(range, visit, options.revision, options.reverse);
    return { versions, more };
  }

  /** How many keys the range holds, counting up to `most`. */
  count(range: KeyRange, revision?: Revision, most = Number.POSITIVE_INFINITY): number {
    let count = 0;
    this.visitLive(range, () => ++count < most, revision);
    return count;
  }

  /** Visits the keys of a range as they were at `revision`, in key order or against it, until `visit` returns false. */
  visitLive(
    range: KeyRange,
    visit: (version: KeyVersion) => boolean,
    revision = Number.POSITIVE_INFINITY,
    reverse = false,
  ): void {
    const visitHistory = (history: KeyHistory): boolean => {
      const version = history.at(revision);
      return version === undefined || visit(version);
    };
    if (isSingleKey(range)) {
      const history = this.#histories.get(range.from);
      if (history !== undefined) visitHistory(history);
    } else if (reverse) this.#ordered.descend(range, visitHistory);
    else this.#ordered.ascend(range, visitHistory);
  }

  /** Visits each key that has a history, in key order, whether it lives or not, until `visit` returns false. */
  visitHistories(range: KeyRange, visit: (history: KeyHistory) => boolean): void {
    this.#ordered.ascend(range, visit);
  }

  /** Writes a key as part of the open write, and returns what it was before, or null. */
  put(key: Key, value: string, lease: LeaseId): KeyVersion | null {
    const history = this.#histories.get(key);
    const previous = liveIn(history);
    const modRevision = this.#revision + 1;
    const change: KeyVersion = {
      key,
      value,
      createRevision: previous === null ? modRevision : previous.createRevision,
      modRevision,
      sub: this.#sub++,
      version: previous === null ? 1 : previous.version + 1,
      lease,
    };
    this.#add(change, history);
    if (previous === null) this.#liveKeys += 1;
    return previous;
  }

  /** Deletes a key as part of the open write, and returns what it was, or null when there was nothing to delete. */
  delete(key: Key): KeyVersion | null {
    const history = this.#histories.get(key);
    const previous = liveIn(history);
    if (previous === null) return null;
    this.#add(deletion(key, this.#revision + 1, this.#sub++), history);
    this.#liveKeys -= 1;
    return previous;
  }

  /** Ends the open write: what it changed becomes one revision. Nothing changed, nothing moves (Invariant 2). */
  commit(): Revision {
    if (this.#sub > 0) {
      this.#sub = 0;
      this.#revision += 1;
    }
    return this.#revision;
  }

  /** Leaves revisions out: the next write makes the one behind `revision`. */
  skipTo(revision: Revision): void {
    this.#revision = Math.max(this.#revision, revision);
  }

  /** Takes in what a snapshot kept of the time before the compacted revision: the live keys, each once. */
  restoreBase(version: KeyVersion): void {
    this.#begin(version);
    this.#heldBytes += heldBytes(version);
    this.#liveKeys += 1;
  }

  /** Takes in one change of a snapshot, in the order in which they were made. Returns what the key was before, or null. */
  restoreChange(change: KeyVersion): KeyVersion | null {
    const history = this.#histories.get(change.key);
    const previous = liveIn(history);
    this.#add(change, history);
    this.#liveKeys += Number(change.version !== 0) - Number(previous !== null);
    return previous;
  }

  #begin(first: KeyVersion): void {
    const history = new KeyHistory(first);
    this.#histories.set(first.key, history);
    this.#ordered.set(first.key, history);
  }

  #add(change: KeyVersion, history: KeyHistory | undefined): void {
    if (history === undefined) this.#begin(change);
    else history.push(change);
    this.changes.push(change);
    this.#heldBytes += heldBytes(change);
  }

  #compactKey(key: Key, revision: Revision): void {
    const history = this.#histories.get(key);
    if (history === undefined) return;
    this.#heldBytes -= history.compact(revision);
    if (!history.isEmpty) return;
    this.#histories.delete(key);
    this.#ordered.delete(key);
  }
}

/** The newest version, where the key exists. */
function liveIn(history: KeyHistory | undefined): KeyVersion | null {
  return history === undefined || isDeletion(history.newest) ? null : history.newest;
}

function deletion(key: Key, modRevision: Revision, sub: number): KeyVersion {
  return { key, value: "", createRevision: 0, modRevision, sub, version: 0, lease: NO_LEASE };
}
