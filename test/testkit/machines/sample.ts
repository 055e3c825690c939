import { concatBytes, utf8Bytes, utf8Text } from "../../../src/base/bytes.ts";
import type { StateMachine } from "../../../src/replica/state-machine.ts";
import type { Generator } from "../../../src/testkit/generate.ts";
import type { Spec } from "../../../src/testkit/model.ts";

/** A state machine as a user could have written it, with what is needed to test it. */
export interface Sample<Command = never, Result = unknown, Query = never, Answer = unknown> {
  readonly story: string;
  readonly make: () => StateMachine<Command, Result, Query, Answer>;
  readonly commands: Generator<Command>;
  readonly queries?: Generator<Query>;
  readonly spec?: Spec<unknown, Command, Result, Query, Answer>;
  /** The law that it breaks; "model" where it keeps them all and still does not do what it should. Null when it is right. */
  readonly breaks: string | null;
  /** What a simulated cluster of it breaks: one of these promises, by their names. */
  readonly shows: readonly string[];
}

export function jsonChunks(value: unknown): Uint8Array[] {
  return [utf8Bytes(JSON.stringify(value))];
}

export function jsonOf<Value>(chunks: Iterable<Uint8Array>): Value {
  return JSON.parse(utf8Text(concatBytes([...chunks]))) as Value;
}
