import { type KeyVersion, NO_LEASE, type Revision } from "../mvcc/key-history.ts";
import type { MvccStore } from "../mvcc/mvcc-store.ts";
import { selectRange } from "../mvcc/selection.ts";
import type { CountOperation, DeleteCommand, PutCommand, RangeOperation } from "./command.ts";
import type { Counts } from "./counts.ts";
import type { LeaseTable } from "./lease-table.ts";
import {
  type CountResult,
  type DeleteResult,
  type PutResult,
  type RangeResult,
  type Refused,
  refused,
} from "./result.ts";

/**
 * The single operations, on keys and leases together. Check first: what is executed cannot be refused any more, so
 * that a transaction happens whole or not at all. The caller commits.
 */
export class Operations {
  readonly #store: MvccStore;
  readonly #leases: LeaseTable;
  readonly #counts: Counts;

  constructor(store: MvccStore, leases: LeaseTable, counts: Counts) {
    this.#store = store;
    this.#leases = leases;
    this.#counts = counts;
  }

  checkPut(put: PutCommand): Refused | null {
    const { key, lease } = put;
    const { revision } = this.#store;
    if (key === "")
      return refused(revision, "ERR_INVALID_ARGUMENT", "a key cannot be empty", { argument: "key" });
    if (lease !== null && lease !== NO_LEASE && !this.#leases.has(lease))
      return leaseNotFound(revision, lease);
    return this.checkKept(put);
  }

  /** Whether there is something of which the put can keep the value or the lease. */
  checkKept({ key, value, lease }: PutCommand): Refused | null {
    if ((value !== null && lease !== null) || this.#store.get(key) !== undefined) return null;
    const message = "the key whose value or lease is to stay does not exist";
    return refused(this.#store.revision, "ERR_KEY_NOT_FOUND", message, { key });
  }

  put({ key, value, lease }: PutCommand): PutResult {
    const current = value === null || lease === null ? this.#store.get(key) : undefined;
    const newLease = lease ?? current?.lease ?? NO_LEASE;
    this.#counts.puts += 1;
    const previous = this.#store.put(key, value ?? current?.value ?? "", newLease);

    const oldLease = previous === null ? NO_LEASE : previous.lease;
    if (oldLease !== newLease) {
      if (oldLease !== NO_LEASE) this.#leases.detach(oldLease, key);
      if (newLease !== NO_LEASE) this.#leases.attach(newLease, key);
    }
    return { kind: "put", revision: this.#store.openRevision, previous };
  }

  delete({ range }: DeleteCommand): DeleteResult {
    this.#counts.deletes += 1;
    const deleted = this.deleteAll(this.#store.range(range).versions);
    return { kind: "delete", revision: this.#store.openRevision, deleted };
  }

  /** Deletes live keys and lets go of their leases. */
  deleteAll(versions: readonly KeyVersion[]): readonly KeyVersion[] {
    for (const { key, lease } of versions) {
      this.#store.delete(key);
      if (lease !== NO_LEASE) this.#leases.detach(lease, key);
    }
    return versions;
  }

  /** Whether the past that is asked for can be read. */
  checkRevision(revision: Revision | null): Refused | null {
    if (revision === null) return null;
    const { revision: currentRevision, compactRevision } = this.#store;
    if (revision > currentRevision) {
      const details = { revision, currentRevision };
      return refused(
        currentRevision,
        "ERR_FUTURE_REVISION",
        `revision ${revision} is not reached yet`,
        details,
      );
    }
    if (revision < compactRevision) {
      const details = { revision, compactRevision };
      return refused(currentRevision, "ERR_COMPACTED", `revision ${revision} was compacted away`, details);
    }
    return null;
  }

  range({ range, revision, limit, reverse, selection }: RangeOperation): RangeResult {
    this.#counts.ranges += 1;
    const options = { revision: revision ?? undefined, limit, reverse, selection };
    const found = selectRange(this.#store, range, options);
    return { kind: "range", revision: this.#store.openRevision, ...found };
  }

  count({ range, revision }: CountOperation): CountResult {
    const count = this.#store.count(range, revision ?? undefined);
    return { kind: "count", revision: this.#store.openRevision, count };
  }

  /** How many keys a range operation has to look at, counted up to `most`. */
  reach({ range, revision, limit, selection }: RangeOperation, most: number): number {
    const wanted = limit === 0 || selection !== null ? most : Math.min(limit, most);
    return this.#store.count(range, revision ?? undefined, wanted);
  }
}

export function leaseNotFound(revision: Revision, lease: string): Refused {
  return refused(revision, "ERR_LEASE_NOT_FOUND", `there is no lease ${lease}`, { lease });
}
