import type { LeaseId } from "../../../kv/key-history.ts";
import type { MemberId } from "../../../log/entry.ts";
import { type Check, Violation } from "../../check.ts";
import type { MemberEvent, SimEvent } from "../../simulation/event.ts";
import type { Micros } from "../../simulation/schedule.ts";
import { Effects } from "./effects.ts";

interface Renewal {
  readonly at: Micros;
  readonly ttlMs: number;
}

/** How much slower than true time a simulated clock may run, and a little more. */
const DRIFT = 0.12;
/** The leader looks at a lease some times a second, has what it finds agreed on, and asks again when that failed. */
const SLACK_MS = 2_000;

/**
 * Counted from the renewal, or from the last disturbance: a new leader, or one that has started, gives time again. While
 * nobody leads nobody can end a lease; that somebody leads before long is another promise (V1).
 */
export class FiniteLeases implements Check {
  readonly name = "T2";
  readonly says =
    "Once all is calm a lease that nobody renews ends when its time is over, and not much later.";
  readonly kinds = ["executed", "calm", "started", "stopped", "role", "sent"] as const;
  readonly #renewals = new Map<LeaseId, Renewal>();
  readonly #effects = new Effects();
  readonly #leaders = new Set<MemberId>();
  #isCalm = false;
  #disturbedAt: Micros = 0;

  observe(event: SimEvent): void {
    if (event.kind === "executed") this.#executed(event);
    else if (event.kind !== "sent") this.#disturbed(event);
    else if (this.#isCalm) for (const lease of this.#renewals.keys()) this.#compare(lease, event.at);
  }

  #disturbed(event: Exclude<SimEvent, { kind: "executed" | "sent" }>): void {
    if (event.kind === "calm") this.#isCalm = true;
    if (event.kind === "stopped" || event.kind === "role") this.#leaders.delete(event.member);
    if (event.kind === "role" && event.role === "leader") this.#leaders.add(event.member);
    if (event.kind !== "role" || event.role === "leader") this.#disturbedAt = event.at;
  }

  #executed(event: Extract<MemberEvent, { kind: "executed" }> & { readonly at: Micros }): void {
    const effect = this.#effects.next(event);
    if (effect === null) return;
    const { command, result } = effect;
    const { at } = event;
    if (result.kind === "lease-grant") this.#renewals.set(result.lease, { at, ttlMs: result.ttlMs });
    else if (result.kind === "lease-keep-alive" && command?.kind === "lease-keep-alive") {
      command.leases.forEach((lease, place) => {
        const ttlMs = result.ttlsMs[place]!;
        if (ttlMs > 0) this.#renewals.set(lease, { at, ttlMs });
      });
    } else if (result.kind === "lease-revoke" && command?.kind === "lease-revoke") {
      this.#compare(command.lease, at);
      this.#renewals.delete(command.lease);
    }
  }

  #compare(lease: LeaseId, now: Micros): void {
    const renewal = this.#renewals.get(lease);
    if (renewal === undefined || !this.#isCalm || this.#leaders.size === 0) return;
    const livedMs = (now - Math.max(renewal.at, this.#disturbedAt)) / 1000;
    if (livedMs <= renewal.ttlMs * (1 + DRIFT) + SLACK_MS) return;
    throw new Violation(this, `Lease ${lease} of ${renewal.ttlMs} ms is there after ${livedMs} ms.`);
  }
}
