import type { MemberId } from "../log/entry.ts";
import type { Core } from "./core.ts";
import type { Reader, ReadRound } from "./read-barrier.ts";
import type { Refusal } from "./refusal.ts";
import { broadcastHeartbeat, reachedByQuorum } from "./replication.ts";
import type { Follower, Leader, Role } from "./role.ts";

/**
 * Takes a read on the leader. Its index is known once a quorum has confirmed that we still lead (thesis, 6.4), or at once
 * while there is a lease, where `byLease` says that the reader trusts clocks.
 */
export function readAsLeader(
  core: Core,
  leader: Leader,
  reader: Reader,
  byLease: boolean,
): Refusal | undefined {
  if (leader.reads.count >= core.settings.readsMax) return { refused: "too-many-reads" };
  leader.idleTicks = 0;
  if (byLease && hasLease(core, leader)) answer(core, reader, core.log.committed);
  else leader.reads.add(reader);
  return undefined;
}

/** Takes a read on a follower or learner: the leader is asked for the index, with all that came in the same turn. */
export function readAsFollower(core: Core, follower: Follower, request: number): Refusal | undefined {
  if (follower.leader === undefined) return { refused: "no-leader" };
  if (follower.reads.count >= core.settings.readsMax) return { refused: "too-many-reads" };
  follower.reads.add(request);
  return undefined;
}

/** Whether reads wait that a round, or a question to the leader, could be begun for now. */
export function hasReadsToAsk(core: Core): boolean {
  const { role } = core;
  if (role.kind === "follower") return role.reads.hasWaiting && role.leader !== undefined;
  if (role.kind !== "leader") return false;
  return role.reads.hasWaiting && !role.reads.isRoundOpen && core.hasCommittedInTerm;
}

/** Begins a round, or asks the leader, for all reads that gathered. While a round is under way the next one gathers. */
export function askForReads(core: Core): void {
  if (!hasReadsToAsk(core)) return;
  const { role } = core;
  if (role.kind === "follower") {
    const question = core.nextQuestion++;
    role.reads.ask(question);
    sendQuestion(core, role.leader!, question);
  } else if (role.kind === "leader") {
    beginRound(core, role);
    if (!confirmRounds(core, role)) broadcastHeartbeat(core, role);
  }
}

/** Before a heartbeat: reads that wait join in, and a lease is asked for anew. */
export function beginRoundWithHeartbeat(core: Core, leader: Leader): void {
  if (core.settings.leaseReads || (leader.reads.hasWaiting && core.hasCommittedInTerm)) {
    beginRound(core, leader);
    confirmRounds(core, leader);
  }
}

function beginRound(core: Core, leader: Leader): void {
  const round = leader.reads.begin(core.log.committed, core.ticks, core.hasCommittedInTerm);
  if (leader.own !== null) leader.own.readRound = round;
}

/** Answers the reads of all rounds that a quorum has confirmed. False when no round was. */
export function confirmRounds(core: Core, leader: Leader): boolean {
  if (!leader.reads.isRoundOpen) return false;
  const confirmed = leader.reads.confirm(reachedByQuorum(core, leader, "readRound"));
  for (const round of confirmed) endRound(core, leader, round);
  return confirmed.length > 0;
}

function endRound(core: Core, leader: Leader, round: ReadRound): void {
  if (core.settings.leaseReads) leader.leaseTick = round.tick;
  for (const reader of round.readers) answer(core, reader, round.index);
}

/**
 * Whether no other member can have been elected since a majority last answered us: its voters ignore candidates for an
 * election timeout, and our lease ends before that (thesis, 6.4.1). The bound on clocks stands with `leaseReads`.
 */
export function hasLease(core: Core, leader: Leader): boolean {
  const { leaseReads, electionTicks, leaseMarginTicks } = core.settings;
  if (!leaseReads || leader.leaseTick === null || leader.isLeaseOver || leader.transferTo !== null)
    return false;
  // A leader that was removed or demoted is replaced by members that wait for nobody.
  if (leader.own?.isLearner !== false) return false;
  // Once a change of membership is committed a majority may elect that has promised us nothing.
  if (leader.pendingChange > core.log.applied) return false;
  // The present tick has begun, but nobody knows how much of it has passed: it counts in full.
  return core.hasCommittedInTerm && core.ticks - leader.leaseTick + 1 <= electionTicks - leaseMarginTicks;
}

function answer(core: Core, reader: Reader, result: number | Refusal): void {
  const { from, request } = reader;
  if (from === core.id) core.outbox.reads.push({ request, result });
  else core.outbox.send({ kind: "read-index-reply", from: core.id, to: from, term: 0, request, result });
}

/** The leader's answer to a question: it is for all reads that shared it. */
export function receiveReadIndex(
  core: Core,
  follower: Follower,
  question: number,
  result: number | Refusal,
): void {
  for (const request of follower.reads.answered(question)) core.outbox.reads.push({ request, result });
}

/** Asks again where messages may have been lost. */
export function repeatQuestions(core: Core, follower: Follower): void {
  if (follower.leader === undefined || follower.reads.count === 0) return;
  for (const question of follower.reads.tick(core.settings.heartbeatTicks)) {
    sendQuestion(core, follower.leader, question);
  }
}

function sendQuestion(core: Core, leader: MemberId, request: number): void {
  core.outbox.send({ kind: "read-index", from: core.id, to: leader, term: 0, request });
}

/** Refuses all reads of a role that ends: who leads now must be asked anew. */
export function abandonReads(core: Core, role: Role): void {
  const result: Refusal = { refused: "superseded" };
  if (role.kind === "follower") {
    for (const request of role.reads.drain()) core.outbox.reads.push({ request, result });
  } else if (role.kind === "leader") {
    for (const reader of role.reads.drain()) answer(core, reader, result);
  }
}
