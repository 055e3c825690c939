import type { MemberId } from "../../../log/entry.ts";
import { quorumSize } from "../../../raft/quorum.ts";
import { type Check, Violation } from "../../check.ts";
import type { Picture } from "../../simulation/seen/picture.ts";
import type { SimEvent } from "../../simulation/seen/sim-event.ts";
import { holds } from "./durable-commit.ts";

/** What keeps a committed entry from being lost: whoever is elected meets someone who holds it. */
export class SurvivingQuorum implements Check {
  readonly name = "R11";
  readonly says = "In every majority some disk holds all that is committed, whoever has crashed.";
  readonly kinds = ["started", "stopped"] as const;

  observe(_event: SimEvent, picture: Picture): void {
    const { canon } = picture;
    if (canon.lastIndex === canon.base.index) return; // While a cluster is founded not every disk has its beginning.
    const { voters, outgoing } = picture.membership;
    // In a joint configuration every majority is one of both halves: it is enough that one of them cannot do without.
    if (this.#survives(voters, picture) || (outgoing.length > 0 && this.#survives(outgoing, picture))) return;
    const holders = [...voters, ...outgoing].filter((id) =>
      holds(picture.member(id), picture.canon.lastIndex, picture),
    );
    const names = holders.map((id) => picture.nameOf(id)).join(", ") || "nobody";
    throw new Violation(
      this,
      `Of ${voters.length + outgoing.length} voters ${names} alone hold entry ${picture.canon.lastIndex}, which is committed.`,
    );
  }

  #survives(half: readonly MemberId[], picture: Picture): boolean {
    const holders = half.filter((id) => holds(picture.member(id), picture.canon.lastIndex, picture));
    return holders.length > half.length - quorumSize(half.length);
  }
}
