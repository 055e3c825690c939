import type { MemberId } from "../../../log/entry.ts";
import { type Check, Violation } from "../../check.ts";
import type { Picture } from "../../simulation/seen/picture.ts";
import type { SimEvent } from "../../simulation/seen/sim-event.ts";

/** A copy of another's directory has another's votes and acknowledgements in it. */
export class OwnDirectory implements Check {
  readonly name = "I1";
  readonly says = "A member starts on no other member's directory.";
  readonly kinds = ["directory-replaced", "started"] as const;
  readonly #strayed = new Set<MemberId>();

  observe(event: SimEvent, picture: Picture): void {
    if (event.kind === "directory-replaced") {
      if (event.by === "copy of another's") this.#strayed.add(event.member);
      else this.#strayed.delete(event.member);
    } else if (event.kind === "started" && this.#strayed.has(event.member)) {
      throw new Violation(this, `${picture.nameOf(event.member)} starts on what another one has promised.`);
    }
  }
}
