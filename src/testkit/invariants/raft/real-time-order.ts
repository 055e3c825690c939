import type { Index } from "../../../log/entry.ts";
import { type Check, Violation } from "../../check.ts";
import type { SimEvent } from "../../simulation/seen/sim-event.ts";

/**
 * With the place of each call in the log as the witness of its moment, linearizability comes down to this and to what
 * `TrueAnswers` checks: the moment of a call lies behind the moments of all that had ended when it began.
 */
export class RealTimeOrder implements Check {
  readonly name = "C1";
  readonly says = "A call takes effect after all calls that had been answered when it began.";
  readonly kinds = ["called", "returned"] as const;
  #answered: Index = 0;
  readonly #floors = new Map<number, Index>();

  observe(event: SimEvent): void {
    if (event.kind === "called") {
      if (!isStale(event.input)) this.#floors.set(event.operation, this.#answered);
      return;
    }
    if (event.kind !== "returned" || event.ending.is !== "answered") return;
    const floor = this.#floors.get(event.operation);
    if (floor === undefined) return;
    const { index } = event.ending;
    if (index < floor) {
      throw new Violation(
        this,
        `Call ${event.operation} of client ${event.client} is answered as of entry ${index}; one that had ended before it began was answered as of ${floor}.`,
      );
    }
    this.#answered = Math.max(this.#answered, index);
  }
}

function isStale(input: unknown): boolean {
  return (
    typeof input === "object" &&
    input !== null &&
    (input as { consistency?: unknown }).consistency === "stale"
  );
}
