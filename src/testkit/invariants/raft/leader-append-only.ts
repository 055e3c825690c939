import { type Check, Violation } from "../../check.ts";
import type { Picture } from "../../simulation/seen/picture.ts";
import type { SimEvent } from "../../simulation/seen/sim-event.ts";

/** Raft, figure 3: leader append-only. */
export class LeaderAppendOnly implements Check {
  readonly name = "R2";
  readonly says = "A leader never replaces an entry of its own log.";
  readonly kinds = ["saving"] as const;

  observe(event: SimEvent, picture: Picture): void {
    if (event.kind !== "saving") return;
    const { role, replaced, name, term } = picture.member(event.member);
    if (role !== "leader" || replaced === undefined) return;
    throw new Violation(
      this,
      `${name} leads in term ${term} and replaces ${replaced.from} to ${replaced.last} of its log.`,
    );
  }
}
