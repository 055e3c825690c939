import type { MemberId, Term } from "../../../log/entry.ts";
import { type Check, Violation } from "../../check.ts";
import type { SimEvent } from "../../simulation/seen/sim-event.ts";

/** Thesis, section 9.6. */
export class HarmlessPreVote implements Check {
  readonly name = "R16";
  readonly says = "To be asked for a pre-vote changes nothing that a member keeps.";
  readonly kinds = ["started", "saving"] as const;
  readonly #kept = new Map<MemberId, { readonly term: Term; readonly vote: MemberId | undefined }>();

  observe(event: SimEvent): void {
    if (event.kind === "started") this.#kept.set(event.member, event.recovered.hardState);
    if (event.kind !== "saving" || event.save.hardState === undefined) return;
    const { term, vote } = event.save.hardState;
    const before = this.#kept.get(event.member);
    this.#kept.set(event.member, { term, vote });
    if (event.cause !== "pre-vote" || before === undefined) return;
    if (before.term === term && before.vote === vote) return;
    throw new Violation(
      this,
      `Member ${event.member} goes from term ${before.term} to ${term} when it is asked.`,
    );
  }
}
