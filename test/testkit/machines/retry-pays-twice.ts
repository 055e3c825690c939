import type { Applied, StateMachine } from "../../../src/replica/state-machine.ts";
import { integer, pick, record } from "../../../src/testkit/generate.ts";
import type { Spec } from "../../../src/testkit/model.ts";
import { jsonChunks, jsonOf, type Sample } from "./sample.ts";

type Command = { readonly request: string; readonly to: string; readonly amount: number };
type State = { readonly done: readonly string[]; readonly balances: Readonly<Record<string, number>> };

/** Remembers the last request only, so that a retry that comes after another request pays twice. */
class Payments implements StateMachine<Command, number, string, number> {
  #balances = new Map<string, number>();
  #last = "";

  apply(batch: readonly Applied<Command>[]): number[] {
    return batch.map(({ command: { request, to, amount } }) => {
      if (request !== this.#last) this.#balances.set(to, this.query(to) + amount);
      this.#last = request;
      return this.query(to);
    });
  }

  query(name: string): number {
    return this.#balances.get(name) ?? 0;
  }

  snapshot(): Iterable<Uint8Array> {
    return jsonChunks([[...this.#balances], this.#last]);
  }

  restore(chunks: Iterable<Uint8Array>): void {
    const [balances, last] = jsonOf<[[string, number][], string]>(chunks);
    this.#balances = new Map(balances);
    this.#last = last;
  }
}

const spec: Spec<State, Command, number, string, number> = {
  init: () => ({ done: [], balances: {} }),
  step({ done, balances }, { command: { request, to, amount } }) {
    const before = balances[to] ?? 0;
    if (done.includes(request)) return [{ done, balances }, before];
    return [{ done: [...done, request], balances: { ...balances, [to]: before + amount } }, before + amount];
  },
  answer: ({ balances }, name) => balances[name] ?? 0,
};

export const retryPaysTwice: Sample<Command, number, string, number> = {
  story: "takes a retry for a new request",
  make: () => new Payments(),
  commands: record({ request: pick("r1", "r2", "r3"), to: pick("ada", "bob"), amount: integer(1, 9) }),
  queries: pick("ada", "bob"),
  spec: spec as Spec<unknown, Command, number, string, number>,
  breaks: "model",
  shows: ["C2"],
};
