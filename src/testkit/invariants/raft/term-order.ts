import type { MemberId, Term } from "../../../log/entry.ts";
import { type Check, Violation } from "../../check.ts";
import type { Picture } from "../../simulation/seen/picture.ts";
import type { SimEvent } from "../../simulation/seen/sim-event.ts";
import { isPromise } from "./promise.ts";

export class TermOrder implements Check {
  readonly name = "R7";
  readonly says =
    "A member's term never goes back, and no restart takes it behind a term in which it promised something.";
  readonly kinds = ["started", "role", "sent"] as const;
  readonly #promised = new Map<MemberId, Term>();
  readonly #reached = new Map<MemberId, Term>();

  observe(event: SimEvent, picture: Picture): void {
    switch (event.kind) {
      case "sent":
        if (isPromise(event.message)) this.#promise(event.member, event.message.term);
        return;
      case "started": {
        const { term } = event.recovered.hardState;
        const promised = this.#promised.get(event.member) ?? 0;
        // A wiped directory forgets everything, and the others do not believe it.
        if (term < promised && picture.member(event.member).lost === undefined) {
          throw new Violation(
            this,
            `Member ${event.member} starts in term ${term}, after a promise in term ${promised}.`,
          );
        }
        this.#reached.set(event.member, term);
        return;
      }
      case "role": {
        const reached = this.#reached.get(event.member) ?? 0;
        if (event.term < reached) {
          throw new Violation(this, `Member ${event.member} goes from term ${reached} to ${event.term}.`);
        }
        this.#reached.set(event.member, event.term);
      }
    }
  }

  #promise(member: MemberId, term: Term): void {
    if (term > (this.#promised.get(member) ?? 0)) this.#promised.set(member, term);
  }
}
