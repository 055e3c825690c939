import { utf8Text } from "../../../src/base/bytes.ts";
import type { Entry, EntryId, Proposal } from "../../../src/log/entry.ts";
import type { HardState, RoleKind, SnapshotMetadata } from "../../../src/raft/effects.ts";
import type { MemberChange, Membership, MembershipChange } from "../../../src/raft/membership.ts";
import { decodeMembershipChange } from "../../../src/raft/membership-codec.ts";
import type { Message } from "../../../src/raft/message.ts";
import type { ProgressState } from "../../../src/raft/progress.ts";

/** How etcd prints what the core knows. */

export const NOBODY = 0;
export const APPEND_THREAD = -1;
export const APPLY_THREAD = -2;

/** A message in etcd's shape, where every kind has the same fields. */
export interface EtcdMessage {
  readonly from: number;
  readonly to: number;
  readonly type: string;
  readonly term: number;
  readonly log: EntryId;
  readonly rejectHint?: number;
  readonly commit?: number;
  readonly vote?: number;
  readonly entries?: readonly (Entry | Proposal)[];
  readonly snapshot?: SnapshotMetadata | undefined;
  readonly responses?: readonly EtcdMessage[];
}

const NOWHERE: EntryId = { index: 0, term: 0 };

/** The type that etcd gives to each kind of message. */
const TYPES: Record<Message["kind"], string> = {
  append: "MsgApp",
  "append-accepted": "MsgAppResp",
  "append-rejected": "MsgAppResp",
  heartbeat: "MsgHeartbeat",
  "heartbeat-reply": "MsgHeartbeatResp",
  vote: "MsgVote",
  "vote-reply": "MsgVoteResp",
  "pre-vote": "MsgPreVote",
  "pre-vote-reply": "MsgPreVoteResp",
  snapshot: "MsgSnap",
  "timeout-now": "MsgTimeoutNow",
  "commit-news": "(no such message)",
  quiesce: "(no such message)",
  "transfer-leader": "MsgTransferLeader",
  propose: "MsgProp",
  "propose-reply": "(no such message)",
  "read-index": "MsgReadIndex",
  "read-index-reply": "MsgReadIndexResp",
};

export function typeOf(message: Message): string {
  return TYPES[message.kind];
}

export function toEtcd(message: Message): EtcdMessage {
  const { from, to, term } = message;
  const shape = { from, to, term, type: typeOf(message), log: NOWHERE };
  switch (message.kind) {
    case "append":
      return { ...shape, log: message.previous, commit: message.commit, entries: message.entries };
    case "append-accepted":
      return { ...shape, log: { index: message.matched, term: 0 } };
    case "append-rejected":
      return {
        ...shape,
        log: { index: message.rejected, term: message.hint.term },
        rejectHint: message.hint.index,
      };
    case "heartbeat":
      return { ...shape, commit: message.commit };
    case "vote":
    case "pre-vote":
      return { ...shape, log: message.last };
    case "vote-reply":
    case "pre-vote-reply":
      return message.granted ? shape : { ...shape, rejectHint: 0 };
    case "snapshot":
      return { ...shape, snapshot: message.snapshot };
    case "transfer-leader":
      return { ...shape, from: message.target };
    case "propose":
      return { ...shape, entries: message.proposals };
    default:
      return shape;
  }
}

export function describeMessage(message: EtcdMessage, indent = ""): string {
  const {
    from,
    to,
    type,
    term,
    log,
    commit = 0,
    vote = 0,
    entries = [],
    snapshot = null,
    responses = [],
  } = message;
  let text = `${indent}${target(from)}->${target(to)} ${type} Term:${term} Log:${log.term}/${log.index}`;
  if (message.rejectHint !== undefined) text += ` Rejected (Hint: ${message.rejectHint})`;
  if (commit !== 0) text += ` Commit:${commit}`;
  if (vote !== 0) text += ` Vote:${vote}`;
  if (entries.length === 1) text += ` Entries:[${describeEntry(entries[0]!)}]`;
  if (entries.length > 1) {
    text += ` Entries:[${entries.map((entry) => `\n${indent}  ${describeEntry(entry)}`).join("")}\n${indent}]`;
  }
  if (snapshot !== null && snapshot.index !== 0)
    text += `\n${indent}  Snapshot: ${describeSnapshot(snapshot)}`;
  if (responses.length > 0) {
    const lines = responses.map((response) => `\n${describeMessage(response, `${indent}  `)}`);
    text += ` Responses:[${lines.join("")}\n${indent}]`;
  }
  return text;
}

function target(id: number): string {
  if (id === NOBODY) return "None";
  if (id === APPEND_THREAD) return "AppendThread";
  return id === APPLY_THREAD ? "ApplyThread" : hex(id);
}

export function hex(id: number): string {
  return id.toString(16);
}

/** Marks a change that the scenario proposed in etcd's first form. */
export const FIRST_FORM: Uint8Array = Uint8Array.of(1);

export function describeEntry(entry: Entry | Proposal): string {
  const place = "index" in entry ? `${entry.term}/${entry.index}` : "0/0";
  if (entry.kind === "command") return `${place} EntryNormal ${quote(utf8Text(entry.data))}`;
  const change = decodeMembershipChange(entry.data);
  const type = change.context.length > 0 ? "EntryConfChange" : "EntryConfChangeV2";
  const changes = describeChanges(change.changes);
  return changes === "" ? `${place} ${type}` : `${place} ${type} ${changes}`;
}

const LETTERS: Record<MemberChange["kind"], string> = {
  "add-voter": "v",
  "add-learner": "l",
  remove: "r",
  update: "u",
};

function describeChanges(changes: readonly MemberChange[]): string {
  return changes.map(({ kind, member }) => `${LETTERS[kind]}${member}`).join(" ");
}

/** The changes `v1 l2 r3 u4`. Throws with the text that the scenarios expect. */
export function parseChanges(text: string): MemberChange[] {
  return text
    .split(/\s+/)
    .filter((token) => token !== "")
    .map((token) => {
      if (token.length < 2) throw new Error(`unknown token ${token}`);
      const kind = (Object.keys(LETTERS) as MemberChange["kind"][]).find((key) => LETTERS[key] === token[0]);
      if (kind === undefined) throw new Error(`unknown input: ${token}`);
      return { kind, member: Number(token.slice(1)) };
    });
}

const CHANGE_TYPES: Record<MemberChange["kind"], string> = {
  "add-voter": "ConfChangeAddNode",
  "add-learner": "ConfChangeAddLearnerNode",
  remove: "ConfChangeRemoveNode",
  update: "ConfChangeUpdateNode",
};

const TRANSITIONS: Record<MembershipChange["transition"], string> = {
  auto: "ConfChangeTransitionAuto",
  implicit: "ConfChangeTransitionJointImplicit",
  explicit: "ConfChangeTransitionJointExplicit",
};

export function describeChange({ transition, changes }: MembershipChange): string {
  const each = changes.map(({ kind, member }) => ` changes:{type:${CHANGE_TYPES[kind]} node_id:${member}}`);
  return `transition:${TRANSITIONS[transition]}${each.join("")}`;
}

export function describeSnapshot({ index, term, membership }: SnapshotMetadata): string {
  return `Index:${index} Term:${term} ConfState:${describeConfState(membership)}`;
}

function describeConfState({ voters, outgoing, learners, learnersNext, autoLeave }: Membership): string {
  return (
    `Voters:[${voters.join(" ")}] VotersOutgoing:[${outgoing.join(" ")}] Learners:[${learners.join(" ")}] ` +
    `LearnersNext:[${learnersNext.join(" ")}] AutoLeave:${autoLeave}`
  );
}

export function describeConfig({ voters, outgoing, learners, learnersNext, autoLeave }: Membership): string {
  let text = `voters=${idSet(voters)}`;
  if (outgoing.length > 0) text += `&&${idSet(outgoing)}`;
  if (learners.length > 0) text += ` learners=${idSet(learners)}`;
  if (learnersNext.length > 0) text += ` learners_next=${idSet(learnersNext)}`;
  return autoLeave ? `${text} autoleave` : text;
}

function idSet(ids: readonly number[]): string {
  return `(${ids.map(hex).join(" ")})`;
}

const PROGRESS_STATES: Record<ProgressState, string> = {
  probe: "StateProbe",
  replicate: "StateReplicate",
  snapshot: "StateSnapshot",
};

/** What is printed of a progress. */
export interface ProgressView {
  readonly state: ProgressState;
  readonly matched: number;
  readonly next: number;
  readonly isLearner: boolean;
  readonly isPaused: boolean;
  readonly pendingSnapshot: number;
  readonly isActive: boolean;
  readonly inflight: { readonly count: number; readonly isFull: boolean };
}

export function describeProgress(progress: ProgressView): string {
  const { state, matched, next, isLearner, isPaused, pendingSnapshot, isActive, inflight } = progress;
  let text = `${PROGRESS_STATES[state]} match=${matched} next=${next}`;
  if (isLearner) text += " learner";
  if (isPaused) text += " paused";
  if (pendingSnapshot > 0) text += ` pendingSnap=${pendingSnapshot}`;
  if (!isActive) text += " inactive";
  if (inflight.count > 0) text += ` inflight=${inflight.count}${inflight.isFull ? "[full]" : ""}`;
  return text;
}

const ROLES: Record<RoleKind, string> = {
  follower: "StateFollower",
  "pre-candidate": "StatePreCandidate",
  candidate: "StateCandidate",
  leader: "StateLeader",
};

export function roleName(role: RoleKind): string {
  return ROLES[role];
}

export function describeHardState({ term, vote, commit }: HardState): string {
  return `Term:${term}${vote === undefined ? "" : ` Vote:${vote}`} Commit:${commit}`;
}

const ESCAPES: Record<string, string> = {
  '"': '\\"',
  "\\": "\\\\",
  "\x07": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
};

/** As Go's %q. */
function quote(text: string): string {
  let quoted = "";
  for (const char of text) {
    const code = char.codePointAt(0)!;
    quoted +=
      ESCAPES[char] ?? (code < 32 || code === 127 ? `\\x${code.toString(16).padStart(2, "0")}` : char);
  }
  return `"${quoted}"`;
}
