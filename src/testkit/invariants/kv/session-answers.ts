import { decodeCommand } from "../../../kv/machine/command-codec.ts";
import type { KvResult } from "../../../kv/machine/result.ts";
import type { Index } from "../../../log/entry.ts";
import { type Check, Violation } from "../../check.ts";
import type { SimEvent } from "../../simulation/seen/sim-event.ts";
import { structureKey } from "../../structure.ts";
import { nameOf } from "./effects.ts";

/** The first answer names the revision that the write made: a second effect could not give the same one. */
export class SessionAnswers implements Check {
  readonly name = "S4";
  readonly says =
    "A write that is made again under its number has the answer of the first time, and no other effect.";
  readonly kinds = ["executed"] as const;
  readonly #answers = new Map<string, { readonly index: Index; readonly answer: string }>();
  #index: Index = 0;

  observe(event: SimEvent): void {
    if (event.kind !== "executed" || event.applied.index <= this.#index) return;
    const { index } = event.applied;
    this.#index = index;
    const command = decodeCommand(event.applied.command as Uint8Array);
    const result = event.result as KvResult;
    if (command?.kind !== "session-write" || result.kind === "refused") return;
    const answer = structureKey(result);
    const first = this.#answers.get(nameOf(command));
    if (first === undefined) this.#answers.set(nameOf(command), { index, answer });
    else if (first.answer !== answer) {
      const what = `Write ${command.number} of session ${command.session}`;
      throw new Violation(
        this,
        `${what} was answered ${first.answer} at ${first.index} and ${answer} at ${index}.`,
      );
    }
  }
}
