import type { Index, MemberId } from "../../log/entry.ts";
import { type Membership, voterIds } from "../../raft/membership.ts";
import { voteResult } from "../../raft/quorum.ts";

/** How long a member that was removed waits for the others at most, in election timeouts. */
const DEPARTURE_ELECTIONS = 100;

/**
 * The end of a member that was removed. Others may not know yet that its removal is committed, and need its vote to find
 * out; so it goes on to answer them, until a majority of those who decide now has applied the removal. Whoever knows tells
 * those it meets, and no majority is without one that knows. A member that hears from nobody waits for a time only.
 */
export class Departure {
  /** Whether the member may go. */
  isOver = false;
  readonly #index: Index;
  #ticksLeft: number;

  /** `index` is that of the removal, or later. */
  constructor(index: Index, electionTicks: number) {
    this.#index = index;
    this.#ticksLeft = DEPARTURE_ELECTIONS * electionTicks;
  }

  /** Lets one tick pass. `toldBy` says up to where each of the others has applied changes. */
  tick(membership: Membership, toldBy: (id: MemberId) => Index): void {
    this.#ticksLeft -= 1;
    const knows = new Map(voterIds(membership).map((id) => [id, toldBy(id) >= this.#index]));
    this.isOver = this.#ticksLeft <= 0 || voteResult(membership, knows) === "won";
  }
}
