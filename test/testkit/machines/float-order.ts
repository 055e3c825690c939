import type { Applied, StateMachine } from "../../../src/replica/state-machine.ts";
import { pick, record } from "../../../src/testkit/generate.ts";
import { jsonChunks, jsonOf, type Sample } from "./sample.ts";

type Command = { readonly account: string; readonly amount: number };

/** Keeps a running total of fractions, and adds it up anew, in another order, when it is restored. */
class Ledger implements StateMachine<Command, number> {
  #balances = new Map<string, number>();
  #total = 0;

  apply(batch: readonly Applied<Command>[]): number[] {
    return batch.map(({ command: { account, amount } }) => {
      this.#balances.set(account, (this.#balances.get(account) ?? 0) + amount);
      this.#total += amount;
      return this.#total;
    });
  }

  query(): number {
    return this.#total;
  }

  snapshot(): Iterable<Uint8Array> {
    return jsonChunks([...this.#balances].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  restore(chunks: Iterable<Uint8Array>): void {
    this.#balances = new Map(jsonOf<[string, number][]>(chunks));
    this.#total = [...this.#balances.values()].reduce((sum, each) => sum + each, 0);
  }
}

export const floatOrder: Sample<Command, number, void> = {
  story: "adds fractions in an order that depends on its past",
  make: () => new Ledger(),
  commands: record({ account: pick("a", "b", "c"), amount: pick(0.1, 0.2, 0.7) }),
  breaks: "the round trip",
  shows: ["S1", "S5"],
};
