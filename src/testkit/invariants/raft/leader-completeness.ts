import { type Check, Violation } from "../../check.ts";
import type { Picture } from "../../simulation/seen/picture.ts";
import type { SimEvent } from "../../simulation/seen/sim-event.ts";

/** Raft, figure 3: leader completeness. */
export class LeaderCompleteness implements Check {
  readonly name = "R4";
  readonly says = "A leader's log holds every entry that was committed in an earlier term.";
  readonly kinds = ["role"] as const;

  observe(event: SimEvent, picture: Picture): void {
    if (event.kind !== "role" || event.role !== "leader") return;
    const { canon } = picture;
    const index = picture.committedBefore(event.term);
    const { log, name } = picture.member(event.member);
    if (log.base.index >= index || log.chainAt(index) === canon.chainAt(index)) return;
    throw new Violation(
      this,
      `${name} leads in term ${event.term} with a log that ends at ${log.lastIndex} and lacks what was committed up to ${index}.`,
    );
  }
}
