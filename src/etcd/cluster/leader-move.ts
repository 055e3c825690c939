import { QuorateError } from "../../base/errors.ts";
import { refusal } from "../../wire/status.ts";
import type { Front } from "../call/front.ts";

/** Hands leadership to the member with this number. Only the leader can. */
export async function moveLeader(front: Front, target: bigint): Promise<void> {
  if (!front.isLeader) throw refusal("notLeader");
  if (target === front.memberId) return;
  const { cluster } = front.store;
  const member = cluster.members.find(({ id }) => BigInt(id) === target);
  if (member === undefined || !member.votes) throw refusal("badLeaderTransferee");
  await cluster.transfer(member.name, { timeoutMs: front.timeoutMs }).catch((error: unknown) => {
    throw QuorateError.is(error, "ERR_TIMEOUT") ? refusal("leaderTransferTimeout") : error;
  });
}
