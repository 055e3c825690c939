import type { MemberId } from "../../../log/entry.ts";
import { isJoint, type Membership, sameMembership } from "../../../raft/membership.ts";
import { type Check, Violation } from "../../check.ts";
import type { MemberPicture, Picture } from "../../simulation/seen/picture.ts";
import type { SimEvent } from "../../simulation/seen/sim-event.ts";

/**
 * Raft, section 6. A change counts from when it is applied, and to commit it commits all that earlier terms left before
 * it: so, other than where changes count from when they are appended, a leader need not commit anything first.
 */
export class MembershipSteps implements Check {
  readonly name = "R12";
  readonly says =
    "Memberships change one at a time, so that the majorities of two that follow each other always meet.";
  readonly kinds = ["saving", "committed", "membership"] as const;
  #checked = 1;

  observe(event: SimEvent, picture: Picture): void {
    if (event.kind === "saving") this.#saving(event, picture);
    else if (event.kind === "committed") this.#committed(picture);
    else if (event.kind === "membership") this.#applied(event.member, event.membership, picture);
  }

  #saving({ member: id, save }: Extract<SimEvent, { kind: "saving" }>, picture: Picture): void {
    const member = picture.member(id);
    if (member.role !== "leader") return;
    for (const { kind, term, index } of save.entries) {
      if (kind === "membership" && term === member.term) this.#checkProposal(member, index);
    }
  }

  #checkProposal(member: MemberPicture, index: number): void {
    const { log, applied, name } = member;
    for (let earlier = Math.max(applied, log.base.index) + 1; earlier < index; earlier++) {
      if (log.entryAt(earlier)?.kind !== "membership") continue;
      throw new Violation(
        this,
        `${name} proposes a change at ${index} while the one at ${earlier} is not applied.`,
      );
    }
  }

  #committed({ memberships }: Picture): void {
    for (; this.#checked < memberships.length; this.#checked++) {
      const before = memberships[this.#checked - 1]!.membership;
      const { index, membership } = memberships[this.#checked]!;
      if (!meet(before, membership)) {
        const texts = [before, membership].map((each) => JSON.stringify(each)).join(" to ");
        throw new Violation(this, `The change at ${index} leads from ${texts}.`);
      }
    }
  }

  #applied(id: MemberId, membership: Membership, picture: Picture): void {
    const { applied, name } = picture.member(id);
    const known = picture.memberships.findLast(({ index }) => index <= applied);
    if (known === undefined || sameMembership(known.membership, membership)) return;
    throw new Violation(this, `${name} sees other members at ${applied} than were agreed on.`);
  }
}

/** Whether every majority of one has a member in common with every majority of the other. */
function meet(before: Membership, after: Membership): boolean {
  if (isJoint(before)) return sameIds(before.voters, after.voters);
  if (isJoint(after)) return sameIds(before.voters, after.outgoing);
  const kept = before.voters.filter((id) => after.voters.includes(id)).length;
  return before.voters.length - kept + (after.voters.length - kept) <= 1;
}

function sameIds(left: readonly MemberId[], right: readonly MemberId[]): boolean {
  return left.length === right.length && left.every((id, at) => id === right[at]);
}
