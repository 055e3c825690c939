import type { MemberId } from "../log/entry.ts";
import type { Membership } from "./membership.ts";

/** How an election stands. */
export type VoteResult = "won" | "lost" | "pending";

export function quorumSize(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

/**
 * The highest value that a majority of the voters has reached; voters of whom nothing is known stand at 0. Without
 * voters nothing stands in the way, and it is infinite: the empty half of a configuration always agrees.
 *
 * Sorts `reached` in place: the caller's scratch, so that a leader allocates nothing for an acknowledgement.
 */
export function quorumIndex(reached: number[]): number {
  const count = reached.length;
  if (count === 0) return Number.POSITIVE_INFINITY;
  sortAscending(reached);
  return reached[count - quorumSize(count)]!;
}

/** What the votes given so far decide: both halves must agree (section 6). */
export function voteResult(membership: Membership, votes: ReadonlyMap<MemberId, boolean>): VoteResult {
  const incoming = majorityResult(membership.voters, votes);
  const outgoing = majorityResult(membership.outgoing, votes);
  if (incoming === outgoing) return incoming;
  return incoming === "lost" || outgoing === "lost" ? "lost" : "pending";
}

function majorityResult(voters: readonly MemberId[], votes: ReadonlyMap<MemberId, boolean>): VoteResult {
  if (voters.length === 0) return "won";
  let granted = 0;
  let missing = 0;
  for (const voter of voters) {
    const vote = votes.get(voter);
    if (vote === undefined) missing += 1;
    else if (vote) granted += 1;
  }
  const needed = quorumSize(voters.length);
  if (granted >= needed) return "won";
  return granted + missing >= needed ? "pending" : "lost";
}

/** Insertion sort: groups are small, and the numbers are nearly in order from one time to the next. */
function sortAscending(values: number[]): void {
  for (let at = 1; at < values.length; at++) {
    const value = values[at]!;
    let place = at - 1;
    while (place >= 0 && values[place]! > value) {
      values[place + 1] = values[place]!;
      place -= 1;
    }
    values[place + 1] = value;
  }
}
