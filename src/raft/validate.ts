import type { Entry, EntryId, Index, MemberId, Proposal } from "../log/entry.ts";
import type { Membership } from "./membership.ts";
import type { Message } from "./message.ts";
import type { Refusal } from "./refusal.ts";

/** Why no correct member can have sent this, or null when one may have. Shapes are the codec's to check; sense is ours. */
export function complaintAbout(message: Message, self: MemberId): string | null {
  if (message.to !== self) return `meant for member ${message.to}`;
  if (!isId(message.from)) return "from nobody";
  if (!isCount(message.term)) return "not a term";
  if (message.term === 0 && !belongsToNoTerm(message)) return "without a term";
  return complaintAboutFields(message);
}

function belongsToNoTerm({ kind }: Message): boolean {
  switch (kind) {
    case "propose":
    case "propose-reply":
    case "read-index":
    case "read-index-reply":
    case "commit-news":
      return true;
    default:
      return false;
  }
}

function complaintAboutFields(message: Message): string | null {
  switch (message.kind) {
    case "append":
      if (!isEntryId(message.previous) || !isCount(message.commit)) return "not a place in a log";
      return complaintAboutEntries(message.entries, message.previous, message.term);
    case "append-accepted":
      return isCount(message.matched) ? null : "not an index";
    case "append-rejected":
      return isCount(message.rejected) && isEntryId(message.hint) ? null : "not a place in a log";
    case "heartbeat":
      return isCount(message.commit) && isCount(message.readRound) ? null : "not a number";
    case "heartbeat-reply":
      return isCount(message.readRound) ? null : "not a number";
    case "vote":
    case "pre-vote":
      if (!isEntryId(message.last)) return "not a place in a log";
      return message.last.term <= message.term ? null : "its log is of a later term than its candidate";
    case "commit-news":
      return isEntryId(message.committed) ? null : "not a place in a log";
    case "quiesce":
      return isEntryId(message.last) ? null : "not a place in a log";
    case "snapshot":
      return complaintAboutSnapshot(message.snapshot, message.snapshot.membership, message.term);
    case "transfer-leader":
      return isId(message.target) ? null : "not a member";
    case "propose":
      return isCount(message.request) ? complaintAboutProposals(message.proposals) : "not a request";
    case "propose-reply":
      if (!isCount(message.request)) return "not a request";
      return isRefusal(message.result) || isEntryId(message.result) ? null : "not a place in a log";
    case "read-index-reply":
      if (!isCount(message.request)) return "not a request";
      return isRefusal(message.result) || isCount(message.result) ? null : "not an index";
    case "read-index":
      return isCount(message.request) ? null : "not a request";
    default:
      return null;
  }
}

/** Entries follow their predecessor without a gap, and terms never fall (5.3). */
function complaintAboutEntries(entries: readonly Entry[], previous: EntryId, term: number): string | null {
  let { index, term: before } = previous;
  for (let at = 0; at < entries.length; at++) {
    const entry = entries[at]!;
    index += 1;
    if (entry.index !== index) return `entry ${entry.index} stands in the place of ${index}`;
    if (!(entry.term >= before && entry.term <= term)) return `entry ${index} has an impossible term`;
    before = entry.term;
  }
  return Number.isSafeInteger(index) && before <= term ? null : "beyond every log";
}

function complaintAboutSnapshot(id: EntryId, membership: Membership, term: number): string | null {
  if (!isEntryId(id) || id.index === 0 || id.term > term) return "not a place in a log";
  return isValidMembership(membership) ? null : "not a configuration";
}

function complaintAboutProposals(proposals: readonly Proposal[]): string | null {
  return proposals.length > 0 ? null : "proposes nothing";
}

/** Whether a configuration can be: lists ascend, nobody both votes and learns, and who is demoted was a voter. */
export function isValidMembership(membership: Membership): boolean {
  const { voters, outgoing, learners, learnersNext } = membership;
  return (
    [voters, outgoing, learners, learnersNext].every(isAscending) &&
    !learners.some((id) => voters.includes(id) || outgoing.includes(id)) &&
    learnersNext.every((id) => outgoing.includes(id) && !voters.includes(id))
  );
}

function isAscending(ids: readonly MemberId[]): boolean {
  return ids.every((id, at) => isId(id) && (at === 0 || ids[at - 1]! < id));
}

function isRefusal(result: EntryId | Refusal | Index): result is Refusal {
  return typeof result === "object" && "refused" in result;
}

function isEntryId(id: EntryId): boolean {
  return isCount(id.index) && isCount(id.term);
}

function isCount(value: Index): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function isId(value: MemberId): boolean {
  return Number.isSafeInteger(value) && value > 0;
}
