/** The pure core and the log: ticks and messages in, effects out. Begin with `Raft` and `Effects`. */

export { Random } from "../base/random.ts";
export {
  type Entry,
  type EntryId,
  type EntryKind,
  entryBytes,
  type Index,
  type MemberId,
  type Proposal,
  type Term,
} from "../log/entry.ts";
export type { SavedNews } from "../log/log.ts";
export { Log, type LogState } from "../log/log.ts";
export type {
  Effects,
  HardState,
  ProposeResult,
  ReadReady,
  RoleKind,
  Save,
  SnapshotMetadata,
  SoftState,
} from "./effects.ts";
export type { InflightWindow } from "./inflight-window.ts";
export { EMPTY_MEMBERSHIP, type MemberChange, type Membership, type MembershipChange } from "./membership.ts";
export { decodeMembershipChange, encodeMembershipChange } from "./membership-codec.ts";
export type {
  AppendAcceptedMessage,
  AppendMessage,
  AppendRejectedMessage,
  CommitNewsMessage,
  Envelope,
  HeartbeatMessage,
  HeartbeatReplyMessage,
  Message,
  PreVoteMessage,
  PreVoteReplyMessage,
  ProposeMessage,
  ProposeReplyMessage,
  QuiesceMessage,
  ReadIndexMessage,
  ReadIndexReplyMessage,
  SnapshotMessage,
  TimeoutNowMessage,
  TransferLeaderMessage,
  VoteMessage,
  VoteReplyMessage,
} from "./message.ts";
export type { RaftOptions } from "./options.ts";
export type { Progress, ProgressState, WindowLimits } from "./progress.ts";
export type { RaftFailure } from "./raft.ts";
export { Raft, type RaftEnvironment, type RaftState } from "./raft.ts";
export type { Refusal, RefusalReason } from "./refusal.ts";
export type { PeerStatus, RaftStatus } from "./status.ts";
export type { Ballot, LogCursors, TraceEvent } from "./trace.ts";
