import type { MemberId, Term } from "../../../log/entry.ts";
import { type Check, Violation } from "../../check.ts";
import type { Picture } from "../../simulation/seen/picture.ts";
import type { SimEvent } from "../../simulation/seen/sim-event.ts";

/** Raft, section 5.2; over all restarts. */
export class SingleVote implements Check {
  readonly name = "R8";
  readonly says = "A member votes for one candidate in a term, whatever happens to it.";
  readonly kinds = ["sent"] as const;
  readonly #votes = new Map<MemberId, Map<Term, MemberId>>();

  observe(event: SimEvent, picture: Picture): void {
    if (event.kind !== "sent") return;
    const { message } = event;
    if (message.kind === "vote") this.#vote(event.member, message.term, message.from, picture);
    else if (message.kind === "vote-reply" && message.granted) {
      this.#vote(event.member, message.term, message.to, picture);
    }
  }

  #vote(member: MemberId, term: Term, candidate: MemberId, picture: Picture): void {
    if (picture.member(member).lost !== undefined) return; // The others do not believe a wiped member's votes.
    let votes = this.#votes.get(member);
    if (votes === undefined) {
      votes = new Map();
      this.#votes.set(member, votes);
    }
    const known = votes.get(term);
    if (known === undefined) votes.set(term, candidate);
    else if (known !== candidate) {
      throw new Violation(this, `Member ${member} votes in term ${term} for ${known} and for ${candidate}.`);
    }
  }
}
