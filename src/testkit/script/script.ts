import type { RoleKind } from "../../raft/effects.ts";
import type { Action, CrashAction, MemberNumber } from "../scenario.ts";

/** What is done at some moment: an action of a scenario, without the moment. */
export type ScriptAction = Action extends infer Each
  ? Each extends Action
    ? Omit<Each, "at">
    : never
  : never;

/**
 * What a script does to a simulated cluster, and sees of it. The script is an ordinary function: each line of it happens
 * at the virtual time that the lines before it have come to. Nothing is awaited. Each deed has a moment of its own, a
 * microsecond at least after what was before.
 *
 * A fault lasts until `end` is called on it, until `heal`, or until the script is over; with `forMs` it ends by itself.
 */
export interface Script<Command, Result, Query, Answer> {
  /** Virtual milliseconds since the run began. */
  readonly now: number;
  /** The founders n1, n2 and so on, and after them the spares. */
  readonly members: readonly ScriptMember[];
  /** Who leads, in the newest term that anybody leads in; null while nobody does. */
  readonly leader: ScriptMember | undefined;
  /** Throws a TypeError where nobody has this name. */
  member(name: string): ScriptMember;
  /** Everybody else. */
  others(...members: readonly ScriptMember[]): ScriptMember[];

  /** Lets this much time pass. */
  pass(ms: number): void;
  /** Lets time pass to the very moment at which something holds. Fails when it does not within 30 s, or `withinMs`. */
  until(holds: () => boolean, withinMs?: number): void;
  /** Lets time pass until somebody leads, or one of these. */
  untilLeader(...among: readonly ScriptMember[]): ScriptMember;

  /** A client proposes a command, to whoever leads where `to` does not say to whom. */
  propose(command: Command, options?: ScriptCallOptions): ScriptCall<Result>;
  /** A client asks, and is to see all that was committed before. */
  query(query: Query, options?: ScriptCallOptions): ScriptCall<Answer>;
  /** What a member's machine would answer at this moment. Disturbs nobody, and may be out of date. */
  look(member: ScriptMember, query: Query): Answer;

  /** Ends a member's process; with power cuts, what was not synced is lost in one of the ways that a disk may lose it. */
  crash(member: ScriptMember, options?: FaultOptions & { readonly how?: CrashAction["how"] }): ActiveFault;
  /** A member stands still, and goes on as if nothing had been. */
  pause(member: ScriptMember, options?: FaultOptions): ActiveFault;
  /** Only members of the same group hear each other. Who is in no group hears nobody. */
  partition(groups: readonly (readonly ScriptMember[])[], options?: FaultOptions): ActiveFault;
  /** Nothing passes from one member to another. In the other direction everything does. */
  cut(from: ScriptMember, to: ScriptMember, options?: FaultOptions): ActiveFault;
  /** The disk takes so much longer for everything. */
  slowDisk(member: ScriptMember, ms: number, options?: FaultOptions): ActiveFault;
  /** The disk has no room. */
  fillDisk(member: ScriptMember, options?: FaultOptions): ActiveFault;
  /** Whoever leads is asked to add a spare, or to make a voter of a learner: one step each. */
  add(member: ScriptMember): void;
  remove(member: ScriptMember): void;
  /** Whoever leads is asked to hand over. */
  transfer(to: ScriptMember): void;
  snapshot(member: ScriptMember): void;
  /** Any action of a scenario; one that lasts has to say for how long. */
  do(deed: ScriptAction): void;
  /** Ends every fault that still lasts. */
  heal(): void;

  /**
   * Mends everything, and lets time pass until the cluster is of one mind and every call has ended, as it must. After
   * that the script can only look. It happens by itself at the end of each script.
   */
  settle(): void;
  /**
   * Each of these members, or each that runs, must answer this to a query if it is looked at now. It becomes a part of
   * the scenario; what else you expect, check with your own test runner, by throwing.
   */
  expect(query: Query, answer: Answer, ...members: readonly ScriptMember[]): void;
}

/** Options of a client's call in a script: which member it goes to, and which client makes it. */
export interface ScriptCallOptions {
  readonly to?: ScriptMember;
  /** Clients are numbered from 0, which is the default. */
  readonly client?: number;
}

/** Options of a fault in a script. */
export interface FaultOptions {
  /** Virtual milliseconds after which the fault ends by itself. */
  readonly forMs?: number;
}

/** A fault that lasts. */
export interface ActiveFault {
  /** Ends it now, if it has not ended. */
  end(): void;
}

/** A member as one sees it who sees everything, at the moment of asking. */
export interface ScriptMember {
  readonly name: string;
  /** As in a scenario: counted from 0. */
  readonly number: MemberNumber;
  readonly isUp: boolean;
  readonly isLeader: boolean;
  readonly role: RoleKind;
  readonly term: number;
  /** The last index of its log, on its disk or on the way there. */
  readonly lastIndex: number;
  /** The last index that would survive a power cut. */
  readonly saved: number;
  readonly committed: number;
  readonly applied: number;
}

/** A call of a client, on its way or ended. */
export interface ScriptCall<Value> {
  /**
   * Null until the call has ended. `refused`: it certainly had no effect and will have none. `unknown`: nobody can say
   * what became of it.
   */
  readonly outcome: "answered" | "refused" | "unknown" | undefined;
  /** Lets time pass until the call has ended, and gives what it was answered. Fails when it was not answered. */
  answer(): Value;
}
