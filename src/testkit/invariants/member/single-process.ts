import { type Check, Violation } from "../../check.ts";
import type { Picture } from "../../simulation/seen/picture.ts";
import type { SimEvent } from "../../simulation/seen/sim-event.ts";

/** Two that write to one directory would each promise what the other one overwrites. */
export class SingleProcess implements Check {
  readonly name = "D7";
  readonly says = "While a member runs nobody else opens its directory.";
  readonly kinds = ["second-opening"] as const;

  observe(event: SimEvent, picture: Picture): void {
    if (event.kind !== "second-opening" || event.refused?.startsWith("ERR_LOCKED") === true) return;
    const what = event.refused === undefined ? "is opened" : `refuses with ${event.refused}`;
    throw new Violation(this, `The directory of ${picture.nameOf(event.member)} ${what} a second time.`);
  }
}
