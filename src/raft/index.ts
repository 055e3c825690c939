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
export { EMPTY_MEMBERSHIP, type MemberChange, type Membership, type MembershipChange } from "./membership.ts";
export { decodeMembershipChange, encodeMembershipChange } from "./membership-codec.ts";
export type { Message } from "./message.ts";
export { etcdProfile, type RaftOptions } from "./options.ts";
export { Raft, type RaftEnvironment, type RaftState } from "./raft.ts";
export type { Refusal, RefusalReason } from "./refusal.ts";
export type { PeerStatus, RaftStatus } from "./status.ts";
export { SynchronousRaft } from "./synchronous.ts";
export type { TraceEvent } from "./trace.ts";
