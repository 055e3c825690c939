import type { MemberId } from "../../../log/entry.ts";
import { type Check, Violation } from "../../check.ts";
import type { Micros } from "../../simulation/chance/schedule.ts";
import type { SimEvent } from "../../simulation/seen/sim-event.ts";

/** More than anything that a run asks for needs; less than two members that answer each other for ever. */
const MESSAGES_MAX = 20_000;
const SPAN: Micros = 1_000_000;

export class MessageRate implements Check {
  readonly name = "B1";
  readonly says = "No member sends without end.";
  readonly kinds = ["sent"] as const;
  readonly #sent = new Map<MemberId, number>();
  #since: Micros = 0;

  observe(event: SimEvent): void {
    if (event.kind !== "sent") return;
    if (event.at - this.#since > SPAN) {
      this.#since = event.at;
      this.#sent.clear();
    }
    const count = (this.#sent.get(event.member) ?? 0) + 1;
    this.#sent.set(event.member, count);
    if (count > MESSAGES_MAX)
      throw new Violation(this, `Member ${event.member} sends ${count} messages in a second.`);
  }
}
