import type { LeaseId } from "../../../kv/mvcc/key-history.ts";
import type { Index } from "../../../log/entry.ts";
import { type Check, Violation } from "../../check.ts";
import type { Micros } from "../../simulation/chance/schedule.ts";
import type { SimEvent } from "../../simulation/seen/sim-event.ts";
import { Effects } from "./effects.ts";

interface Renewal {
  readonly index: Index;
  /** When the first member executed it, which is after its holder asked. */
  readonly at: Micros;
  readonly ttlMs: number;
}

/** How much faster than true time a simulated clock may run, and a little more. */
const DRIFT = 0.12;

export class PatientLeases implements Check {
  readonly name = "T1";
  readonly says =
    "No lease is ended by its leader before its time, nor by an older finding than its last renewal.";
  readonly kinds = ["executed"] as const;
  readonly #renewals = new Map<LeaseId, Renewal>();
  readonly #effects = new Effects();

  observe(event: SimEvent): void {
    const effect = event.kind === "executed" ? this.#effects.next(event) : null;
    if (effect === null) return;
    const { index, command, result } = effect;
    if (result.kind === "lease-grant")
      this.#renewed(result.lease, { index, at: event.at, ttlMs: result.ttlMs });
    else if (result.kind === "lease-keep-alive" && command?.kind === "lease-keep-alive") {
      command.leases.forEach((lease, place) => {
        const ttlMs = result.ttlsMs[place]!;
        if (ttlMs > 0) this.#renewed(lease, { index, at: event.at, ttlMs });
      });
    } else if (result.kind === "lease-revoke" && command?.kind === "lease-revoke") {
      if (command.renewedAt !== null) this.#ended(command.lease, command.renewedAt, event.at);
      this.#renewals.delete(command.lease);
    }
  }

  #renewed(lease: LeaseId, renewal: Renewal): void {
    this.#renewals.set(lease, renewal);
  }

  #ended(lease: LeaseId, renewedAt: Index, at: Micros): void {
    const renewal = this.#renewals.get(lease);
    if (renewal === undefined) return;
    if (renewal.index !== renewedAt) {
      throw new Violation(
        this,
        `Lease ${lease} was renewed at entry ${renewal.index}, and is ended as of ${renewedAt}.`,
      );
    }
    const livedMs = (at - renewal.at) / 1000;
    if (livedMs >= renewal.ttlMs * (1 - DRIFT)) return;
    throw new Violation(
      this,
      `Lease ${lease} of ${renewal.ttlMs} ms is ended ${livedMs} ms after its renewal.`,
    );
  }
}
