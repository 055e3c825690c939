import type { Clock } from "../../../base/clock.ts";
import type { RoleKind } from "../../../raft/effects.ts";
import type { Codec, StateMachine } from "../../../replica/state-machine.ts";
import type { Check } from "../../check.ts";
import type { Reference } from "../seen/reference.ts";
import type { Ending } from "../seen/sim-event.ts";

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
  /** A client that remembers something from call to call; one that asks for just what the scenario says where this is missing. */
  readonly makeClient?: () => SimClient;
  /** What the machine shows of its state otherwise than in a snapshot, as plain data: compared between members. */
  view?(machine: StateMachine<Command, Result, Query, Answer>): unknown;
  /** What keeps a machine from being at rest once nobody calls any more, in words, or null. */
  unrest?(machine: StateMachine<Command, Result, Query, Answer>): string | undefined;
  /** What must hold for this machine beyond what holds for all. */
  readonly makeChecks?: () => Check[];
  /** Begins what a member does beside the calls of clients, such as counting the time of leases. */
  attend?(machine: StateMachine<Command, Result, Query, Answer>, member: Attended<Command>): void;
}

/** A client, which may go by what became of its calls. */
export interface SimClient {
  /** What it calls when a scenario has it ask for this. */
  ask(operation: unknown): unknown;
  /** A call of it has ended. Gives what it calls next because of that, or undefined. */
  ended(operation: unknown, ending: Ending): unknown;
}

/** A running member, for what runs beside its machine. */
export interface Attended<Command> {
  readonly id: number;
  readonly clock: Clock;
  readonly isLeader: boolean;
  propose(command: Command, settle: () => void): void;
  /** Tells the checks of something that only they understand. */
  note(note: unknown): void;
  on(event: "role", listener: (role: RoleKind) => void): void;
  off(event: "role", listener: (role: RoleKind) => void): void;
}
