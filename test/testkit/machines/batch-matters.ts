import type { Applied, StateMachine } from "../../../src/replica/state-machine.ts";
import { integer, record } from "../../../src/testkit/generate.ts";
import { jsonChunks, jsonOf, type Sample } from "./sample.ts";

type Command = { readonly price: number };

/** Sets the highest price of a batch as the price of all in it. */
class Auction implements StateMachine<Command, number> {
  #price = 0;

  apply(batch: readonly Applied<Command>[]): number[] {
    this.#price = Math.max(this.#price, ...batch.map(({ command }) => command.price));
    return batch.map(() => this.#price);
  }

  query(): number {
    return this.#price;
  }

  snapshot(): Iterable<Uint8Array> {
    return jsonChunks(this.#price);
  }

  restore(chunks: Iterable<Uint8Array>): void {
    this.#price = jsonOf(chunks);
  }
}

export const batchMatters: Sample<Command, number, void> = {
  story: "takes a batch for something that means something",
  make: () => new Auction(),
  commands: record({ price: integer(1, 9) }),
  breaks: "batches",
  shows: ["S1", "S5"],
};
