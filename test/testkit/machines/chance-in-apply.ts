import type { Applied, StateMachine } from "../../../src/replica/state-machine.ts";
import { pick } from "../../../src/testkit/generate.ts";
import { jsonChunks, jsonOf, type Sample } from "./sample.ts";

type Command = { readonly kind: "enter"; readonly name: string } | { readonly kind: "draw" };

/** Draws one of those who entered, by chance of its own. */
class Raffle implements StateMachine<Command, string | null> {
  #names: string[] = [];

  apply(batch: readonly Applied<Command>[]): (string | null)[] {
    return batch.map(({ command }) => {
      if (command.kind === "enter") {
        this.#names.push(command.name);
        return null;
      }
      return this.#names.splice(Math.floor(Math.random() * this.#names.length), 1)[0] ?? null;
    });
  }

  query(): number {
    return this.#names.length;
  }

  snapshot(): Iterable<Uint8Array> {
    return jsonChunks(this.#names);
  }

  restore(chunks: Iterable<Uint8Array>): void {
    this.#names = jsonOf(chunks);
  }
}

export const chanceInApply: Sample<Command, string | null, void> = {
  story: "rolls dice while it applies",
  make: () => new Raffle(),
  commands: pick<Command>({ kind: "enter", name: "ada" }, { kind: "enter", name: "bob" }, { kind: "draw" }),
  breaks: "determinism",
  shows: ["S1", "S5"],
};
