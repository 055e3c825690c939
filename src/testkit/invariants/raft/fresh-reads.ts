import type { Index } from "../../../log/entry.ts";
import { type Check, Violation } from "../../check.ts";
import type { Picture } from "../../simulation/seen/picture.ts";
import type { SimEvent } from "../../simulation/seen/sim-event.ts";

/** Raft, section 8; thesis, section 6.4. */
export class FreshReads implements Check {
  readonly name = "R14";
  readonly says = "A read is served at an index that holds all that was committed, anywhere, when it began.";
  readonly kinds = ["read-began", "read-ended", "stopped"] as const;
  readonly #began = new Map<string, Index>();

  observe(event: SimEvent, picture: Picture): void {
    if (event.kind === "read-began") {
      this.#began.set(`${event.member}/${event.request}`, picture.canon.lastIndex);
    } else if (event.kind === "read-ended") {
      const name = `${event.member}/${event.request}`;
      const began = this.#began.get(name) ?? 0;
      this.#began.delete(name);
      if (event.index >= began) return;
      throw new Violation(
        this,
        `${picture.nameOf(event.member)} reads at ${event.index}; ${began} was committed before.`,
      );
    }
  }
}
