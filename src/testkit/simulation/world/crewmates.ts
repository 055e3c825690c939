import type { MemberId } from "../../../log/entry.ts";
import type { MemberNumber } from "../../scenario.ts";

/** The members of a run, as one of them sees the others. */
export interface Crewmates {
  readonly founders: readonly string[];
  byName(name: string): Crewmate | undefined;
  /** Somebody wants to reach somebody else than before. */
  review(): void;
}

export interface Crewmate {
  readonly number: MemberNumber;
  readonly id: MemberId;
  /** Becomes the member that a ticket is for, with a directory of its own. */
  enrol(ticket: string): void;
}
