import type { Term } from "../../../log/entry.ts";
import { type Check, Violation } from "../../check.ts";
import type { SimEvent } from "../../simulation/seen/sim-event.ts";

/** Raft, figure 3: election safety. */
export class ElectionSafety implements Check {
  readonly name = "R1";
  readonly says = "At most one member leads in a term.";
  readonly kinds = ["role"] as const;
  readonly #leaders = new Map<Term, number>();

  observe(event: SimEvent): void {
    if (event.kind !== "role" || event.role !== "leader") return;
    const known = this.#leaders.get(event.term);
    if (known === undefined) this.#leaders.set(event.term, event.member);
    else if (known !== event.member) {
      throw new Violation(
        this,
        `Both member ${known} and member ${event.member} lead in term ${event.term}.`,
      );
    }
  }
}
