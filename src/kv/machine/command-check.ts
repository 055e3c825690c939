import type { Rights } from "../auth/rights.ts";
import { type LeaseId, NO_LEASE } from "../mvcc/key-history.ts";
import { type KeyRange, singleKey } from "../mvcc/key-range.ts";
import type { Command, Operation, PutCommand, TxnCommand } from "./command.ts";
import type { LeaseTable } from "./lease-table.ts";

/**
 * Whether one command stays within a caller's rights. What is checked is the range that is carried out, in the one form
 * that the store knows, and the whole transaction: its compares, and both branches at every depth. For which of them
 * is taken tells what the compares saw.
 */
export class CommandCheck {
  readonly #rights: Rights;
  readonly #leases: LeaseTable;
  /** Leases whose keys were looked at: a transaction may name one many times, and it may have many keys. */
  readonly #permittedLeases = new Set<LeaseId>();

  constructor(rights: Rights, leases: LeaseTable) {
    this.#rights = rights;
    this.#leases = leases;
  }

  permits(command: Command): boolean {
    if (this.#rights.isRoot) return true;
    switch (command.kind) {
      case "put":
      case "delete":
      case "txn":
        return this.#permitsOperation(command);
      case "lease-grant":
      case "lease-keep-alive":
        return true;
      case "lease-revoke":
        return this.#permitsLease(command.lease);
      default:
        return false;
    }
  }

  #permitsOperation(operation: Operation): boolean {
    switch (operation.kind) {
      case "put":
        return this.#permitsPut(operation);
      case "delete":
        return this.#rights.mayWrite(operation.range);
      case "range":
      case "count":
        return this.#rights.mayRead(operation.range);
      case "txn":
        return this.#permitsTxn(operation);
    }
  }

  #permitsTxn({ compares, success, failure }: TxnCommand): boolean {
    return (
      compares.every(({ range }) => this.#rights.mayRead(range)) &&
      success.every((operation) => this.#permitsOperation(operation)) &&
      failure.every((operation) => this.#permitsOperation(operation))
    );
  }

  #permitsPut({ key, lease }: PutCommand): boolean {
    if (!this.#rights.mayWrite(singleKey(key))) return false;
    return lease === null || lease === NO_LEASE || this.#permitsLease(lease);
  }

  /** Whoever hangs a key on a lease must be able to end the lease, which deletes all that hangs on it. */
  #permitsLease(lease: LeaseId): boolean {
    if (this.#permittedLeases.has(lease)) return true;
    if (!keysOnLease(this.#leases, lease).every((key) => this.#rights.mayWrite(key))) return false;
    this.#permittedLeases.add(lease);
    return true;
  }
}

export function keysOnLease(leases: LeaseTable, lease: LeaseId): KeyRange[] {
  return [...(leases.get(lease)?.keys ?? [])].map(singleKey);
}
