import type { MemberId } from "../../log/entry.ts";
import type { Membership } from "../../raft/membership.ts";
import type { ChangeAction, CrashAction, MemberNumber } from "../scenario.ts";

/** A call of a client, on its way. */
export interface Call {
  readonly operation: number;
  readonly client: number;
  readonly input: unknown;
}

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
  readonly isLeader: boolean;
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
  enlist(): void;
  /** Nothing is broken any more. */
  mend(): void;

  /** Whether this member knows that the group has agreed on another one's store, so that no other is believed. */
  hasAgreedOn(id: MemberId): boolean;
  /** Whether this member's list of members names that one. */
  knows(id: MemberId): boolean;
  /** What keeps the member from being at rest, in words, or null. */
  unrest(): string | null;
}
