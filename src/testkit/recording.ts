/**
 * One simulated run as plain data: what happened where, and what led to what. It is written as JSON beside the
 * scenario, and `renderReport` makes a page of it. Events stand in the order in which they happened, and are named by
 * their place in that order.
 */
export interface Recording {
  readonly format: 1;
  /** What was run, for the head of the page. */
  readonly title: string;
  /** What chance was made of; null where there was none. */
  readonly seed: number | null;
  readonly members: readonly string[];
  readonly events: readonly RecordedEvent[];
  readonly operations: readonly RecordedOperation[];
  /** What went wrong, or null where nothing did. */
  readonly violation: RecordedViolation | null;
  /** The command line that runs the same again, where there is one. */
  readonly replay: string | null;
}

/** One event of a recorded run, in order of virtual time. */
export interface RecordedEvent {
  /** Virtual milliseconds since the run began; fractions are fine. */
  readonly at: number;
  /** The member or client that it happened to; null for what happens to the network or to all. */
  readonly who: string | null;
  /** The member on the other side, for what passes between it and a client. */
  readonly peer?: string;
  readonly kind: RecordedKind;
  /** What happened, in words, on one line. */
  readonly text: string;
  /**
   * Earlier events without which this one would not have been, other than the one before it at the same member or
   * client: the sending of a message for its receipt, the save for its completion.
   */
  readonly causes?: readonly number[];
  /** What this event changed at its member. */
  readonly state?: RecordedState;
  /** For a partition: who can talk with whom. */
  readonly groups?: readonly (readonly string[])[];
}

/** What a recorded event is about. It decides how the report draws it. */
export type RecordedKind =
  | "send"
  | "receive"
  /** A message that never arrives. */
  | "drop"
  | "role"
  | "commit"
  | "apply"
  | "save"
  | "snapshot"
  | "membership"
  | "crash"
  | "restart"
  | "pause"
  | "resume"
  | "disk"
  | "clock"
  | "partition"
  | "heal"
  /** A client calls, and is answered. */
  | "call"
  | "return"
  | "violation"
  | "note";

/** What changed of a member; what is left out is as it was. */
export interface RecordedState {
  readonly role?: "leader" | "follower" | "candidate" | "pre-candidate" | "learner" | "down";
  readonly term?: number;
  readonly committed?: number;
  readonly applied?: number;
  /** Up to here the log would survive a power cut. */
  readonly saved?: number;
  /** Up to here the log was replaced by a snapshot. */
  readonly snapshot?: number;
  /** From `from` on the log holds entries of these terms, and ends there. */
  readonly log?: {
    readonly from: number;
    readonly terms: readonly number[];
    readonly texts?: readonly string[];
  };
}

/** A client's call, from its `call` event to its `return` event. */
export interface RecordedOperation {
  readonly client: string;
  readonly input: string;
  /** What was answered; null where no answer came. */
  readonly output: string | null;
  readonly outcome: "ok" | "failed" | "unknown";
  readonly call: number;
  readonly return: number | null;
}

/** A check that failed in a recorded run. */
export interface RecordedViolation {
  /** Which invariant, such as "R1 election safety". */
  readonly invariant: string;
  readonly message: string;
  /** The event at which it showed. */
  readonly event: number;
}
