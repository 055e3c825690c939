import { isBytes, rethrowing, synchronous } from "../base/foreign.ts";
import { describe } from "../base/options.ts";
import { machineError } from "./failure.ts";
import type { StateMachine } from "./state-machine.ts";

/** The chunks of a state machine's snapshot as of now. Throws ERR_MACHINE where the machine throws, or gives no bytes. */
export class StateChunks implements IterableIterator<Uint8Array> {
  readonly #chunks: Iterator<unknown>;

  constructor(machine: Pick<StateMachine<never, unknown, never>, "snapshot">) {
    this.#chunks = asked(() => {
      const chunks: unknown = synchronous(machine.snapshot(), "snapshot");
      if (isIterable(chunks)) return chunks[Symbol.iterator]();
      throw new TypeError(`snapshot returned ${describe(chunks)}, not an iterable of Uint8Arrays`);
    });
  }

  next(): IteratorResult<Uint8Array> {
    return asked(() => {
      const { done, value } = synchronous(this.#chunks.next(), "next");
      if (done === true) return { done, value: undefined };
      if (isBytes(value)) return { done: false, value };
      throw new TypeError(`a chunk of a snapshot must be a Uint8Array, not ${describe(value)}`);
    });
  }

  /** Nothing more is wanted. */
  return(): IteratorResult<Uint8Array> {
    asked(() => this.#chunks.return?.());
    return { done: true, value: undefined };
  }

  [Symbol.iterator](): this {
    return this;
  }
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.iterator in value;
}

function asked<Value>(ask: () => Value): Value {
  return rethrowing(ask, (cause) => machineError("snapshot", cause));
}
