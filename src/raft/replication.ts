import {
  type Entry,
  type EntryId,
  entryBytes,
  type Index,
  type MemberId,
  type Proposal,
} from "../log/entry.ts";
import type { Core } from "./core.ts";
import type { Progress } from "./progress.ts";
import { quorumIndex } from "./quorum.ts";
import type { Leader } from "./role.ts";

const NO_ENTRIES: readonly Entry[] = Object.freeze([]);

/**
 * Gives the proposals their places at the end of the log, side by side, and returns the first place. Null when too
 * many bytes wait already; what has no data is never refused, or a leader could not even begin its term.
 */
export function appendProposals(core: Core, leader: Leader, proposals: readonly Proposal[]): EntryId | null {
  const bytes = weigh(proposals);
  const isOver =
    leader.uncommittedBytes > 0 && leader.uncommittedBytes + bytes > core.settings.uncommittedBytesMax;
  if (isOver && proposals.some(({ data }) => data.length > 0)) return null;

  const { term } = core;
  const first = core.log.lastIndex + 1;
  const entries = new Array<Entry>(proposals.length);
  for (let at = 0; at < proposals.length; at++) {
    // A copy: the proposal may be forwarded, or shared with another member of this process.
    const { kind, data } = proposals[at]!;
    entries[at] = { index: first + at, term, kind, data };
  }
  core.log.append(entries);
  leader.uncommittedBytes += bytes;
  leader.idleTicks = 0;
  // We count ourselves once our own disk holds the entries, like everyone else.
  core.outbox.acknowledge(core.id, core.id, term, core.log.lastIndex);
  return { index: first, term };
}

/** Tells the followers of new entries or a new commit index: at once, or with all else that this turn brings. */
export function announce(core: Core, leader: Leader): void {
  if (core.settings.coalesce) leader.isAppendDue = true;
  else broadcastAppend(core, leader);
}

/** Sends every follower an append, even one without entries. */
export function broadcastAppend(core: Core, leader: Leader): void {
  for (const progress of leader.progress) {
    if (progress.id !== core.id) sendAppend(core, progress, true);
  }
}

/**
 * Sends every follower all that it lacks and may be sent, and the commit index where it can use it. A commit index alone
 * waits for the next hand-out: those who hear of their commit propose again, and it travels with what they propose.
 */
export function flushAppends(core: Core, leader: Leader): void {
  const hasWaited = leader.isCommitDue;
  leader.isAppendDue = false;
  leader.isCommitDue = false;
  for (const progress of leader.progress) {
    if (progress.id === core.id) continue;
    const needsCommit = progress.needsCommit(core.log.committed);
    if (sendAppend(core, progress, needsCommit && hasWaited)) sendAllAppends(core, progress);
    else if (needsCommit && !hasWaited) leader.isCommitDue = true;
  }
}

/** Sends what is left, until there is nothing more or the window is full. */
export function sendAllAppends(core: Core, progress: Progress): void {
  while (sendAppend(core, progress, false));
}

/** Sends the entries that come next for a follower (5.3), or a snapshot when these are compacted away (7). */
export function sendAppend(core: Core, progress: Progress, evenIfEmpty: boolean): boolean {
  if (progress.isPaused) return false;
  const { log } = core;
  const previousIndex = progress.next - 1;
  const previousTerm = log.termAt(previousIndex);
  if (previousTerm === undefined) return sendSnapshot(core, progress);

  const entries = nextEntries(core, progress);
  if (entries.length === 0 && !evenIfEmpty) return false;
  core.outbox.send({
    kind: "append",
    from: core.id,
    to: progress.id,
    term: core.term,
    previous: { index: previousIndex, term: previousTerm },
    entries,
    commit: log.committed,
  });
  progress.sent(entries.length, weigh(entries));
  progress.sentCommit(log.committed);
  return true;
}

function nextEntries(core: Core, progress: Progress): readonly Entry[] {
  // With a full window only an empty append goes out: its answer may show that acknowledgements were lost.
  if (progress.state === "replicate" && progress.inflight.isFull) return NO_ENTRIES;
  if (progress.next > core.log.lastIndex) return NO_ENTRIES;
  return core.log.slice(progress.next, core.log.lastIndex, core.settings.messageBytesMax);
}

function sendSnapshot(core: Core, progress: Progress): boolean {
  const { log, trace } = core;
  if (!progress.isActive) {
    trace?.({ kind: "snapshot-unsent", to: progress.id, reason: "inactive" });
    return false;
  }
  const snapshot = core.environment.latestSnapshot();
  // One that ends before our log begins would leave a gap: the host is about to make a newer one.
  if (snapshot === undefined || snapshot.index < log.base.index) {
    trace?.({ kind: "snapshot-unsent", to: progress.id, reason: "unavailable" });
    return false;
  }
  const { id: to } = progress;
  const { firstIndex: first, committed } = log;
  trace?.({ kind: "snapshot-sent", to, first, committed, snapshot, progress });
  progress.becomeSnapshot(snapshot.index);
  trace?.({ kind: "peer-paused", to, progress });
  core.outbox.send({ kind: "snapshot", from: core.id, to, term: core.term, snapshot });
  return true;
}

/** Tells everyone that we still lead. A follower whose window is full hears of it too. */
export function broadcastHeartbeat(core: Core, leader: Leader): void {
  const readRound = leader.reads.isRoundOpen ? leader.reads.newest : 0;
  for (const progress of leader.progress) {
    if (progress.id !== core.id) sendHeartbeat(core, progress, readRound);
  }
}

function sendHeartbeat(core: Core, progress: Progress, readRound: number): void {
  // Beyond `matched` its log may differ from ours, and it must not commit what we did not.
  const commit = Math.min(progress.matched, core.log.committed);
  core.outbox.send({ kind: "heartbeat", from: core.id, to: progress.id, term: core.term, commit, readRound });
  progress.sentCommit(commit);
}

/** Commits what a majority holds. True when the commit index moved. */
export function commitByQuorum(core: Core, leader: Leader): boolean {
  const index = reachedByQuorum(core, leader, "matched");
  if (index <= core.log.committed) return false;
  // A majority on an older term proves nothing: a later leader may still replace that entry. Only an entry of our
  // own term seals what lies before it (5.4.2).
  if (core.log.termAt(index) !== core.term) return false;
  core.log.commitTo(index);
  return true;
}

/** What a quorum has reached: in a joint configuration a majority of each half (6). */
export function reachedByQuorum(core: Core, leader: Leader, what: "matched" | "readRound"): number {
  const { voters, outgoing } = core.membership;
  return Math.min(reachedBy(leader, voters, what), reachedBy(leader, outgoing, what));
}

function reachedBy(leader: Leader, voters: readonly MemberId[], what: "matched" | "readRound"): Index {
  const { progress, scratch } = leader;
  scratch.length = 0;
  // Both lists ascend, and whoever votes has a progress, but for ourselves once we were removed.
  let at = 0;
  for (const voter of voters) {
    while (at < progress.length && progress[at]!.id < voter) at += 1;
    const found = progress[at];
    scratch.push(found !== undefined && found.id === voter ? found[what] : 0);
  }
  return quorumIndex(scratch);
}

function weigh(entries: readonly Proposal[]): number {
  let bytes = 0;
  for (let at = 0; at < entries.length; at++) bytes += entryBytes(entries[at]!);
  return bytes;
}
