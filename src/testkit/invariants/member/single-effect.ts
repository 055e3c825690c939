import type { Index } from "../../../log/entry.ts";
import { type Check, Violation } from "../../check.ts";
import type { Ending, SimEvent } from "../../simulation/seen/sim-event.ts";

/** Where a call took effect, and how it ended for its caller. */
interface Fate {
  index: Index | null;
  ending: Ending | null;
}

/** Once, where its caller was told, and not at all when its caller was told so. */
export class SingleEffect implements Check {
  readonly name = "S4";
  readonly says = "A call takes effect once at most, and as its caller was told.";
  readonly kinds = ["executed", "returned", "called"] as const;
  readonly #fates = new Map<number, Fate>();

  observe(event: SimEvent): void {
    if (event.kind === "called") this.#fates.set(event.operation, { index: null, ending: null });
    else if (event.kind === "executed") this.#executed(event.operation, event.applied.index);
    else if (event.kind === "returned") this.#returned(event.operation, event.ending);
  }

  #executed(operation: number, index: Index): void {
    const fate = this.#fates.get(operation);
    if (fate === undefined || fate.index === index) return;
    if (fate.index !== null) {
      throw new Violation(this, `Call ${operation} takes effect at ${fate.index} and again at ${index}.`);
    }
    fate.index = index;
    this.#compare(operation, fate);
  }

  #returned(operation: number, ending: Ending): void {
    const fate = this.#fates.get(operation);
    if (fate === undefined) return;
    fate.ending = ending;
    this.#compare(operation, fate);
  }

  #compare(operation: number, { index, ending }: Fate): void {
    if (index === null || ending === null || ending.is === "unknown") return;
    if (ending.is === "refused") {
      throw new Violation(
        this,
        `Call ${operation} was refused (${ending.reason}), and takes effect at ${index}.`,
      );
    }
    if (ending.index !== index) {
      throw new Violation(
        this,
        `Call ${operation} was answered for ${ending.index}, and takes effect at ${index}.`,
      );
    }
  }
}
