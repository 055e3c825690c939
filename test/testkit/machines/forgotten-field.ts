import type { Applied, StateMachine } from "../../../src/replica/state-machine.ts";
import { pick } from "../../../src/testkit/generate.ts";
import { jsonChunks, jsonOf, type Sample } from "./sample.ts";

type Command = { readonly kind: "open" | "close" };

/** Numbers tickets; the snapshot has the open ones, and not the number of the next. */
class Tickets implements StateMachine<Command, number | null> {
  #open: number[] = [];
  #next = 1;

  apply(batch: readonly Applied<Command>[]): (number | null)[] {
    return batch.map(({ command }) => {
      if (command.kind === "close") return this.#open.shift() ?? null;
      this.#open.push(this.#next);
      return this.#next++;
    });
  }

  query(): number {
    return this.#open.length;
  }

  snapshot(): Iterable<Uint8Array> {
    return jsonChunks(this.#open);
  }

  restore(chunks: Iterable<Uint8Array>): void {
    this.#open = jsonOf(chunks);
    this.#next = (this.#open.at(-1) ?? 0) + 1;
  }
}

export const forgottenField: Sample<Command, number | null, void> = {
  story: "forgets a field in its snapshot",
  make: () => new Tickets(),
  commands: pick<Command>({ kind: "open" }, { kind: "close" }),
  breaks: "the round trip",
  shows: ["S1", "S5"],
};
