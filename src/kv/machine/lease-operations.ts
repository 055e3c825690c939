import type { Index } from "../../log/entry.ts";
import type { LeaseId } from "../mvcc/key-history.ts";
import type { MvccStore } from "../mvcc/mvcc-store.ts";
import type { LeaseCheckpointCommand, LeaseGrantCommand, LeaseRevokeCommand } from "./command.ts";
import type { Counts } from "./counts.ts";
import { LEASE_TTL_MAX_MS, LEASE_TTL_MIN_MS, LEASES_MAX, type LeaseTable } from "./lease-table.ts";
import { leaseNotFound, type Operations } from "./operations.ts";
import { type KvResult, refused } from "./result.ts";

/** What is done to leases, and through them to keys. */
export class LeaseOperations {
  readonly #store: MvccStore;
  readonly #leases: LeaseTable;
  readonly #operations: Operations;
  readonly #counts: Counts;

  constructor(store: MvccStore, leases: LeaseTable, operations: Operations, counts: Counts) {
    this.#store = store;
    this.#leases = leases;
    this.#operations = operations;
    this.#counts = counts;
  }

  grant({ lease, ttlMs }: LeaseGrantCommand, index: Index): KvResult {
    const { revision } = this.#store;
    if (this.#leases.size >= LEASES_MAX) {
      const details = { what: "leases", limit: LEASES_MAX };
      return refused(revision, "ERR_BUSY", `${LEASES_MAX} leases exist`, details);
    }
    if (ttlMs > LEASE_TTL_MAX_MS) {
      const details = { argument: "ttl", received: ttlMs };
      return refused(revision, "ERR_INVALID_ARGUMENT", "a lease cannot last so long", details);
    }
    if (this.#leases.has(lease)) {
      return refused(revision, "ERR_LEASE_EXISTS", "there is a lease with this id already", { lease });
    }
    const id = lease === "" ? this.#freeId(index) : lease;
    const granted = Math.max(ttlMs, LEASE_TTL_MIN_MS);
    this.#leases.add(id, granted, granted, index);
    this.#counts.leasesGranted += 1;
    return { kind: "lease-grant", revision, lease: id, ttlMs: granted };
  }

  /** The caller commits. */
  revoke({ lease: id, renewedAt }: LeaseRevokeCommand): KvResult {
    const lease = this.#leases.get(id);
    if (lease === undefined || (renewedAt !== null && lease.renewedAt !== renewedAt)) {
      return leaseNotFound(this.#store.revision, id);
    }
    const versions = [...lease.keys].sort().map((key) => this.#store.get(key)!);
    const deleted = this.#operations.deleteAll(versions);
    this.#leases.remove(id);
    this.#counts.leasesRevoked += 1;
    if (renewedAt !== null) this.#counts.leasesExpired += 1;
    return { kind: "lease-revoke", revision: this.#store.openRevision, deleted };
  }

  keepAlive(ids: readonly LeaseId[], index: Index): KvResult {
    const ttlsMs = ids.map((id) => (this.#leases.keepAlive(id, index) ? this.#leases.get(id)!.ttlMs : 0));
    this.#counts.leasesRenewed += ttlsMs.filter((ttlMs) => ttlMs > 0).length;
    return { kind: "lease-keep-alive", revision: this.#store.revision, ttlsMs };
  }

  checkpoint({ checkpoints }: LeaseCheckpointCommand): KvResult {
    for (const { lease, renewedAt, remainingMs } of checkpoints) {
      this.#leases.checkpoint(lease, renewedAt, remainingMs);
    }
    return { kind: "done", revision: this.#store.revision };
  }

  /** The entry's index, which names nothing else; only a lease whose id a client chose can stand in the way. */
  #freeId(index: Index): LeaseId {
    let id = String(index);
    while (this.#leases.has(id)) id = `${id}0`;
    return id;
  }
}
