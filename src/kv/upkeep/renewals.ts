import type { Timer } from "../../base/clock.ts";
import { QuorateError } from "../../base/errors.ts";
import type { KvBackend } from "../kv-backend.ts";
import type { LeaseId } from "../mvcc/key-history.ts";

/** How long a renewal waits for others to go with it. */
export const RENEWAL_WAIT_MS = 100;
/** Leases in one command. */
const RENEWAL_LEASES_MAX = 1_000;

/** Told the time that the lease has now, 0 when there is none, or why that is not known. */
type Renewed = (error: QuorateError | null, ttlMs: number) => void;

/** Keeps the leases of a store alive with one command for all that are due at about the same time. */
export class Renewals {
  readonly #backend: KvBackend;
  #waiting = new Map<LeaseId, Renewed>();
  #timer: Timer | null = null;

  constructor(backend: KvBackend) {
    this.#backend = backend;
  }

  add(lease: LeaseId, renewed: Renewed): void {
    this.#waiting.set(lease, renewed);
    this.#timer ??= this.#backend.clock.after(RENEWAL_WAIT_MS, () => this.#send());
  }

  /** For a lease that has ended before its turn. */
  drop(lease: LeaseId): void {
    this.#waiting.delete(lease);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #send(): void {
    this.#timer = null;
    const waiting = [...this.#waiting];
    this.#waiting = new Map();
    for (let from = 0; from < waiting.length; from += RENEWAL_LEASES_MAX) {
      this.#renew(waiting.slice(from, from + RENEWAL_LEASES_MAX));
    }
  }

  #renew(some: readonly (readonly [LeaseId, Renewed])[]): void {
    const command = { kind: "lease-keep-alive", leases: some.map(([lease]) => lease) } as const;
    this.#backend.propose(command).then(
      (result) => {
        const ttlsMs = result.kind === "lease-keep-alive" ? result.ttlsMs : [];
        for (const [at, [, renewed]] of some.entries()) renewed(null, ttlsMs[at] ?? 0);
      },
      (error: unknown) => {
        if (!QuorateError.is(error)) throw error;
        for (const [, renewed] of some) renewed(error, 0);
      },
    );
  }
}
