import type { Applied, StateMachine } from "../../../src/replica/state-machine.ts";
import { pick, record } from "../../../src/testkit/generate.ts";
import { jsonChunks, jsonOf, type Sample } from "./sample.ts";

type Command = { readonly cart: string; readonly item: string };

/** Answers with the very list that it keeps. */
class Carts implements StateMachine<Command, readonly string[]> {
  #carts = new Map<string, string[]>();

  apply(batch: readonly Applied<Command>[]): (readonly string[])[] {
    return batch.map(({ command }) => {
      const items = this.#carts.get(command.cart) ?? [];
      this.#carts.set(command.cart, items);
      items.push(command.item);
      return items;
    });
  }

  query(): number {
    return this.#carts.size;
  }

  snapshot(): Iterable<Uint8Array> {
    return jsonChunks([...this.#carts]);
  }

  restore(chunks: Iterable<Uint8Array>): void {
    this.#carts = new Map(jsonOf<[string, string[]][]>(chunks));
  }
}

export const lentState: Sample<Command, readonly string[], void> = {
  story: "hands out its inner list as a result",
  make: () => new Carts(),
  commands: record({ cart: pick("a", "b"), item: pick("pen", "ink") }),
  breaks: "sharing",
  shows: ["S1", "S5"],
};
