import type { Entry, EntryId, Index, MemberId, Proposal } from "../../../src/log/entry.ts";
import type { MemberChange, Membership, MembershipChange } from "../../../src/raft/membership.ts";
import { decodeMembershipChange, isLeaveJoint } from "../../../src/raft/membership-codec.ts";
import type { Message } from "../../../src/raft/message.ts";
import type { Refusal } from "../../../src/raft/refusal.ts";
import type { PeerStatus, RaftStatus } from "../../../src/raft/status.ts";
import type { TraceEvent } from "../../../src/raft/trace.ts";

/** How a scenario puts things: `n1` is a member, `3@2` the entry at index 3 of term 2, `#1` a request of the host. */

const TEXT_MAX = 24;

export function tellId({ index, term }: EntryId): string {
  return `${index}@${term}`;
}

export function tellEntry(entry: Entry): string {
  const content = tellProposal(entry);
  return content === "" ? tellId(entry) : `${tellId(entry)} ${content}`;
}

/** What is proposed: a text in quotes, a size when it is long, a change of membership in words. */
export function tellProposal({ kind, data }: Proposal): string {
  if (kind === "membership") return tellChange(decodeMembershipChange(data));
  if (data.length === 0) return "";
  return data.length > TEXT_MAX ? `(${data.length} bytes)` : `"${new TextDecoder().decode(data)}"`;
}

export function tellChange(change: MembershipChange): string {
  if (isLeaveJoint(change)) return "(leave joint)";
  const parts = change.changes.map(({ kind, member }: MemberChange) => `${kind} ${member}`);
  return `(${parts.join(", ")}${change.transition === "auto" ? "" : `, ${change.transition}`})`;
}

export function tellMembership(membership: Membership): string {
  const { voters, outgoing, learners, learnersNext, autoLeave } = membership;
  if (voters.length === 0 && learners.length === 0) return "nobody";
  const parts = [`voters ${voters.join(" ")}`];
  if (outgoing.length > 0) parts.push(`joint with ${outgoing.join(" ")}`);
  if (learners.length > 0) parts.push(`learners ${learners.join(" ")}`);
  if (learnersNext.length > 0) parts.push(`learners next ${learnersNext.join(" ")}`);
  if (autoLeave) parts.push("left automatically");
  return parts.join(", ");
}

export function tellRefusal({ refused, detail }: Refusal): string {
  return detail === undefined ? refused : `${refused} (${detail})`;
}

/** The entries of an append: their ids, and only the ends of a long run. */
function tellEntries(entries: readonly Entry[]): string {
  const ids = entries.map(tellId);
  return ids.length > 4 ? `[${ids[0]} .. ${ids[ids.length - 1]}]` : `[${ids.join(" ")}]`;
}

function tellResult(result: Index | EntryId | Refusal): string {
  if (typeof result === "number") return `at ${result}`;
  return "refused" in result ? `refused: ${tellRefusal(result)}` : `at ${tellId(result)}`;
}

/** A message without its ends. `questionName` names what a follower asked its leader, whose numbers begin at random. */
export function tellMessage(message: Message, questionName: (question: number) => string): string {
  switch (message.kind) {
    case "append":
      return `append after ${tellId(message.previous)} ${tellEntries(message.entries)} commit=${message.commit}`;
    case "append-accepted":
      return `append-accepted matched=${message.matched}`;
    case "append-rejected":
      return `append-rejected rejected=${message.rejected} hint=${tellId(message.hint)}`;
    case "heartbeat":
      return `heartbeat commit=${message.commit}${tellRound(message.readRound)}`;
    case "heartbeat-reply":
      return `heartbeat-reply${tellRound(message.readRound)}`;
    case "vote":
      return `vote last=${tellId(message.last)}${message.transfer ? " transfer" : ""}`;
    case "pre-vote":
      return `pre-vote last=${tellId(message.last)}`;
    case "vote-reply":
    case "pre-vote-reply":
      return `${message.kind} ${message.granted ? "granted" : "rejected"}`;
    case "snapshot":
      return `snapshot ${tellId(message.snapshot)} ${tellMembership(message.snapshot.membership)}`;
    case "commit-news":
      return `commit-news committed=${tellId(message.committed)}`;
    case "timeout-now":
      return "timeout-now";
    case "quiesce":
      return `quiesce last=${tellId(message.last)}`;
    case "transfer-leader":
      return `transfer-leader target=n${message.target}`;
    case "propose":
      return `propose #${message.request} ${message.proposals.map(tellProposal).join(" ")}`;
    case "propose-reply":
      return `propose-reply #${message.request} ${tellResult(message.result)}`;
    case "read-index":
      return `read-index ${questionName(message.request)}`;
    case "read-index-reply":
      return `read-index-reply ${questionName(message.request)} ${tellResult(message.result)}`;
  }
}

function tellRound(round: number): string {
  return round === 0 ? "" : ` round=${round}`;
}

export function tellProposed(request: number, result: EntryId | Refusal): string {
  return `proposal #${request} ${tellResult(result)}`;
}

export function tellRead(request: number, result: Index | Refusal): string {
  return `read #${request} ${typeof result === "number" ? "may be served" : ""} ${tellResult(result)}`.replace(
    "  ",
    " ",
  );
}

/** A decision in words; null for what the lines about effects and messages tell already. */
export function tellEvent(event: TraceEvent): string | null {
  switch (event.kind) {
    case "started":
      return `starts: last ${tellId(event.log.last)}, committed ${event.log.committed}, applied ${event.log.applied}`;
    case "membership-switched":
      return `members: ${tellMembership(event.membership)}`;
    case "role-changed":
      return event.role === "follower" ? null : `becomes ${event.role}`;
    case "election-started":
      return "stands for election";
    case "election-ignored":
      return `does not stand: ${event.reason}`;
    case "vote-cast":
      return tellVote(event.ballot === "vote", event.granted, event.from);
    case "vote-ignored":
      return `ignores candidate n${event.from}: its patience is not over`;
    case "quorum-lost":
      return "has not heard from a majority";
    case "leader-forgotten":
      return `forgets its leader n${event.leader}`;
    case "fell-asleep":
      return "falls asleep";
    case "woke-up":
      return "wakes up";
    case "lower-term":
      return `ignores ${event.message.kind} of n${event.message.from}, of term ${event.message.term}`;
    case "transfer-started":
      return `begins to hand over to n${event.to}`;
    case "transfer-ignored":
      return `goes on as before: hand-over to n${event.to} is ${event.reason}`;
    case "transfer-ended":
      return `gives up handing over to n${event.to}`;
    case "proposal-dropped":
      return `drops a proposal of its own: ${event.reason}`;
    case "leave-proposed":
      return "asks by itself to leave the joint configuration";
    case "conflict-found":
      return `replaces its log from ${event.index}@${event.existingTerm} on by ${event.index}@${event.conflictingTerm}`;
    case "restore-started":
      return `gives up its log for snapshot ${tellId(event.snapshot)}`;
    case "restore-skipped":
      return `holds all of snapshot ${tellId(event.snapshot)}`;
    case "snapshot-ignored":
      return `keeps its log, committed to ${event.committed}`;
    case "snapshot-unsent":
      return `has no snapshot to send to n${event.to}: ${event.reason}`;
    case "peer-recovered":
      return `can stream to n${event.from} again`;
    case "peer-unreachable":
      return `cannot reach n${event.from}`;
    case "snapshot-reported":
      return `hears that the snapshot to n${event.from} ${event.succeeded ? "arrived" : "was lost"}`;
    case "save-outdated":
      return `does not trust a save of term ${event.save.term}`;
    case "save-unmatched":
      return `does not trust the save of ${tellId(event.last)}: ${event.news}`;
    case "vote-asked":
    case "vote-received":
    case "votes-counted":
    case "forgetting-refused":
    case "higher-term":
    case "message-refused":
    case "timeout-now-sent":
    case "timeout-now-received":
    case "change-refused":
    case "append-rejected":
    case "unsaved-replaced":
    case "unsaved-truncated":
    case "restored":
    case "snapshot-accepted":
    case "snapshot-sent":
    case "peer-paused":
    case "peer-rejected":
    case "peer-decreased":
      return null;
  }
}

function tellVote(isReal: boolean, granted: boolean, candidate: MemberId): string {
  if (isReal) return granted ? `votes for n${candidate}` : `does not vote for n${candidate}`;
  return granted ? `would vote for n${candidate}` : `would not vote for n${candidate}`;
}

export function tellStatus(status: RaftStatus): string[] {
  const { role, leader, last, committed, applied, saved, pendingReads, uncommittedBytes, vote } = status;
  const parts: string[] = [role];
  if (role !== "leader") parts.push(leader === undefined ? "no leader" : `leader n${leader}`);
  if (vote !== undefined) parts.push(`voted for n${vote}`);
  parts.push(`last ${tellId(last)}`, `saved ${saved}`, `committed ${committed}`, `applied ${applied}`);
  if (uncommittedBytes > 0) parts.push(`${uncommittedBytes} bytes not applied`);
  if (status.restoring !== undefined) parts.push(`restoring snapshot ${tellId(status.restoring)}`);
  if (pendingReads > 0) parts.push(`${pendingReads} reads wait`);
  return [parts.join(", "), ...status.progress.filter(({ id }) => id !== status.id).map(tellPeer)];
}

function tellPeer(peer: PeerStatus): string {
  const parts = [`n${peer.id}: ${peer.state} matched=${peer.matched} next=${peer.next}`];
  if (peer.isLearner) parts.push(peer.isReady ? "learner, ready" : "learner");
  if (peer.pendingSnapshot > 0) parts.push(`snapshot ${peer.pendingSnapshot} under way`);
  if (peer.inflightMessages > 0) {
    parts.push(`${peer.inflightMessages} appends in flight (${peer.inflightBytes} bytes)`);
  }
  if (peer.isWindowFull) parts.push("window full");
  if (peer.isPaused) parts.push("paused");
  if (!peer.isActive) parts.push("silent");
  return parts.join(", ");
}
