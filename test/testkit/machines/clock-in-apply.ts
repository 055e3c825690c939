import type { Applied, StateMachine } from "../../../src/replica/state-machine.ts";
import { integer, pick, record } from "../../../src/testkit/generate.ts";
import { jsonChunks, jsonOf, type Sample } from "./sample.ts";

type Command = { readonly name: string; readonly forMs: number };

/** Grants a name for some time; whether it is still granted it asks the clock on the wall. */
class Leases implements StateMachine<Command, boolean, string, boolean> {
  #ends = new Map<string, number>();

  apply(batch: readonly Applied<Command>[]): boolean[] {
    return batch.map(({ command }) => {
      if ((this.#ends.get(command.name) ?? 0) > Date.now()) return false;
      this.#ends.set(command.name, Date.now() + command.forMs);
      return true;
    });
  }

  query(name: string): boolean {
    return this.#ends.has(name);
  }

  snapshot(): Iterable<Uint8Array> {
    return jsonChunks([...this.#ends]);
  }

  restore(chunks: Iterable<Uint8Array>): void {
    this.#ends = new Map(jsonOf<[string, number][]>(chunks));
  }
}

export const clockInApply: Sample<Command, boolean, string, boolean> = {
  story: "asks the clock while it applies",
  make: () => new Leases(),
  commands: record({ name: pick("a", "b"), forMs: integer(0, 1_000) }),
  queries: pick("a", "b"),
  breaks: "determinism",
  shows: ["S1", "S5"],
};
