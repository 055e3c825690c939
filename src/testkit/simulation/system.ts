import type { Clock } from "../../base/clock.ts";
import type { RoleKind } from "../../raft/effects.ts";
import type { Settle } from "../../replica/call.ts";
import type { Codec, StateMachine } from "../../replica/state-machine.ts";
import type { Check } from "../check.ts";
import type { Reference } from "../invariants/reference.ts";

/** What a client asks for: to change the state, or to be told of it. */
export type Input<Command, Query> =
  | { readonly command: Command }
  | { readonly query: Query; readonly consistency?: "linearizable" | "stale" };

/** What is simulated: a state machine, and what runs beside it on each member. */
export interface SimSystem<Command, Result, Query, Answer> {
  makeMachine(): StateMachine<Command, Result, Query, Answer>;
  readonly codec: Codec<Command>;
  /** Makes a call of what stands in a scenario, which is plain JSON. */
  read(operation: unknown): Input<Command, Query>;
  /** What answers are compared with; another machine of the same kind where this is missing. */
  readonly makeReference?: () => Reference<Command, Query>;
  /** What must hold for this machine beyond what holds for all. */
  readonly makeChecks?: () => Check[];
  /** Begins what a member does beside the calls of clients, such as counting the time of leases. */
  attend?(machine: StateMachine<Command, Result, Query, Answer>, member: Attended<Command, Result>): void;
}

/** A running member, for what runs beside its machine. */
export interface Attended<Command, Result> {
  readonly id: number;
  readonly clock: Clock;
  readonly isLeader: boolean;
  propose(command: Command, settle: Settle<Result>): void;
  /** Tells the checks of something that only they understand. */
  note(note: unknown): void;
  onRole(listener: (role: RoleKind, term: number) => void): void;
}
