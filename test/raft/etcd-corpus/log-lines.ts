import type { RefusalReason } from "../../../src/raft/refusal.ts";
import type { Ballot, LogCursors, TraceEvent } from "../../../src/raft/trace.ts";
import { describeChange, describeConfig, describeProgress, hex, typeOf } from "./text.ts";

export type Level = "DEBUG" | "INFO" | "WARN" | "ERROR";

export interface LogLine {
  readonly level: Level;
  readonly text: string;
}

type Event<Kind extends TraceEvent["kind"]> = Extract<TraceEvent, { kind: Kind }>;
type Renderers = {
  readonly [Kind in TraceEvent["kind"]]: ((id: string, event: Event<Kind>) => LogLine | null) | null;
};

const debug = (text: string): LogLine => ({ level: "DEBUG", text });
const info = (text: string): LogLine => ({ level: "INFO", text });
const warn = (text: string): LogLine => ({ level: "WARN", text });
const error = (text: string): LogLine => ({ level: "ERROR", text });

const BALLOTS: Record<Ballot, string> = { vote: "MsgVote", "pre-vote": "MsgPreVote" };
const hexOrNone = (id: number | undefined): string => hex(id ?? 0);

/** The line that etcd's logger would print for a decision, or null where it prints none. */
export function logLine(member: number, event: TraceEvent): LogLine | null {
  const render = RENDERERS[event.kind] as ((id: string, event: TraceEvent) => LogLine | null) | null;
  return render?.(hex(member), event) ?? null;
}

const RENDERERS: Renderers = {
  started: (id, { voters, term, log }) =>
    info(
      `newRaft ${id} [peers: [${voters.map(hex).join(",")}], term: ${term}, commit: ${log.committed}, ` +
        `applied: ${log.applied}, lastindex: ${log.last.index}, lastterm: ${log.last.term}]`,
    ),
  "membership-switched": (id, { membership }) =>
    info(`${id} switched to configuration ${describeConfig(membership)}`),
  "role-changed": (id, { role, term }) => info(`${id} became ${role} at term ${term}`),

  "election-started": (id, { term }) => info(`${id} is starting a new election at term ${term}`),
  "election-ignored": (id, { reason, term }) => {
    if (reason === "leading") return debug(`${id} ignoring MsgHup because already leader`);
    if (reason === "not-promotable") return warn(`${id} is unpromotable and can not campaign`);
    return warn(
      `${id} cannot campaign at term ${term} since there are still pending configuration changes to apply`,
    );
  },
  "vote-asked": (id, { ballot, to, last, term }) =>
    info(
      `${id} [logterm: ${last.term}, index: ${last.index}] sent ${BALLOTS[ballot]} request to ${hex(to)} at term ${term}`,
    ),
  "vote-received": (id, { ballot, from, granted, term }) =>
    info(
      `${id} received ${BALLOTS[ballot]}Resp ${granted ? "" : "rejection "}from ${hex(from)} at term ${term}`,
    ),
  "votes-counted": (id, { ballot, granted, rejected }) =>
    info(`${id} has received ${granted} ${BALLOTS[ballot]}Resp votes and ${rejected} vote rejections`),
  "vote-cast": (id, { ballot, granted, from, theirs, ours, vote, term }) =>
    info(
      `${id} [logterm: ${ours.term}, index: ${ours.index}, vote: ${hexOrNone(vote)}] ` +
        `${granted ? "cast" : "rejected"} ${BALLOTS[ballot]} ${granted ? "for" : "from"} ${hex(from)} ` +
        `[logterm: ${theirs.term}, index: ${theirs.index}] at term ${term}`,
    ),
  "vote-ignored": (id, { ballot, from, theirs, ours, vote, term, remainingTicks }) =>
    info(
      `${id} [logterm: ${ours.term}, index: ${ours.index}, vote: ${hexOrNone(vote)}] ` +
        `ignored ${BALLOTS[ballot]} from ${hex(from)} [logterm: ${theirs.term}, index: ${theirs.index}] ` +
        `at term ${term}: lease is not expired (remaining ticks: ${remainingTicks})`,
    ),
  "quorum-lost": (id) => warn(`${id} stepped down to follower since quorum is not active`),
  "leader-forgotten": (id, { leader, term }) =>
    info(`${id} forgetting leader ${hex(leader)} at term ${term}`),
  "forgetting-refused": () => error("ignoring MsgForgetLeader due to ReadOnlyLeaseBased"),
  "fell-asleep": null,
  "woke-up": null,

  "higher-term": (id, { message, term }) =>
    info(
      `${id} [term: ${term}] received a ${typeOf(message)} message with higher term from ` +
        `${hex(message.from)} [term: ${message.term}]`,
    ),
  "lower-term": (id, { message, term }) =>
    info(
      `${id} [term: ${term}] ignored a ${typeOf(message)} message with lower term from ` +
        `${hex(message.from)} [term: ${message.term}]`,
    ),
  "message-refused": null,

  "transfer-started": (id, { to, term }) =>
    info(`${id} [term ${term}] starts to transfer leadership to ${hex(to)}`),
  "transfer-ignored": (id, { to, reason, term }) => {
    if (reason === "learner") return debug(`${id} is learner. Ignored transferring leadership`);
    if (reason === "self") return debug(`${id} is already leader. Ignored transferring leadership to self`);
    return info(
      `${id} [term ${term}] transfer leadership to ${hex(to)} is in progress, ignores request to same node ${hex(to)}`,
    );
  },
  "transfer-ended": null,
  "timeout-now-sent": (id, { to, immediately }) =>
    immediately
      ? info(`${id} sends MsgTimeoutNow to ${hex(to)} immediately as ${hex(to)} already has up-to-date log`)
      : info(`${id} sent MsgTimeoutNow to ${hex(to)} after received MsgAppResp`),
  "timeout-now-received": (id, { from, term }) =>
    info(
      `${id} [term ${term}] received MsgTimeoutNow from ${hex(from)} and starts an election to get leadership.`,
    ),

  "proposal-dropped": (id, { reason, other, term }) => {
    if (reason === "transferring")
      return debug(
        `${id} [term ${term}] transfer leadership to ${hexOrNone(other)} is in progress; dropping proposal`,
      );
    if (reason === "not-leader")
      return info(`${id} not forwarding to leader ${hexOrNone(other)} at term ${term}; dropping proposal`);
    if (reason === "no-leader") return info(`${id} no leader at term ${term}; dropping proposal`);
    return null;
  },
  "change-refused": (id, { change, membership, reason, pendingChange, applied }) =>
    info(
      `${id} ignoring conf change ${describeChange(change)} at config ${describeConfig(membership)}: ` +
        refusalText(reason, pendingChange, applied),
    ),
  "leave-proposed": (_id, { membership }) =>
    info(`initiating automatic transition out of joint configuration ${describeConfig(membership)}`),

  "append-rejected": (id, { from, previous, ourTerm }) =>
    debug(
      `${id} [logterm: ${ourTerm ?? 0}, index: ${previous.index}] rejected MsgApp ` +
        `[logterm: ${previous.term}, index: ${previous.index}] from ${hex(from)}`,
    ),
  "conflict-found": (_id, { index, existingTerm, conflictingTerm }) =>
    info(
      `found conflict at index ${index} [existing term: ${existingTerm}, conflicting term: ${conflictingTerm}]`,
    ),
  "unsaved-replaced": (_id, { from }) => info(`replace the unstable entries from index ${from}`),
  "unsaved-truncated": (_id, { from }) => info(`truncate the unstable entries before index ${from}`),
  "restore-started": (_id, { log, snapshot }) =>
    info(
      `log [${cursors(log)}] starts to restore snapshot [index: ${snapshot.index}, term: ${snapshot.term}]`,
    ),
  restored: (id, { log, snapshot }) =>
    info(
      `${id} [commit: ${log.committed}, lastindex: ${log.last.index}, lastterm: ${log.last.term}] ` +
        `restored snapshot [index: ${snapshot.index}, term: ${snapshot.term}]`,
    ),
  "restore-skipped": (id, { log, snapshot }) =>
    info(
      `${id} [commit: ${log.committed}, lastindex: ${log.last.index}, lastterm: ${log.last.term}] ` +
        `fast-forwarded commit to snapshot [index: ${snapshot.index}, term: ${snapshot.term}]`,
    ),
  "snapshot-accepted": (id, { committed, snapshot }) =>
    info(`${id} [commit: ${committed}] restored snapshot [index: ${snapshot.index}, term: ${snapshot.term}]`),
  "snapshot-ignored": (id, { committed, snapshot }) =>
    info(`${id} [commit: ${committed}] ignored snapshot [index: ${snapshot.index}, term: ${snapshot.term}]`),

  "snapshot-unsent": (id, { to, reason }) =>
    reason === "inactive"
      ? debug(`ignore sending snapshot to ${hex(to)} since it is not recently active`)
      : debug(`${id} failed to send snapshot to ${hex(to)} because snapshot is temporarily unavailable`),
  "snapshot-sent": (id, { to, first, committed, snapshot, progress }) =>
    debug(
      `${id} [firstindex: ${first}, commit: ${committed}] sent snapshot[index: ${snapshot.index}, ` +
        `term: ${snapshot.term}] to ${hex(to)} [${describeProgress(progress)}]`,
    ),
  "peer-paused": (id, { to, progress }) =>
    debug(`${id} paused sending replication messages to ${hex(to)} [${describeProgress(progress)}]`),
  "peer-recovered": (id, { from, progress }) =>
    debug(
      `${id} recovered from needing snapshot, resumed sending replication messages to ${hex(from)} ` +
        `[${describeProgress(progress)}]`,
    ),
  "peer-rejected": (id, { from, rejected, hint }) =>
    debug(
      `${id} received MsgAppResp(rejected, hint: (index ${hint.index}, term ${hint.term})) from ${hex(from)} ` +
        `for index ${rejected}`,
    ),
  "peer-decreased": (id, { from, progress }) =>
    debug(`${id} decreased progress of ${hex(from)} to [${describeProgress(progress)}]`),
  "peer-unreachable": (id, { from, progress }) =>
    debug(
      `${id} failed to send message to ${hex(from)} because it is unreachable [${describeProgress(progress)}]`,
    ),
  "snapshot-reported": (id, { from, succeeded, progress }) =>
    debug(
      `${id} snapshot ${succeeded ? "succeeded" : "failed"}, resumed sending replication messages to ${hex(from)} ` +
        `[${describeProgress(progress)}]`,
    ),

  "save-outdated": (id, { save, term }) =>
    info(
      `${id} [term: ${term}] ignored entry appends from a MsgStorageAppendResp message with lower term ` +
        `[term: ${save.term}]`,
    ),
  "save-unmatched": (_id, { last, news, ourTerm }) => {
    if (news === "missing") return info(`entry at index ${last.index} missing from unstable log; ignoring`);
    if (news === "restoring") return info(`entry at index ${last.index} matched unstable snapshot; ignoring`);
    return info(
      `entry at (index,term)=(${last.index},${last.term}) mismatched with entry at ` +
        `(${last.index},${ourTerm ?? 0}) in unstable log; ignoring`,
    );
  },
};

function cursors({ committed, applied, applying, saved, saving, last }: LogCursors): string {
  return (
    `committed=${committed}, applied=${applied}, applying=${applying}, unstable.offset=${saved + 1}, ` +
    `unstable.offsetInProgress=${saving + 1}, len(unstable.Entries)=${last.index - saved}`
  );
}

function refusalText(reason: RefusalReason, pendingChange: number, applied: number): string {
  if (reason === "change-pending") {
    return `possible unapplied conf change at index ${pendingChange} (applied to ${applied})`;
  }
  if (reason === "joint") return "must transition out of joint config first";
  return "not in joint state; refusing empty conf change";
}
