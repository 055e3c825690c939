import { type Check, Violation } from "../../check.ts";
import type { Picture } from "../../simulation/seen/picture.ts";
import type { SimEvent } from "../../simulation/seen/sim-event.ts";
import { structureKey } from "../../structure.ts";

/** A start may itself be cut off; the next one has what that one found, and what it made of it. */
export class RepeatedRecovery implements Check {
  readonly name = "D8";
  readonly says = "A start that is cut off right away changes nothing: the next one finds the same.";
  readonly kinds = ["shadow"] as const;

  observe(event: SimEvent, picture: Picture): void {
    if (event.kind !== "shadow" || "refused" in event.recovered) return;
    const { recovered, again, cut } = event;
    if (structureKey(again) === structureKey(recovered)) return;
    const found = "refused" in again ? again.refused : "something else";
    throw new Violation(this, `After two cuts (${cut}) ${picture.nameOf(event.member)} would find ${found}.`);
  }
}
