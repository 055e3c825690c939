import { type Check, Violation } from "../../check.ts";
import type { Picture } from "../../simulation/seen/picture.ts";
import type { SimEvent } from "../../simulation/seen/sim-event.ts";
import { structureKey } from "../../structure.ts";

/** Another store's words under a member's name, another cluster's, and bytes that are no words. */
export class DeafToStrangers implements Check {
  readonly name = "R13";
  readonly says = "Nothing changes in a member because of somebody who is not the member that he says he is.";
  readonly kinds = ["stranger-heard"] as const;

  observe(event: SimEvent, picture: Picture): void {
    if (event.kind !== "stranger-heard") return;
    const [before, after] = [structureKey(event.before), structureKey(event.after)];
    if (before === after) return;
    throw new Violation(this, `${picture.nameOf(event.member)} goes from ${before} to ${after}.`);
  }
}
