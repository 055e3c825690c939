import type { MemberId } from "../../../log/entry.ts";
import type { Membership } from "../../../raft/membership.ts";
import type { ChangeAction, CrashAction, MemberNumber } from "../../scenario.ts";
import type { RandomStream } from "../chance/random-streams.ts";

/** A call of a client, on its way. */
export interface Call {
  readonly operation: number;
  readonly client: number;
  readonly input: unknown;
}

/** What was in a directory: files by their paths. */
export type DirectoryCopy = ReadonlyMap<string, Uint8Array>;

/** One member as the simulation drives it, whatever it is made of. What makes no sense at the moment does nothing. */
export interface SimMember<Frame> {
  readonly number: MemberNumber;
  readonly id: MemberId;
  readonly name: string;
  readonly isUp: boolean;
  readonly isPaused: boolean;
  /** Whether the member was ever meant to run: spares are not, until they are added. */
  readonly isEnlisted: boolean;
  /** Whether it will never run again under this identity: it was removed, wiped or damaged. */
  readonly isLost: boolean;
  /** Whether its disk is not what it was: it was wiped, or bits of it have changed. */
  readonly isDamaged: boolean;
  /** Whether it has all that it ever promised, and will be back. */
  readonly isWhole: boolean;
  readonly isLeader: boolean;
  /** Whether it would answer a read by lease at this moment. */
  readonly hasLease: boolean;
  /** Who takes part, as far as this member knows. */
  readonly membership: Membership;

  /** Begins a process, on what the disk holds. */
  start(): void;
  stop(how: CrashAction["how"]): void;
  pause(): void;
  resume(): void;
  receive(from: MemberNumber, frame: Frame): void;
  /** A frame of this member was lost on its way. */
  lost(to: MemberNumber, frame: Frame): void;
  /** The connection to or from another member broke. */
  disconnected(from: MemberNumber): void;

  call(call: Call): void;
  /** What its machine answers to a query of a scenario at this moment; null where there is nobody to ask. */
  look(operation: unknown): { readonly answer: unknown } | null;
  campaign(): void;
  snapshot(): void;
  transfer(to: MemberNumber): void;
  change(changes: ChangeAction["changes"]): void;

  slowDisk(ms: number): void;
  fillDisk(isFull: boolean): void;
  failDisk(operation: "write" | "sync", after: number): void;
  rot(place: number): void;
  jumpClock(ms: number): void;
  wipe(): void;
  /** A copy of what is in the directory; null when there is nothing to be copied. */
  copyDirectory(): DirectoryCopy | null;
  /** Ends the process, and puts an older copy in the directory's place. */
  putBack(copy: DirectoryCopy): void;
  /** Begins a process on the copy of another one's directory, until `moveBack`. */
  moveInto(copy: DirectoryCopy): void;
  moveBack(): void;
  /** What somebody else might send under this member's name, after what it has sent itself. */
  forge(frame: Frame, chance: RandomStream): Frame | null;
  enlist(): void;
  /** Nothing is broken any more. */
  mend(): void;

  /** Whether this member knows that other one, so that they can talk. */
  knows(id: MemberId, name: string): boolean;
  /** Whether this member knows that the group has agreed on another one's store, so that no other is believed. */
  hasAgreedOn(id: MemberId): boolean;
  /** What keeps the member from being at rest, in words, or null. */
  unrest(): string | null;
}
