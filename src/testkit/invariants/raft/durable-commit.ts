import type { Index, MemberId } from "../../../log/entry.ts";
import { quorumSize } from "../../../raft/quorum.ts";
import { type Check, Violation } from "../../check.ts";
import type { ChainLog } from "../../simulation/seen/chain-log.ts";
import type { MemberPicture, Picture } from "../../simulation/seen/picture.ts";
import type { SimEvent } from "../../simulation/seen/sim-event.ts";

/** Raft, section 5.3, with disks: what etcd's specification calls CommittedIsDurable. */
export class DurableCommit implements Check {
  readonly name = "R9";
  readonly says = "What is committed is on the disks of a majority, in each half of the configuration.";
  readonly kinds = ["committed"] as const;

  observe(event: SimEvent, picture: Picture): void {
    if (event.kind !== "committed" || picture.newFrom === 0) return;
    const { voters, outgoing } = event.membership;
    for (const half of [voters, outgoing]) {
      const holders = half.filter((id) => holds(picture.member(id), event.to, picture));
      if (half.length === 0 || holders.length >= quorumSize(half.length)) continue;
      const { name } = picture.member(event.member);
      const list = (ids: readonly MemberId[]): string =>
        ids.map((id) => picture.nameOf(id)).join(", ") || "nobody";
      throw new Violation(
        this,
        `${name} commits entry ${event.to} of term ${picture.canon.termAt(event.to)}: of ${list(half)} its disk holds it at ${list(holders)}.`,
      );
    }
  }
}

/**
 * Whether the member's disk holds all that was committed up to `index`. A disk that was lost since, or repaired, counts as
 * it was: nobody believes the votes of the one, and the other gives none.
 */
export function holds(member: MemberPicture, index: Index, { canon }: Picture): boolean {
  const chain = canon.chainAt(index);
  const { durable, lost, givenUp } = member;
  const hasHeld = (log: ChainLog | undefined): boolean => log?.chainAt(index) === chain;
  return durable.base.index >= index || hasHeld(durable) || hasHeld(lost) || hasHeld(givenUp);
}
