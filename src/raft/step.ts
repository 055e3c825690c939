import type { Index, Proposal } from "../log/entry.ts";
import { receiveVote } from "./candidate.ts";
import type { Core } from "./core.ts";
import type { ProposeResult } from "./effects.ts";
import { becomeFollower, campaignOrWait, hasUnappliedChange } from "./election.ts";
import { receiveAppend, receiveCommitNews, receiveHeartbeat, receiveSnapshot } from "./follower.ts";
import { proposeAsLeader, receiveAccepted, receiveHeartbeatReply, receiveRejected } from "./leader.ts";
import { isMember } from "./membership.ts";
import type {
  AppendMessage,
  CommitNewsMessage,
  HeartbeatMessage,
  Message,
  PreVoteMessage,
  ProposeMessage,
  QuiesceMessage,
  ReadIndexMessage,
  SnapshotMessage,
  TimeoutNowMessage,
  TransferLeaderMessage,
  VoteMessage,
} from "./message.ts";
import { readAsLeader, receiveReadIndex } from "./reads.ts";
import type { Refusal } from "./refusal.ts";
import type { Candidate, Follower, Leader } from "./role.ts";
import { isWakening, receiveQuiesce, wakeUp } from "./sleep.ts";
import { startTransfer } from "./transfer.ts";
import { castVote, mustIgnoreCandidate, rejectPreVote, tellCommit } from "./voter.ts";

/** What only a leader of the term sends. */
type LeaderMessage = AppendMessage | HeartbeatMessage | SnapshotMessage | QuiesceMessage;

/** Lets one message take effect. It is in order as such; whether it suits our state is decided here. */
export function step(core: Core, message: Message): Refusal | undefined {
  if (isAnswer(message) && !isMember(core.membership, message.from)) return { refused: "not-a-member" };
  if (core.isAsleep && isWakening(message)) wakeUp(core);

  if (message.term > core.term) {
    if (!meetNewerTerm(core, message)) return undefined;
  } else if (message.term < core.term && message.term !== 0) {
    meetOlderTerm(core, message);
    return undefined;
  }
  switch (message.kind) {
    case "vote":
    case "pre-vote":
      castVote(core, message);
      return undefined;
    case "propose":
      return stepPropose(core, message);
    case "commit-news":
      learnCommit(core, message);
      return undefined;
    case "propose-reply":
      core.outbox.proposed.push({ request: message.request, result: message.result });
      return undefined;
    default:
      return stepByRole(core, message);
  }
}

/** Other members may decide than those whom a candidate has asked: it asks anew once it has applied the change. */
function learnCommit(core: Core, message: CommitNewsMessage): void {
  receiveCommitNews(core, message);
  const isStanding = core.role.kind === "candidate" || core.role.kind === "pre-candidate";
  if (isStanding && hasUnappliedChange(core)) becomeFollower(core, core.term, undefined);
}

function stepByRole(core: Core, message: Message): Refusal | undefined {
  const { role } = core;
  switch (role.kind) {
    case "follower":
      return stepFollower(core, role, message);
    case "leader":
      return stepLeader(core, role, message);
    default:
      return stepCandidate(core, role, message);
  }
}

/** False when the message has no effect but that. */
function meetNewerTerm(core: Core, message: Message): boolean {
  const isRequest = message.kind === "vote" || message.kind === "pre-vote";
  if (isRequest && mustIgnoreCandidate(core, message)) {
    traceIgnored(core, message);
    return false;
  }
  // The term of a pre-vote is not begun yet, and a granted one says only that it could be.
  if (message.kind === "pre-vote" || (message.kind === "pre-vote-reply" && message.granted)) return true;
  core.trace?.({ kind: "higher-term", message, term: core.term });
  becomeFollower(core, message.term, isFromLeader(message) ? message.from : undefined);
  return true;
}

function traceIgnored(core: Core, request: VoteMessage | PreVoteMessage): void {
  const { log, vote, term, settings, electionElapsed } = core;
  core.trace?.({
    kind: "vote-ignored",
    ballot: request.kind,
    from: request.from,
    theirs: request.last,
    ours: log.last,
    vote,
    term,
    remainingTicks: settings.electionTicks - electionElapsed,
  });
}

/** A message from the past has no effect; but its sender may need to learn that time has passed. */
function meetOlderTerm(core: Core, message: Message): void {
  const { checkQuorum, preVote } = core.settings;
  const { id, term, outbox } = core;
  if (message.kind === "pre-vote") {
    rejectPreVote(core, message);
    return;
  }
  // An outdated leader whose followers ignore candidates would otherwise never hear of our term, nor we of its log.
  if ((checkQuorum || preVote) && (message.kind === "append" || message.kind === "heartbeat")) {
    outbox.acknowledge(id, message.from, term, 0);
    return;
  }
  if (message.kind === "pre-vote-reply") tellCommit(core, message.from);
  core.trace?.({ kind: "lower-term", message, term });
}

function stepFollower(core: Core, follower: Follower, message: Message): Refusal | undefined {
  switch (message.kind) {
    case "append":
    case "heartbeat":
    case "snapshot":
    case "quiesce":
      return followLeader(core, follower, message);
    case "timeout-now":
      return receiveTimeoutNow(core, message);
    case "transfer-leader":
      return passOnTransfer(core, follower, message);
    case "read-index":
      return refuseRead(core, message, follower.leader === undefined ? "no-leader" : "not-leader");
    case "read-index-reply":
      receiveReadIndex(core, follower, message.request, message.result);
      return undefined;
    default:
      return undefined; // An answer to a role that ended meanwhile.
  }
}

function followLeader(core: Core, follower: Follower, message: LeaderMessage): Refusal | undefined {
  if (follower.leader !== undefined && follower.leader !== message.from) return secondLeader(message);
  core.electionElapsed = 0;
  core.heardTick = core.ticks;
  follower.leader = message.from;
  switch (message.kind) {
    case "append":
      receiveAppend(core, message);
      return undefined;
    case "heartbeat":
      receiveHeartbeat(core, message);
      return undefined;
    case "snapshot":
      receiveSnapshot(core, message);
      return undefined;
    case "quiesce":
      receiveQuiesce(core, message);
      return undefined;
  }
}

/** The leader hands over to us: we stand without waiting (thesis, 3.10), or as soon as we have applied who votes. */
function receiveTimeoutNow(core: Core, message: TimeoutNowMessage): Refusal | undefined {
  core.trace?.({ kind: "timeout-now-received", from: message.from, term: core.term });
  return campaignOrWait(core, "hand-over");
}

function passOnTransfer(core: Core, follower: Follower, message: TransferLeaderMessage): Refusal | undefined {
  if (follower.leader === undefined) return { refused: "no-leader" };
  core.outbox.send({ ...message, to: follower.leader, term: core.term });
  return undefined;
}

function stepCandidate(core: Core, candidate: Candidate, message: Message): Refusal | undefined {
  switch (message.kind) {
    case "append":
    case "heartbeat":
    case "snapshot":
    case "quiesce":
      // Someone else was elected (5.2).
      becomeFollower(core, core.term, message.from);
      return stepByRole(core, message);
    case "vote-reply":
    case "pre-vote-reply":
      receiveVote(core, candidate, message);
      return undefined;
    case "read-index":
      return refuseRead(core, message, "no-leader");
    case "transfer-leader":
      return { refused: "no-leader" };
    default:
      return undefined; // An answer to a role that ended meanwhile, or a hand-over for which we stand already.
  }
}

function stepLeader(core: Core, leader: Leader, message: Message): Refusal | undefined {
  switch (message.kind) {
    case "append":
    case "heartbeat":
    case "snapshot":
    case "quiesce":
      return secondLeader(message);
    case "append-accepted":
      if (message.matched > core.log.lastIndex)
        return malformed(`acknowledges ${message.matched}, which we never sent`);
      receiveAccepted(core, leader, message);
      return undefined;
    case "append-rejected":
      receiveRejected(core, leader, message);
      return undefined;
    case "heartbeat-reply":
      if (message.readRound > leader.reads.newest)
        return malformed(`confirms round ${message.readRound}, never begun`);
      receiveHeartbeatReply(core, leader, message);
      return undefined;
    case "transfer-leader":
      return startTransfer(core, leader, message.target);
    case "read-index": {
      const { from, request } = message;
      // The question does not say whether the reader trusts clocks.
      const refusal = readAsLeader(core, leader, { from, request }, false);
      return refusal === undefined ? undefined : refuseRead(core, message, refusal.refused);
    }
    default:
      return undefined; // A late vote, or a hand-over to whom already leads.
  }
}

/** A proposal that another member forwarded. */
function stepPropose(core: Core, message: ProposeMessage): Refusal | undefined {
  const { role, settings } = core;
  const { from, request } = message;
  if (!settings.replyToForwarded) return passOnOrPropose(core, message);
  const result =
    role.kind === "leader"
      ? proposeAsLeader(core, role, message.proposals)
      : ({ refused: core.leader === undefined ? "no-leader" : "not-leader" } as const);
  core.outbox.send({ kind: "propose-reply", from: core.id, to: from, term: 0, request, result });
  return "refused" in result ? result : undefined;
}

/** As etcd has it: passed from member to member until one leads, and never answered. */
function passOnOrPropose(core: Core, message: ProposeMessage): Refusal | undefined {
  const result = proposeOrForward(core, message.from, message.request, message.proposals);
  return result !== undefined && "refused" in result ? result : undefined;
}

/** Appends what is proposed if we lead, or sends it to whom does. Null: the leader was asked, its answer will follow. */
export function proposeOrForward(
  core: Core,
  from: number,
  request: number,
  proposals: readonly Proposal[],
): ProposeResult["result"] | undefined {
  const { role, settings, term } = core;
  if (role.kind === "leader") return proposeAsLeader(core, role, proposals);
  if (core.leader === undefined) {
    core.trace?.({ kind: "proposal-dropped", reason: "no-leader", other: undefined, term });
    return { refused: "no-leader" };
  }
  if (!settings.forwardProposals) {
    core.trace?.({ kind: "proposal-dropped", reason: "not-leader", other: core.leader, term });
    return { refused: "not-leader" };
  }
  core.outbox.send({ kind: "propose", from, to: core.leader, term: 0, request, proposals });
  return undefined;
}

function refuseRead(core: Core, message: ReadIndexMessage, refused: Refusal["refused"]): Refusal {
  const { from: to, request } = message;
  const result: Index | Refusal = { refused };
  core.outbox.send({ kind: "read-index-reply", from: core.id, to, term: 0, request, result });
  return result;
}

function isAnswer({ kind }: Message): boolean {
  switch (kind) {
    case "append-accepted":
    case "append-rejected":
    case "heartbeat-reply":
    case "vote-reply":
    case "pre-vote-reply":
    case "read-index-reply":
      return true;
    default:
      return false;
  }
}

function isFromLeader({ kind }: Message): boolean {
  return kind === "append" || kind === "heartbeat" || kind === "snapshot" || kind === "quiesce";
}

/** There is at most one leader in a term (5.2). */
function secondLeader(message: Message): Refusal {
  return malformed(`member ${message.from} leads in term ${message.term}, in which there is another leader`);
}

function malformed(detail: string): Refusal {
  return { refused: "malformed", detail };
}
