import { type Check, Violation } from "../../check.ts";
import type { Input } from "../../simulation/run/sim-system.ts";
import type { SimEvent } from "../../simulation/seen/sim-event.ts";
import { equalStructure, structureKey } from "../../structure.ts";

/** What a codec does not say, all members lack alike: so it shows only here. */
export class FaithfulCommands<Command, Query> implements Check {
  readonly name = "S6";
  readonly says = "A command reaches the state machine as its caller gave it.";
  readonly kinds = ["called", "executed"] as const;
  readonly #read: (operation: unknown) => Input<Command, Query>;
  readonly #inputs = new Map<number, unknown>();

  constructor(read: (operation: unknown) => Input<Command, Query>) {
    this.#read = read;
  }

  observe(event: SimEvent): void {
    if (event.kind === "called") this.#inputs.set(event.operation, event.input);
    else if (event.kind === "executed" && this.#inputs.has(event.operation)) {
      const input = this.#read(this.#inputs.get(event.operation));
      // All members decode the same bytes.
      this.#inputs.delete(event.operation);
      if ("command" in input) this.#compare(event.operation, input.command, event.applied.command);
    }
  }

  #compare(operation: number, given: Command, executed: unknown): void {
    if (equalStructure(given, executed)) return;
    const [asked, got] = [structureKey(given), structureKey(executed)];
    throw new Violation(this, `Call ${operation} asks for ${asked}, and ${got} comes out of the codec.`);
  }
}
