import type { Core } from "./core.ts";
import { isMember, memberIds } from "./membership.ts";
import type { Message, QuiesceMessage } from "./message.ts";
import { broadcastHeartbeat } from "./replication.ts";
import type { Leader } from "./role.ts";
import { tellCommit } from "./voter.ts";

/**
 * An idle group can sleep: the leader stops its heartbeats and the followers their election clocks, so that thousands
 * of groups in one process cost nothing while nobody uses them. Whoever is asked for something wakes the leader.
 */

/** With each heartbeat: counts the quiet, and puts the group to sleep after enough of it. True when it sleeps now. */
export function maybeFallAsleep(core: Core, leader: Leader): boolean {
  const { quiesceTicks, heartbeatTicks } = core.settings;
  if (quiesceTicks === 0) return false;
  leader.idleTicks = isIdle(core, leader) ? leader.idleTicks + heartbeatTicks : 0;
  if (leader.idleTicks < quiesceTicks) return false;

  const { last } = core.log;
  for (const { id: to } of leader.progress) {
    if (to !== core.id) core.outbox.send({ kind: "quiesce", from: core.id, to, term: core.term, last });
  }
  fallAsleep(core);
  return true;
}

function isIdle(core: Core, leader: Leader): boolean {
  const { lastIndex, applied } = core.log;
  if (applied !== lastIndex || leader.transferTo !== null || leader.reads.count > 0) return false;
  return leader.progress.every(({ matched, isActive }) => matched === lastIndex && isActive);
}

/** The leader sleeps. We do too, if there really is nothing left to do; else the next tick goes on as ever. */
export function receiveQuiesce(core: Core, message: QuiesceMessage): void {
  const { log } = core;
  if (core.settings.quiesceTicks > 0 && log.applied === log.lastIndex && log.matches(message.last))
    fallAsleep(core);
}

function fallAsleep(core: Core): void {
  core.isAsleep = true;
  core.trace?.({ kind: "fell-asleep" });
}

/** Someone wants something. The clocks begin anew: nobody is late after a sleep. */
export function wakeUp(core: Core): void {
  core.isAsleep = false;
  core.electionElapsed = 0;
  core.trace?.({ kind: "woke-up" });
  if (core.role.kind !== "leader") return;
  const leader = core.role;
  leader.idleTicks = 0;
  for (const progress of leader.progress) progress.isActive = true;
  broadcastHeartbeat(core, leader);
}

/**
 * A member that cannot stand for election, as a learner cannot, and knows no leader: the group may have gone to sleep while
 * it was away. What it tells the others is nothing new to them, but it wakes them.
 */
export function wakeOthers(core: Core): void {
  if (core.settings.quiesceTicks === 0 || !isMember(core.membership, core.id)) return;
  for (const id of memberIds(core.membership)) if (id !== core.id) tellCommit(core, id);
}

/** Whether a message ends the sleep. Late answers to the last heartbeat do not, or no group would ever rest. */
export function isWakening(message: Message): boolean {
  switch (message.kind) {
    case "quiesce":
    case "heartbeat-reply":
    case "append-accepted":
      return false;
    default:
      return true;
  }
}
