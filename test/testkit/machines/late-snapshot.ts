import type { Applied, StateMachine } from "../../../src/replica/state-machine.ts";
import { integer, record } from "../../../src/testkit/generate.ts";
import { jsonChunks, jsonOf, type Sample } from "./sample.ts";

type Command = { readonly by: number };

/** Its snapshot is a generator function, which runs only when the first chunk is asked for. */
class Counter implements StateMachine<Command, number> {
  #count = 0;

  apply(batch: readonly Applied<Command>[]): number[] {
    return batch.map(({ command }) => {
      this.#count += command.by;
      return this.#count;
    });
  }

  query(): number {
    return this.#count;
  }

  *snapshot(): Iterable<Uint8Array> {
    yield* jsonChunks(this.#count);
  }

  restore(chunks: Iterable<Uint8Array>): void {
    this.#count = jsonOf(chunks);
  }
}

export const lateSnapshot: Sample<Command, number, void> = {
  story: "takes its snapshot later than it was asked to",
  make: () => new Counter(),
  commands: record({ by: integer(1, 5) }),
  breaks: "the cut",
  shows: ["S1", "S2", "S5"],
};
