import type { Index } from "../../log/entry.ts";
import type { LeaseId } from "../mvcc/key-history.ts";
import type { Key } from "../mvcc/key-range.ts";

/**
 * A promise to keep keys for a while. The members agree on everything here; only the leader watches the time. A renewal
 * makes a new one with the same keys, so that a snapshot can go on reading the old one.
 */
export interface LeaseState {
  readonly id: LeaseId;
  /** What was granted, in milliseconds. */
  readonly ttlMs: number;
  /** What was left when that was last written down; the whole time after a renewal. It only goes down until the next. */
  readonly remainingMs: number;
  /** The index of the entry that granted it or kept it alive last: it tells one renewal from the next. */
  readonly renewedAt: Index;
  readonly keys: ReadonlySet<Key>;
}

/** Told what happens to leases, so that a member can count their time. */
export interface LeaseObserver {
  renewed(lease: LeaseState): void;
  /** A leader has written down that so much is left, which is less than before. */
  checkpointed(lease: LeaseState): void;
  gone(id: LeaseId): void;
  /** A snapshot has brought another table. */
  replaced(leases: LeaseTable): void;
}

interface Lease extends LeaseState {
  readonly keys: Set<Key>;
}

/** Shorter leases are lengthened to this: a keep-alive needs some round trips to arrive. */
export const LEASE_TTL_MIN_MS = 500;
/** etcd's limit, 9,000,000,000 seconds. */
export const LEASE_TTL_MAX_MS = 9_000_000_000_000;
export const LEASES_MAX = 1_000_000;

/** All leases, and which keys hang on them. A key hangs on one lease at most. */
export class LeaseTable {
  readonly #leases = new Map<LeaseId, Lease>();
  #observer: LeaseObserver | undefined = undefined;

  /** How many leases exist. */
  get size(): number {
    return this.#leases.size;
  }

  get(id: LeaseId): LeaseState | undefined {
    return this.#leases.get(id);
  }

  has(id: LeaseId): boolean {
    return this.#leases.has(id);
  }

  /** In the order in which they were granted. */
  all(): IterableIterator<LeaseState> {
    return this.#leases.values();
  }

  /** In that order, as they are now: what happens later does not show, but in their keys. */
  pack(): LeaseState[] {
    return [...this.#leases.values()];
  }

  /** There is one observer at a time: the member's lease keeper. */
  observe(observer: LeaseObserver | undefined): void {
    this.#observer = observer;
  }

  add(id: LeaseId, ttlMs: number, remainingMs: number, renewedAt: Index): LeaseState {
    const lease: Lease = { id, ttlMs, remainingMs, renewedAt, keys: new Set() };
    this.#leases.set(id, lease);
    this.#observer?.renewed(lease);
    return lease;
  }

  /** Gives the lease its whole time again; false when there is none. */
  keepAlive(id: LeaseId, index: Index): boolean {
    const lease = this.#leases.get(id);
    if (lease === undefined) return false;
    const renewed = { ...lease, remainingMs: lease.ttlMs, renewedAt: index };
    this.#leases.set(id, renewed);
    this.#observer?.renewed(renewed);
    return true;
  }

  /** Remembers how much time was left, unless the lease was renewed since the leader looked. */
  checkpoint(id: LeaseId, renewedAt: Index, remainingMs: number): void {
    const lease = this.#leases.get(id);
    if (lease?.renewedAt !== renewedAt || lease.remainingMs <= remainingMs) return;
    const written = { ...lease, remainingMs };
    this.#leases.set(id, written);
    this.#observer?.checkpointed(written);
  }

  remove(id: LeaseId): void {
    if (this.#leases.delete(id)) this.#observer?.gone(id);
  }

  attach(id: LeaseId, key: Key): void {
    this.#leases.get(id)?.keys.add(key);
  }

  detach(id: LeaseId, key: Key): void {
    this.#leases.get(id)?.keys.delete(key);
  }
}
