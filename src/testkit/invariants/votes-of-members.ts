import type { MemberId, Term } from "../../log/entry.ts";
import { EMPTY_MEMBERSHIP, type Membership } from "../../raft/membership.ts";
import { quorumSize } from "../../raft/quorum.ts";
import { type Check, Violation } from "../check.ts";
import type { SimEvent } from "../simulation/event.ts";
import type { Picture } from "../simulation/picture.ts";

/** Raft, section 5.2, with section 6: in a joint configuration of both halves; learners and those who left do not count. */
export class VotesOfMembers implements Check {
  readonly name = "R13";
  readonly says = "Whoever leads has the votes of a majority of the voters, and nobody else's count.";
  readonly kinds = ["started", "membership", "sent", "role"] as const;
  readonly #memberships = new Map<MemberId, Membership>();
  readonly #votes = new Map<string, Set<MemberId>>();

  observe(event: SimEvent, picture: Picture): void {
    if (event.kind === "started")
      this.#memberships.set(event.member, event.recovered.snapshot?.membership ?? EMPTY_MEMBERSHIP);
    else if (event.kind === "membership") this.#memberships.set(event.member, event.membership);
    else if (event.kind === "sent") {
      const { message } = event;
      if (message.kind === "vote-reply" && message.granted)
        this.#votesFor(message.to, message.term).add(event.member);
    } else if (event.kind === "role" && event.role === "leader")
      this.#elected(event.member, event.term, picture);
  }

  #elected(leader: MemberId, term: Term, picture: Picture): void {
    const votes = this.#votesFor(leader, term);
    const { voters, outgoing } = this.#memberships.get(leader) ?? EMPTY_MEMBERSHIP;
    for (const half of [voters, outgoing]) {
      const given = half.filter((id) => id === leader || votes.has(id));
      if (half.length === 0 || given.length >= quorumSize(half.length)) continue;
      const names = [...votes].map((id) => picture.nameOf(id)).join(", ") || "nobody else";
      throw new Violation(
        this,
        `${picture.nameOf(leader)} leads in term ${term} with the votes of ${given.length} of ${half.length} voters: ${names} voted for it.`,
      );
    }
  }

  #votesFor(candidate: MemberId, term: Term): Set<MemberId> {
    const name = `${term}/${candidate}`;
    const known = this.#votes.get(name);
    if (known !== undefined) return known;
    const votes = new Set<MemberId>();
    this.#votes.set(name, votes);
    return votes;
  }
}
