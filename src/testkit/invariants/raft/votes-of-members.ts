import type { MemberId, Term } from "../../../log/entry.ts";
import { EMPTY_MEMBERSHIP, type Membership } from "../../../raft/membership.ts";
import { quorumSize } from "../../../raft/quorum.ts";
import { type Check, Violation } from "../../check.ts";
import type { Picture } from "../../simulation/seen/picture.ts";
import type { SimEvent } from "../../simulation/seen/sim-event.ts";

type Election = Pick<Extract<SimEvent, { kind: "role" }>, "at" | "member" | "term">;

/** Raft, section 5.2, with section 6: in a joint configuration of both halves; learners and those who left do not count. */
export class VotesOfMembers implements Check {
  readonly name = "R13";
  readonly says = "Whoever leads has the votes of a majority of the voters, and nobody else's count.";
  readonly kinds = ["started", "saving", "membership", "sent", "role"] as const;
  readonly #memberships = new Map<MemberId, Membership>();
  /** Leaders that seem to lack votes, until the next turn. */
  readonly #doubted = new Map<MemberId, Election>();
  readonly #votes = new Map<string, Set<MemberId>>();

  observe(event: SimEvent, picture: Picture): void {
    switch (event.kind) {
      case "started":
        this.#doubted.delete(event.member);
        this.#memberships.set(event.member, event.recovered.snapshot?.membership ?? EMPTY_MEMBERSHIP);
        return;
      case "saving":
        // A snapshot that a leader sent says who takes part.
        if (event.save.snapshot !== undefined)
          this.#memberships.set(event.member, event.save.snapshot.membership);
        return;
      case "membership":
        this.#memberships.set(event.member, event.membership);
        if (this.#doubted.has(event.member)) this.#elected(this.#doubted.get(event.member)!, picture);
        return;
      case "sent": {
        const { message, member, at } = event;
        if (message.kind === "vote-reply" && message.granted)
          this.#votesFor(message.to, message.term).add(member);
        const doubted = this.#doubted.get(member);
        if (doubted !== undefined && at > doubted.at) this.#fail(doubted, picture);
        return;
      }
      case "role":
        if (event.role === "leader") this.#elected(event, picture);
    }
  }

  /** A change of membership that was applied in the same turn is told after the election that it decided. */
  #elected(election: Election, picture: Picture): void {
    const { voters, outgoing } = this.#memberships.get(election.member) ?? EMPTY_MEMBERSHIP;
    this.#doubted.delete(election.member);
    if ([voters, outgoing].every((half) => this.#hasQuorum(half, election))) return;
    this.#doubted.set(election.member, election);
    if (picture.now > election.at) this.#fail(election, picture);
  }

  #hasQuorum(half: readonly MemberId[], { member, term }: Election): boolean {
    const votes = this.#votesFor(member, term);
    const given = half.filter((id) => id === member || votes.has(id));
    return half.length === 0 || given.length >= quorumSize(half.length);
  }

  #fail({ member, term }: Election, picture: Picture): never {
    const names = [...this.#votesFor(member, term)].map((id) => picture.nameOf(id)).join(", ");
    const { voters, outgoing } = this.#memberships.get(member) ?? EMPTY_MEMBERSHIP;
    const list = [...voters, ...outgoing].map((id) => picture.nameOf(id)).join(", ");
    throw new Violation(
      this,
      `${picture.nameOf(member)} leads in term ${term} with the votes of ${names || "nobody else"}; the voters are ${list}.`,
    );
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
