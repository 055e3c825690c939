import type { Entry, EntryId, Index, MemberId, Term } from "../../../log/entry.ts";
import type { HardState, RoleKind, Save, SnapshotMetadata } from "../../../raft/effects.ts";
import type { Membership } from "../../../raft/membership.ts";
import type { Message } from "../../../raft/message.ts";
import type { Applied } from "../../../replica/state-machine.ts";
import type { PowerCut } from "../../../storage/files/memory-disk.ts";
import type { Action } from "../../scenario.ts";
import type { Micros } from "../chance/schedule.ts";

/**
 * What happens in a simulated cluster, as an observer sees it who sees everything. Invariants, the story of a failure
 * and its picture are all made of these. They are plain data, so that a test can write them by hand.
 */
export type SimEvent = { readonly at: Micros } & (
  | {
      readonly kind: "founded";
      readonly snapshot: SnapshotMetadata;
      readonly names: ReadonlyMap<MemberId, string>;
    }
  | { readonly kind: "action"; readonly action: Action; readonly member: MemberId | undefined }
  | { readonly kind: "calm" }
  /** The run is over. */
  | { readonly kind: "ended" }
  /** A member has this id from now on: it was added, or added again. */
  | { readonly kind: "registered"; readonly id: MemberId; readonly name: string }
  | MemberEvent
  | OperationEvent
);

/** What happened to one simulated member. A process is one start of it. */
export type MemberEvent = {
  readonly member: MemberId;
} /** A process has begun, with what its disk gave back. `start` counts the member's processes from 1. */ & (
  | { readonly kind: "started"; readonly start: number; readonly recovered: RecoveredState }
  | { readonly kind: "stopped"; readonly how: StopKind; readonly reason?: string }
  | { readonly kind: "paused"; readonly forMs: number }
  | { readonly kind: "resumed" }
  /** A step for the disk was handed over; or would survive a power cut from now on. */
  | {
      readonly kind: "saving";
      readonly save: Save;
      /** The kind of the message that brought it about, where that is known. */
      readonly cause: Message["kind"] | undefined;
    }
  | { readonly kind: "saved"; readonly save: Save }
  | { readonly kind: "save-failed"; readonly reason: string }
  /** The state machine's state is on the disk, as a snapshot of the member's own. */
  | { readonly kind: "snapshot-taken"; readonly snapshot: SnapshotMetadata }
  | { readonly kind: "sent"; readonly message: Message; readonly id: number }
  | { readonly kind: "received"; readonly message: Message; readonly id: number }
  | { readonly kind: "lost"; readonly message: Message; readonly id: number }
  | {
      readonly kind: "role";
      readonly role: RoleKind;
      readonly term: Term;
      readonly leader: MemberId | undefined;
    }
  | {
      readonly kind: "committed";
      readonly to: Index;
      /** The commit index itself; beyond `to` where a change of membership was applied in between. */
      readonly through: Index;
      readonly term: Term;
      readonly role: RoleKind;
      readonly membership: Membership;
    }
  | { readonly kind: "applied"; readonly entry: Entry }
  /** The state machine was given a command, which came from a client's call unless that is 0. */
  | {
      readonly kind: "executed";
      readonly operation: number;
      readonly applied: Applied<unknown>;
      readonly result: unknown;
    }
  /** The state machine took over a snapshot that a leader sent, or that it found at its start. */
  | { readonly kind: "restored"; readonly snapshot: EntryId }
  | { readonly kind: "membership"; readonly membership: Membership }
  /** A checksum of the machine's state after `index`. */
  | {
      readonly kind: "state";
      readonly index: Index;
      readonly hash: number;
      /** The first bytes of the machine's snapshot. */
      readonly bytes?: Uint8Array;
      /** What the machine shows of itself otherwise than in a snapshot, where it shows anything. */
      readonly view?: unknown;
    }
  | { readonly kind: "read-began"; readonly request: number }
  | {
      readonly kind: "read-ended";
      readonly request: number;
      readonly index: Index;
      readonly isByLease: boolean;
    }
  /** What runs beside a machine has something to tell the checks that come with it. */
  | { readonly kind: "noted"; readonly note: unknown }
  /** The directory was emptied: what starts next is another store under the same name. */
  | { readonly kind: "wiped" }
  /** A start found its directory damaged, and has given up what it could not prove. The others are to make up for it. */
  | { readonly kind: "repaired" }
  /** What the member starts on next is not the directory that it had. */
  | { readonly kind: "directory-replaced"; readonly by: "older copy" | "copy of another's" | "its own" }
  /** The disk was read back as after a power cut, while the member went on. */
  | {
      readonly kind: "shadow";
      readonly cut: PowerCut;
      readonly recovered: RecoveredState | { readonly refused: string };
      /** What the start after that would find, if this one were cut off at once. */
      readonly again: RecoveredState | { readonly refused: string };
    }
  /** Somebody tried to open the directory while the member had it. */
  | { readonly kind: "second-opening"; readonly refused: string | undefined }
  /** A frame came that the member in whose name it came has not sent: the core before and after it. */
  | { readonly kind: "stranger-heard"; readonly before: unknown; readonly after: unknown }
);

/** What a simulated member read back from its disk when it started. */
export interface RecoveredState {
  readonly hardState: HardState;
  readonly snapshot: SnapshotMetadata | undefined;
  readonly entries: readonly Entry[];
}

/**
 * How a simulated process ended. `failed` means that the member stopped itself, `closed` that `close` was
 * called.
 */
export type StopKind = "kill" | PowerCut | "failed" | "closed";

/** What a client calls, and how it ended. `operation` numbers the calls of a run. */
export type OperationEvent =
  | {
      readonly kind: "called";
      readonly operation: number;
      readonly client: number;
      readonly member: MemberId;
      readonly input: unknown;
    }
  | {
      readonly kind: "returned";
      readonly operation: number;
      readonly client: number;
      readonly member: MemberId;
      readonly ending: Ending;
    };

/** `index` is where in the log the call took effect: the entry's place, or what had been applied when a read was answered. */
export type Ending =
  | { readonly is: "answered"; readonly output: unknown; readonly index: Index }
  /** It certainly had no effect and will have none. */
  | { readonly is: "refused"; readonly reason: string }
  | { readonly is: "unknown"; readonly reason: string };

/** The `kind` of a simulated event. */
export type SimEventKind = SimEvent["kind"];
