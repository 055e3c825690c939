import type { Index } from "../../../log/entry.ts";
import { type Check, Violation } from "../../check.ts";
import type { Picture } from "../../simulation/seen/picture.ts";
import type { SimEvent } from "../../simulation/seen/sim-event.ts";
import type { StateSeen } from "./seen-states.ts";
import { shownStates } from "./shown-states.ts";

/** Holds for states that came about by commands, by a snapshot, and by a start alike. */
export class EqualStates implements Check {
  readonly name = "S1";
  readonly says = "Members that have applied the same entries have equal states.";
  readonly kinds = ["state"] as const;
  /** The first that was seen at each index. */
  readonly #states = new Map<Index, StateSeen>();

  observe(event: SimEvent, picture: Picture): void {
    if (event.kind !== "state") return;
    const { index, hash, member } = event;
    const seen = this.#states.get(index);
    if (seen === undefined) this.#states.set(index, event);
    else if (seen.hash !== hash) {
      const [here, there] = [picture.nameOf(member), picture.nameOf(seen.member)];
      const [own, other] = shownStates(event, seen);
      throw new Violation(
        this,
        `After entry ${index} the state of ${here} is not that of ${there}: ${here} has ${own}, ${there} ${other}.`,
      );
    }
  }
}
