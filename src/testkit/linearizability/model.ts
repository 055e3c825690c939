/**
 * What a system should do, as if it did one thing at a time. It may be naive and slow; it must be a function: the
 * same state and input, the same answer, and no state is ever changed in place.
 */
export interface Model<State, Input, Output> {
  readonly name: string;
  init(): State;
  /** The state afterwards, and what should be answered. */
  step(state: State, input: Input): readonly [State, Output];
  /** Whether the answer that was seen is as good as the one that was expected. By default they are compared by structure. */
  accepts?(expected: Output, seen: Output, input: Input): boolean;
  /**
   * The names of the parts of the state that this input reads or writes, where parts do not influence each other,
   * such as the keys of a store. Histories of unrelated parts are then checked apart, which is what makes long ones
   * feasible: a history is linearizable when each of its parts is (Herlihy and Wing 1990, locality). Null: everything.
   */
  partsOf?(input: Input): readonly string[] | undefined;
  /**
   * Whether a call that was answered so changed nothing, whatever the state was: a read, or a condition that did not
   * hold. Such calls are placed as soon as they fit, without looking back.
   */
  isRead?(input: Input, output: Output): boolean;
  /** Equal for equal states, and only for these. Needed where a state is not plain data, Map or Set. */
  stateKey?(state: State): string;
}
