import type { Applied, StateMachine } from "../../../src/replica/state-machine.ts";
import { integer, pick, record } from "../../../src/testkit/generate.ts";
import { jsonChunks, jsonOf, type Sample } from "./sample.ts";

type Command = { readonly from: string; readonly to: string; readonly amount: number };

/** Takes the money first, and throws when there is not enough. */
class Bank implements StateMachine<Command, string, string, number> {
  #balances = new Map([["ada", 100]]);

  apply(batch: readonly Applied<Command>[]): string[] {
    return batch.map(({ command: { from, to, amount } }) => {
      this.#balances.set(from, this.query(from) - amount);
      if (this.query(from) < 0) throw new RangeError("insufficient funds");
      this.#balances.set(to, this.query(to) + amount);
      return "done";
    });
  }

  query(name: string): number {
    return this.#balances.get(name) ?? 0;
  }

  snapshot(): Iterable<Uint8Array> {
    return jsonChunks([...this.#balances]);
  }

  restore(chunks: Iterable<Uint8Array>): void {
    this.#balances = new Map(jsonOf<[string, number][]>(chunks));
  }
}

export const throwingRefusal: Sample<Command, string, string, number> = {
  story: "throws to refuse, after it has begun",
  make: () => new Bank(),
  commands: record({ from: pick("ada", "bob"), to: pick("ada", "bob"), amount: integer(1, 60) }),
  queries: pick("ada", "bob"),
  breaks: "answers",
  shows: ["F1"],
};
