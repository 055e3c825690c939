import { ascending, EMPTY_MEMBERSHIP, type Membership } from "../../../src/raft/membership.ts";
import { quorumIndex, type VoteResult, voteResult } from "../../../src/raft/quorum.ts";
import type { Argument, Block } from "./datadriven.ts";
import { hex } from "./text.ts";

const RESULTS: Record<VoteResult, string> = { won: "VoteWon", lost: "VoteLost", pending: "VotePending" };

/** Runs a block of the scenarios about quorums: `committed` or `vote`. */
export function runQuorum({ command, args }: Block): string {
  const voters = valuesOf(args, "cfg").map(Number);
  const joint = args.find(({ key }) => key === "cfgj");
  const outgoing = joint === undefined || joint.values[0] === "zero" ? [] : joint.values.map(Number);
  const ids = [...new Set([...voters, ...outgoing])];
  if (command === "vote") {
    const membership = { ...EMPTY_MEMBERSHIP, voters: ascending(voters), outgoing: ascending(outgoing) };
    return `${
      RESULTS[
        checkedVote(
          membership,
          known(ids, valuesOf(args, "votes"), (vote) => vote === "y"),
        )
      ]
    }\n`;
  }
  const acked = known(ids, valuesOf(args, "idx"), Number);
  const index = checkedIndex(voters, outgoing, acked);
  return `${describe(joint === undefined ? voters : ids, acked)}${index === Number.POSITIVE_INFINITY ? "∞" : index}\n`;
}

function valuesOf(args: readonly Argument[], name: string): readonly string[] {
  return args.find(({ key }) => key === name)?.values ?? [];
}

/** What is said of each id; `_` says nothing. */
function known<Value>(
  ids: readonly number[],
  values: readonly string[],
  parse: (text: string) => Value,
): Map<number, Value> {
  if (ids.length !== values.length)
    throw new Error(`mismatched input for voters ${ids.join(" ")}: ${values.join(" ")}`);
  return new Map(ids.flatMap((id, at) => (values[at] === "_" ? [] : [[id, parse(values[at]!)]])));
}

function committed(voters: readonly number[], acked: ReadonlyMap<number, number>): number {
  return quorumIndex(voters.map((id) => acked.get(id) ?? 0));
}

/** The committed index, compared with other ways to the same end. */
function checkedIndex(
  voters: readonly number[],
  outgoing: readonly number[],
  acked: ReadonlyMap<number, number>,
): number {
  const index = Math.min(committed(voters, acked), committed(outgoing, acked));
  const lowered = new Map([...acked].map(([id, value]) => [id, value < index ? 0 : value]));
  const others = {
    "swapped halves": Math.min(committed(outgoing, acked), committed(voters, acked)),
    "joint with itself": Math.min(
      committed(voters, acked),
      committed(voters, acked),
      committed(outgoing, acked),
    ),
    "lowered beneath the result": Math.min(committed(voters, lowered), committed(outgoing, lowered)),
  };
  for (const [how, other] of Object.entries(others)) {
    if (other !== index) throw new Error(`${other} by ${how}, but ${index}`);
  }
  return index;
}

function checkedVote(membership: Membership, votes: ReadonlyMap<number, boolean>): VoteResult {
  const result = voteResult(membership, votes);
  const { voters, outgoing } = membership;
  const swapped = voteResult({ ...membership, voters: outgoing, outgoing: voters }, votes);
  if (swapped !== result) throw new Error(`${swapped} with swapped halves, but ${result}`);
  return result;
}

/** The table that shows who has reached what. */
function describe(ids: readonly number[], acked: ReadonlyMap<number, number>): string {
  const count = ids.length;
  if (count === 0) return "<empty majority quorum>";
  const rows = ascending(ids).map((id) => ({ id, index: acked.get(id) ?? 0, isKnown: acked.has(id) }));
  const order = [...rows].sort((left, right) => left.index - right.index || left.id - right.id);
  const bars = new Map<number, number>();
  order.forEach(({ id, index }, at) => {
    const before = order[at - 1];
    if (before === undefined) bars.set(id, 0);
    else bars.set(id, index > before.index ? at : bars.get(before.id)!);
  });
  const lines = rows.map(({ id, index, isKnown }) => {
    const bar = bars.get(id)!;
    const head = isKnown ? `${"x".repeat(bar)}>${" ".repeat(count - bar)}` : `?${" ".repeat(count)}`;
    return `${head} ${String(index).padStart(5)}    (id=${hex(id)})\n`;
  });
  return `${" ".repeat(count)}    idx\n${lines.join("")}`;
}
