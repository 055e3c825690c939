/**
 * What a cluster agrees on is applied to one of these, in the same order on every member. Implement it to replicate
 * a state of your own.
 *
 * The duty: be deterministic. The same commands in the same order must give the same state and the same results on
 * every member, today and after a restart. So no clock, no randomness, no environment: what is needed of these comes
 * in `Applied`.
 */
export interface StateMachine<Command, Result, Query = void, Answer = unknown> {
  /**
   * What this machine is, and which version of its commands it knows: `"bank 2"`. Members whose machines say different
   * things refuse each other, with ERR_OPTION_MISMATCH. Not set is a kind of its own.
   */
  readonly kind?: string;

  /**
   * Applies commands in order and returns one result for each. Results go only to the member that proposed the
   * command. To refuse a command return a result that says so: throwing stops the member, since the others might
   * not have thrown. (Or, by `onApplyError: "report"`, it refuses the command: then leave the state as it was.)
   */
  apply(batch: readonly Applied<Command>[]): readonly Result[];

  /** Answers from the present state, without changing it. */
  query(query: Query): Answer;

  /**
   * The whole state as of now, in chunks of any size. The chunks are taken one after the other while later commands
   * are already applied, and must not show these: copy first, or keep what the iterator still needs.
   */
  snapshot(): Iterable<Uint8Array>;

  /** Replaces the whole state by one that `snapshot` gave, on this or another member; chunk borders may differ. */
  restore(chunks: Iterable<Uint8Array>): void;

  /**
   * The same bit by bit, for a state whose restoring takes longer than others should wait: when a leader's snapshot
   * replaces the state of a running member this is used where it is there. Until it has finished the machine shows its
   * old state; nothing is applied meanwhile. What is begun and not finished is forgotten.
   */
  beginRestore?(): Restoration;

  /**
   * Begins to sum up the state as it is now: a number that is the same on all members whose state is the same. What it
   * gives is called again and again, while later commands are applied already, until it answers with that whole number and
   * no longer with null; each call should take a few milliseconds at most. With it, members whose states have come apart
   * notice it.
   */
  beginHash?(): () => number | undefined;
}

/** A state on its way in. What throws stops the member. */
export interface Restoration {
  /** Takes the next piece of what `snapshot` gave; some tens of KiB at a time. Keep no view of it. */
  write(piece: Uint8Array): void;
  /**
   * Called after the last piece, again and again until it answers true: then the machine shows the new state. Each call
   * should take a few milliseconds at most.
   */
  finish(): boolean;
}

/** A committed command, with its place in the log and its time. */
export interface Applied<Command> {
  readonly index: number;
  readonly term: number;
  /**
   * Milliseconds since 1970, the same on all members; never goes back. It is the wall clock of the leader that appended
   * the command. Where that is behind the time of an earlier command, time goes on from there by the leader's monotonic
   * clock, a sixteenth slower than that, until the wall clock has caught up.
   */
  readonly time: number;
  readonly command: Command;
  /** A number in [0, 1), in place of Math.random(): another one with each call, and the same ones on all members. */
  random(): number;
}

/** How values become bytes and bytes values. `decode` throws on bytes that `encode` cannot have given. */
export interface Codec<Value> {
  readonly name: string;
  encode(value: Value): Uint8Array;
  decode(bytes: Uint8Array): Value;
}
