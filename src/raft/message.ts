import type { Entry, EntryId, Index, MemberId, Proposal, Term } from "../log/entry.ts";
import type { Refusal } from "./refusal.ts";
import type { SnapshotMetadata } from "./snapshot-metadata.ts";

/** What every message says: who sends it to whom, and the sender's term (of a pre-vote: the term it would stand for). */
export interface Envelope {
  readonly from: MemberId;
  readonly to: MemberId;
  /** 0 where it makes no difference: in forwarded requests, the answers to them, and news of what is committed. */
  readonly term: Term;
}

/** Leader to follower: the entries after `previous` (AppendEntries, 5.3). Without entries it is a probe. */
export interface AppendMessage extends Envelope {
  readonly kind: "append";
  readonly previous: EntryId;
  readonly entries: readonly Entry[];
  readonly commit: Index;
}

/** Follower to leader: my log equals yours up to `matched`, durably. */
export interface AppendAcceptedMessage extends Envelope {
  readonly kind: "append-accepted";
  readonly matched: Index;
}

/** Follower to leader: I do not have `rejected`; the logs may be equal up to `hint`. */
export interface AppendRejectedMessage extends Envelope {
  readonly kind: "append-rejected";
  readonly rejected: Index;
  readonly hint: EntryId;
}

export interface HeartbeatMessage extends Envelope {
  readonly kind: "heartbeat";
  /** Never above what the leader knows the follower to hold. */
  readonly commit: Index;
  /** The newest round of reads that wants confirmation; 0 for none. */
  readonly readRound: number;
}

export interface HeartbeatReplyMessage extends Envelope {
  readonly kind: "heartbeat-reply";
  readonly readRound: number;
}

/** Candidate to voter (RequestVote, 5.2). */
export interface VoteMessage extends Envelope {
  readonly kind: "vote";
  readonly last: EntryId;
  /** Set when the leader itself asked for this election; voters then do not wait for their leader to fall silent. */
  readonly transfer: boolean;
}

export interface VoteReplyMessage extends Envelope {
  readonly kind: "vote-reply";
  readonly granted: boolean;
}

/** Between a candidate and a voter that refused it: all entries up to this one are committed. */
export interface CommitNewsMessage extends Envelope {
  readonly kind: "commit-news";
  readonly committed: EntryId;
}

/** Would you vote for me? Asked before a term is begun, so that nobody is disturbed in vain (thesis, 9.6). */
export interface PreVoteMessage extends Envelope {
  readonly kind: "pre-vote";
  readonly last: EntryId;
}

export interface PreVoteReplyMessage extends Envelope {
  readonly kind: "pre-vote-reply";
  readonly granted: boolean;
}

/** Leader to follower: what you need is compacted away, take this snapshot (InstallSnapshot, 7). Its bytes travel beside the core. */
export interface SnapshotMessage extends Envelope {
  readonly kind: "snapshot";
  readonly snapshot: SnapshotMetadata;
}

/** Leader to the member it hands over to: stand for election at once (thesis, 3.10). */
export interface TimeoutNowMessage extends Envelope {
  readonly kind: "timeout-now";
}

/** Leader to follower: nothing is left to do; let us both sleep until someone asks for something (`quiesceTicks`). */
export interface QuiesceMessage extends Envelope {
  readonly kind: "quiesce";
  /** The end of the leader's log, all of it committed. A follower whose log ends elsewhere stays awake. */
  readonly last: EntryId;
}

/** Asks the leader, through a follower, to hand over to `target`. */
export interface TransferLeaderMessage extends Envelope {
  readonly kind: "transfer-leader";
  readonly target: MemberId;
}

/** A follower forwards proposals to the leader. `request` is the follower's number for this message. */
export interface ProposeMessage extends Envelope {
  readonly kind: "propose";
  readonly request: number;
  readonly proposals: readonly Proposal[];
}

/** The leader's answer to forwarded proposals: the place of the first of them (they lie side by side), or why not. */
export interface ProposeReplyMessage extends Envelope {
  readonly kind: "propose-reply";
  readonly request: number;
  readonly result: EntryId | Refusal;
}

/** A follower asks at which index a linearizable read may be served. */
export interface ReadIndexMessage extends Envelope {
  readonly kind: "read-index";
  readonly request: number;
}

export interface ReadIndexReplyMessage extends Envelope {
  readonly kind: "read-index-reply";
  readonly request: number;
  readonly result: Index | Refusal;
}

/** Everything that one core sends to another, told apart by `kind`. */
export type Message =
  | AppendMessage
  | AppendAcceptedMessage
  | AppendRejectedMessage
  | HeartbeatMessage
  | HeartbeatReplyMessage
  | VoteMessage
  | VoteReplyMessage
  | PreVoteMessage
  | PreVoteReplyMessage
  | CommitNewsMessage
  | SnapshotMessage
  | TimeoutNowMessage
  | QuiesceMessage
  | TransferLeaderMessage
  | ProposeMessage
  | ProposeReplyMessage
  | ReadIndexMessage
  | ReadIndexReplyMessage;
