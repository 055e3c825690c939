import type { Term } from "../../../log/entry.ts";
import { type Check, Violation } from "../../check.ts";
import type { Picture } from "../../simulation/seen/picture.ts";
import type { SimEvent } from "../../simulation/seen/sim-event.ts";

/** Thesis, section 6.4.1. */
export class ExclusiveLease implements Check {
  readonly name = "R15";
  readonly says = "While a leader answers reads by its lease nobody else leads.";
  readonly kinds = ["role", "read-ended"] as const;
  #newest: Term = 0;
  #leader = 0;

  observe(event: SimEvent, picture: Picture): void {
    if (event.kind === "role" && event.role === "leader" && event.term > this.#newest) {
      this.#newest = event.term;
      this.#leader = event.member;
    } else if (event.kind === "read-ended" && event.isByLease) {
      const { term, name } = picture.member(event.member);
      if (term >= this.#newest) return;
      const other = picture.nameOf(this.#leader);
      throw new Violation(
        this,
        `${name} reads by its lease of term ${term}, but ${other} leads in ${this.#newest}.`,
      );
    }
  }
}
