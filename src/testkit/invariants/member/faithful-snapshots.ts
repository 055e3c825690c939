import type { Index, MemberId } from "../../../log/entry.ts";
import { type Check, Violation } from "../../check.ts";
import type { Picture } from "../../simulation/seen/picture.ts";
import type { SimEvent } from "../../simulation/seen/sim-event.ts";
import { SeenStates } from "./seen-states.ts";

/** By what the machine shows as well: what a snapshot forgets, the next snapshot does not have either. */
export class FaithfulSnapshots implements Check {
  readonly name = "S2";
  readonly says = "A state that was restored from a snapshot is the one that the snapshot was taken of.";
  readonly kinds = ["restored", "state"] as const;
  readonly #states = new SeenStates();
  /** Which snapshot each member has just taken over. */
  readonly #restored = new Map<MemberId, Index>();

  observe(event: SimEvent, picture: Picture): void {
    if (event.kind === "restored") this.#restored.set(event.member, event.snapshot.index);
    if (event.kind !== "state") return;
    const isRestored = this.#restored.get(event.member) === event.index;
    this.#restored.delete(event.member);
    const difference = this.#states.difference(event);
    if (difference === null || !isRestored) return;
    const name = picture.nameOf(event.member);
    throw new Violation(this, `${name} takes over the snapshot of entry ${event.index}: ${difference}.`);
  }
}
