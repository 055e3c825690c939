import { QuorateError } from "../base/errors.ts";
import type { Entry, Index } from "../log/entry.ts";
import type { Core } from "./core.ts";
import { isMember } from "./membership.ts";
import type { AppendMessage, CommitNewsMessage, HeartbeatMessage, SnapshotMessage } from "./message.ts";
import type { SnapshotMetadata } from "./snapshot-metadata.ts";

/** Takes entries from the leader, if they fit behind what we hold; says where the logs may fit if not (5.3). */
export function receiveAppend(core: Core, message: AppendMessage): void {
  const { previous } = message;
  const { log } = core;
  // An old message, overtaken by others: all that is committed is equal to the leader's log.
  if (previous.index < log.committed) acknowledge(core, message.from, log.committed);
  else if (log.matches(previous)) takeEntries(core, message);
  else reject(core, message);
}

/** The logs are equal up to where the entries begin: now they are equal up to where they end. */
function takeEntries(core: Core, message: AppendMessage): void {
  const { previous, entries } = message;
  const { log } = core;
  const conflict = log.findConflict(entries);
  if (conflict >= 0) appendFrom(core, entries, conflict);
  // The leader vouches for what it sent and no more: beyond it our log may differ from its own.
  const lastNew = previous.index + entries.length;
  log.commitTo(Math.min(message.commit, lastNew));
  acknowledge(core, message.from, lastNew);
}

/** Appends from the first entry that differs. What we hold already stays untouched, or an old message would shorten the log. */
function appendFrom(core: Core, entries: readonly Entry[], conflict: number): void {
  const { log, trace } = core;
  const first = entries[conflict]!;
  if (trace !== undefined && first.index <= log.lastIndex) {
    const existingTerm = log.termAt(first.index)!;
    trace({ kind: "conflict-found", index: first.index, existingTerm, conflictingTerm: first.term });
    const kind = first.index <= log.saved + 1 ? "unsaved-replaced" : "unsaved-truncated";
    trace({ kind, from: first.index });
  }
  log.append(conflict === 0 ? entries : entries.slice(conflict));
}

function acknowledge(core: Core, leader: number, matched: Index): void {
  core.outbox.acknowledge(core.id, leader, core.term, matched);
}

/**
 * Refuses an append whose predecessor we lack. The hint skips all entries of ours whose term is newer than the
 * leader's there: they cannot be in its log, so that one refusal is enough for each term.
 */
function reject(core: Core, message: AppendMessage): void {
  const { from: leader, previous } = message;
  const { log } = core;
  core.trace?.({ kind: "append-rejected", from: leader, previous, ourTerm: log.termAt(previous.index) });
  const hint = log.findAgreement(Math.min(previous.index, log.lastIndex), previous.term);
  core.outbox.sendSaved({
    kind: "append-rejected",
    from: core.id,
    to: leader,
    term: core.term,
    rejected: previous.index,
    hint,
  });
}

/** Throws ERR_LOG_LOST: a leader's heartbeat tells of no more than what it knows this member to hold. */
export function receiveHeartbeat(core: Core, message: HeartbeatMessage): void {
  const { lastIndex: last } = core.log;
  if (message.commit > last) {
    const reason = `entry ${message.commit} was acknowledged, and the log ends at ${last}`;
    const details = { acknowledged: message.commit, last };
    throw new QuorateError("ERR_LOG_LOST", `${reason}: an old copy of the directory?`, details, {
      outcome: "unknown",
    });
  }
  core.log.commitTo(message.commit);
  const { readRound, from: to } = message;
  core.outbox.send({ kind: "heartbeat-reply", from: core.id, to, term: core.term, readRound });
}

/** What is committed stays committed, whoever says so; if we hold that entry, we hold all before it too (5.3). */
export function receiveCommitNews(core: Core, { committed }: CommitNewsMessage): void {
  if (core.log.matches(committed)) core.log.commitTo(committed.index);
}

/** Takes a snapshot in place of the log, if it brings anything new (7). */
export function receiveSnapshot(core: Core, message: SnapshotMessage): void {
  const { snapshot } = message;
  const isTaken = maybeRestore(core, snapshot);
  const { committed, lastIndex } = core.log;
  core.trace?.({ kind: isTaken ? "snapshot-accepted" : "snapshot-ignored", committed, snapshot });
  acknowledge(core, message.from, isTaken ? lastIndex : committed);
}

function maybeRestore(core: Core, snapshot: SnapshotMetadata): boolean {
  const { log, trace } = core;
  if (snapshot.index <= log.committed) return false;
  if (!core.settings.takeEarlierSnapshots && !isMember(snapshot.membership, core.id)) return false;
  if (log.matches(snapshot)) {
    // We hold all of it, and perhaps acknowledged entries beyond, which must not be lost.
    log.commitTo(snapshot.index);
    trace?.({ kind: "restore-skipped", log: core.cursors(), snapshot });
    return false;
  }
  trace?.({ kind: "restore-started", log: core.cursors(), snapshot });
  log.restore(snapshot);
  core.outbox.snapshot = snapshot;
  core.membership = snapshot.membership;
  trace?.({ kind: "membership-switched", membership: snapshot.membership });
  trace?.({ kind: "restored", log: core.cursors(), snapshot });
  return true;
}
