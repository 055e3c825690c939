import type { Key } from "./key-range.ts";

/** Counts changes to keys. A new store is at revision 1, as in etcd; the first write makes revision 2. */
export type Revision = number;

export const FIRST_REVISION: Revision = 1;

/** The compacted revision of a store that was never compacted, as in etcd. */
export const NEVER_COMPACTED: Revision = -1;

/** Names a lease; the empty string is no lease. */
export type LeaseId = string;

export const NO_LEASE: LeaseId = "";

/**
 * What a key was from one revision on. Never changes once made, so it may be handed out as it is.
 * Key and value are byte strings.
 */
export interface KeyVersion {
  readonly key: Key;
  readonly value: string;
  /** The revision that created the key; kept by later puts, 0 in a deletion. */
  readonly createRevision: Revision;
  readonly modRevision: Revision;
  /** Its place among the changes of one revision, from 0. */
  readonly sub: number;
  /** 1 at creation, one more with each put, 0 in a deletion. */
  readonly version: number;
  readonly lease: LeaseId;
}

export function isDeletion(version: KeyVersion): boolean {
  return version.version === 0;
}

/** What the objects around a version's text weigh, about: measured with a million keys. */
const VERSION_BYTES = 240;

/** What a version weighs in memory, about. */
export function heldBytes({ key, value }: KeyVersion): number {
  return key.length + value.length + VERSION_BYTES;
}

/** All versions of one key that can still be read. Most keys have one, so the older ones get an array only when needed. */
export class KeyHistory {
  newest: KeyVersion;
  /** Whether compaction has left nothing. */
  isEmpty = false;
  #older: KeyVersion[] | null = null;

  constructor(first: KeyVersion) {
    this.newest = first;
  }

  push(version: KeyVersion): void {
    if (this.#older === null) this.#older = [this.newest];
    else this.#older.push(this.newest);
    this.newest = version;
  }

  /** The key as it was at `revision`, or undefined when it did not exist then. */
  at(revision: Revision): KeyVersion | undefined {
    const version = this.newestUpTo(revision);
    return version === undefined || isDeletion(version) ? undefined : version;
  }

  /** The last change at or before `revision`, deletions included. */
  newestUpTo(revision: Revision): KeyVersion | undefined {
    if (this.newest.modRevision <= revision) return this.newest;
    if (this.#older === null) return undefined;
    return this.#older[countUpTo(this.#older, revision) - 1];
  }

  /**
   * Forgets what nobody can ask for once reads below `revision` are refused: all but the last change up to there, and
   * that one too if it is a deletion. Returns the bytes that were freed; `isEmpty` tells whether anything is left.
   */
  compact(revision: Revision): number {
    const isPast = this.newest.modRevision <= revision;
    const older = this.#older ?? [];
    const reached = isPast ? older.length : countUpTo(older, revision);
    const last = isPast ? this.newest : older[reached - 1];
    if (last === undefined) return 0;

    this.isEmpty = isPast && isDeletion(last);
    const forgotten = isPast || isDeletion(last) ? reached : reached - 1;
    let freed = this.isEmpty ? heldBytes(this.newest) : 0;
    for (let at = 0; at < forgotten; at++) freed += heldBytes(older[at]!);
    if (forgotten === older.length) this.#older = null;
    else if (forgotten > 0) this.#older = older.slice(forgotten);
    return freed;
  }
}

/** How many of `versions`, oldest first, lie at or below `revision`. */
function countUpTo(versions: readonly KeyVersion[], revision: Revision): number {
  let low = 0;
  let high = versions.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (versions[middle]!.modRevision <= revision) low = middle + 1;
    else high = middle;
  }
  return low;
}
