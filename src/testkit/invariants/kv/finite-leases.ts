import type { LeaseId } from "../../../kv/mvcc/key-history.ts";
import type { MemberId } from "../../../log/entry.ts";
import { type Check, Violation } from "../../check.ts";
import type { Micros } from "../../simulation/chance/schedule.ts";
import type { MemberEvent, SimEvent } from "../../simulation/seen/sim-event.ts";
import { Effects } from "./effects.ts";

interface Renewal {
  /** The led time at which the first member executed it. */
  readonly at: Micros;
  readonly ttlMs: number;
}

/** How much slower than true time a simulated clock may run, and a little more. */
const DRIFT = 0.12;
/** The leader looks at a lease some times a second, has what it finds agreed on, and asks again when that failed. */
const SLACK_MS = 2_000;
/** What new leaders may give a lease beyond its time, all of them together, as a share of it. */
const GRACES_SHARE = 2 / 3;

/**
 * Counted in time in which somebody leads: while nobody does nobody can end a lease, and that somebody leads before long is
 * another promise (V1). Counted from the renewal, or from the last start of a member, which may have forgotten what it had
 * counted; but not from a change of leader, however many there are.
 */
export class FiniteLeases implements Check {
  readonly name = "T2";
  readonly says =
    "Once all is calm a lease that nobody renews ends when its time is over, and not much later, however often leaders change.";
  readonly kinds = ["executed", "calm", "started", "stopped", "role", "sent"] as const;
  readonly #renewals = new Map<LeaseId, Renewal>();
  readonly #effects = new Effects();
  readonly #leaders = new Set<MemberId>();
  #isCalm = false;
  /** How long somebody has led, up to `#seenAt`. */
  #led: Micros = 0;
  #seenAt: Micros = 0;
  /** In led time. */
  #disturbedAt: Micros = 0;
  #electedAt: Micros = 0;

  observe(event: SimEvent): void {
    if (this.#leaders.size > 0) this.#led += event.at - this.#seenAt;
    this.#seenAt = event.at;
    if (event.kind === "executed") this.#executed(event);
    else if (event.kind !== "sent") this.#disturbed(event);
    else if (this.#isCalm) for (const lease of this.#renewals.keys()) this.#compare(lease);
  }

  #disturbed(event: Exclude<SimEvent, { kind: "executed" | "sent" }>): void {
    if (event.kind === "calm") this.#isCalm = true;
    if (event.kind === "stopped" || event.kind === "role") this.#leaders.delete(event.member);
    if (event.kind !== "role") this.#disturbedAt = this.#led;
    else if (event.role === "leader") {
      this.#leaders.add(event.member);
      this.#electedAt = this.#led;
    }
  }

  #executed(event: Extract<MemberEvent, { kind: "executed" }>): void {
    const effect = this.#effects.next(event);
    if (effect === null) return;
    const { command, result } = effect;
    const at = this.#led;
    if (result.kind === "lease-grant") this.#renewals.set(result.lease, { at, ttlMs: result.ttlMs });
    else if (result.kind === "lease-keep-alive" && command?.kind === "lease-keep-alive") {
      command.leases.forEach((lease, place) => {
        const ttlMs = result.ttlsMs[place]!;
        if (ttlMs > 0) this.#renewals.set(lease, { at, ttlMs });
      });
    } else if (result.kind === "lease-revoke" && command?.kind === "lease-revoke") {
      this.#compare(command.lease);
      this.#renewals.delete(command.lease);
    }
  }

  #compare(lease: LeaseId): void {
    const renewal = this.#renewals.get(lease);
    if (renewal === undefined || !this.#isCalm || this.#leaders.size === 0) return;
    const since = Math.max(renewal.at, this.#disturbedAt);
    const graces = this.#electedAt >= since ? GRACES_SHARE : 0;
    const livedMs = (this.#led - since) / 1000;
    if (livedMs <= renewal.ttlMs * (1 + graces) * (1 + DRIFT) + SLACK_MS) return;
    throw new Violation(this, `Lease ${lease} of ${renewal.ttlMs} ms is there after ${livedMs} ms.`);
  }
}
