import type { Index, MemberId, Term } from "../log/entry.ts";
import type { RoleKind } from "../raft/effects.ts";
import type { Membership } from "../raft/membership.ts";
import type { RaftStatus } from "../raft/status.ts";
import type { StorageMetrics } from "../storage/storage-metrics.ts";
import type { PeerTraffic, StrangerCounts } from "../transport/transport.ts";
import type { MemberRecord } from "./members/directory.ts";

/** One member's view of itself and of the group, at one moment. */
export interface ReplicaStatus {
  readonly name: string;
  readonly id: MemberId;
  readonly clusterId: string;
  /** `leaving`: it was removed, and stops once the others need it no more. */
  readonly state: "open" | "leaving" | "closing" | "closed" | "failed";
  readonly role: RoleKind;
  /** The leader's name, or undefined when none is known. */
  readonly leader: string | undefined;
  readonly term: Term;
  readonly commit: Index;
  readonly applied: Index;
  /** The newest snapshot's index, or 0. */
  readonly snapshot: Index;
  readonly members: readonly MemberRecord[];
  readonly membership: Membership;
  /** Whether its disk was damaged, and its peers have not yet sent what it lost: until then it neither votes nor leads. */
  readonly isRepairing: boolean;
  /** Whether its disk has no room for more: writes are refused until it has. */
  readonly isDiskFull: boolean;
  /** Commands that wait here. */
  readonly proposals: number;
  /** Frames that were dropped because they were malformed or came from nobody we know. */
  readonly framesRefused: number;
  /** The core's own view: progress of each peer, budgets, reads. */
  readonly raft: RaftStatus;
}

/** What a member's disk and network have counted since its start: nothing where they do not count. */
export interface ReplicaMetrics {
  readonly storage: StorageMetrics | undefined;
  readonly peers: readonly PeerTraffic[];
  readonly strangers: StrangerCounts | undefined;
}

/** The state that a cluster had agreed on at one index. */
export interface CapturedState {
  readonly clusterId: string;
  readonly index: Index;
  readonly term: Term;
  /** Milliseconds since 1970, by the cluster's own time as of that entry. */
  readonly time: number;
  /** What `StateMachine.snapshot` gives. */
  readonly chunks: Iterable<Uint8Array>;
}
