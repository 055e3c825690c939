import type { Applied, Codec, StateMachine } from "./state-machine.ts";

/** A state machine of typed commands, as the replica runs it: on the bytes that the log holds. */
export class DecodedMachine<Command, Result, Query, Answer>
  implements StateMachine<Uint8Array, Result, Query, Answer>
{
  readonly #machine: StateMachine<Command, Result, Query, Answer>;
  readonly #codec: Codec<Command>;

  constructor(machine: StateMachine<Command, Result, Query, Answer>, codec: Codec<Command>) {
    this.#machine = machine;
    this.#codec = codec;
  }

  apply(batch: readonly Applied<Uint8Array>[]): readonly Result[] {
    return this.#machine.apply(
      batch.map(({ index, term, time, command }) => ({
        index,
        term,
        time,
        command: this.#codec.decode(command),
      })),
    );
  }

  query(query: Query): Answer {
    return this.#machine.query(query);
  }

  snapshot(): Iterable<Uint8Array> {
    return this.#machine.snapshot();
  }

  restore(chunks: Iterable<Uint8Array>): void {
    this.#machine.restore(chunks);
  }
}
