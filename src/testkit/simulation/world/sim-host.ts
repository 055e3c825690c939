import type { Entry, Index, MemberId } from "../../../log/entry.ts";
import type { MemberNumber, Scenario } from "../../scenario.ts";
import type { RandomStreams } from "../chance/random-streams.ts";
import type { Schedule } from "../chance/schedule.ts";
import type { Ending, SimEvent } from "../seen/sim-event.ts";
import type { Call } from "./sim-member.ts";

/** What a simulated member is given of the world around it. */
export interface SimHost<Frame> {
  readonly schedule: Schedule;
  readonly chance: RandomStreams;
  readonly scenario: Scenario;
  readonly isRecording: boolean;
  emit(event: SimEvent): void;
  returned(call: Call, member: MemberId, ending: Ending): void;
  send(from: MemberNumber, to: MemberNumber, frame: Frame): void;
  /** A frame came to a member that does not run. */
  lost(from: MemberNumber, to: MemberNumber, frame: Frame): void;
  /** A number for a message, never used before. */
  nextFrame(): number;
  numberOf(id: MemberId): MemberNumber | undefined;
  /** A member has another id from now on. */
  register(id: MemberId, number: MemberNumber, name: string): void;
  isCut(from: MemberNumber, to: MemberNumber): boolean;
  /** The entry that was committed there, as an observer knows it. */
  committedEntry(index: Index): Entry | undefined;
  /** Runs when what is happening now is over, at the same time. */
  soon(run: () => void): void;
  /** Lets everything happen now that is to happen soon. */
  drain(): void;
  /** Tells a member what became of a snapshot that it sent. */
  snapshotEnded(from: MemberId, to: MemberId, succeeded: boolean): void;
}
