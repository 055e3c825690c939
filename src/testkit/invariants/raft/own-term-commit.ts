import { type Check, Violation } from "../../check.ts";
import type { Picture } from "../../simulation/seen/picture.ts";
import type { SimEvent } from "../../simulation/seen/sim-event.ts";

/** Raft, section 5.4.2 and figure 8. */
export class OwnTermCommit implements Check {
  readonly name = "R10";
  readonly says = "A leader commits by counting only up to an entry of its own term.";
  readonly kinds = ["committed"] as const;

  observe(event: SimEvent, picture: Picture): void {
    if (event.kind !== "committed" || event.role !== "leader" || picture.newFrom === 0) return;
    const { name, log } = picture.member(event.member);
    const term = log.termAt(event.through);
    if (term === event.term) return;
    throw new Violation(
      this,
      `${name} leads in term ${event.term} and commits entry ${event.through} of term ${term}.`,
    );
  }
}
