import type { Applied, StateMachine } from "../../../src/replica/state-machine.ts";
import { pick, record } from "../../../src/testkit/generate.ts";
import { jsonChunks, jsonOf, type Sample } from "./sample.ts";

type Command = { readonly flag: string; readonly on: boolean };

/** Restores into the map that is there, so that what the snapshot does not have stays. */
class Flags implements StateMachine<Command, number, string, boolean> {
  readonly #on = new Set<string>();

  apply(batch: readonly Applied<Command>[]): number[] {
    return batch.map(({ command }) => {
      if (command.on) this.#on.add(command.flag);
      else this.#on.delete(command.flag);
      return this.#on.size;
    });
  }

  query(flag: string): boolean {
    return this.#on.has(flag);
  }

  snapshot(): Iterable<Uint8Array> {
    return jsonChunks([...this.#on].sort());
  }

  restore(chunks: Iterable<Uint8Array>): void {
    for (const flag of jsonOf<string[]>(chunks)) this.#on.add(flag);
  }
}

export const mergingRestore: Sample<Command, number, string, boolean> = {
  story: "restores on top of what was there",
  make: () => new Flags(),
  commands: record({ flag: pick("a", "b", "c"), on: pick(true, false) }),
  queries: pick("a", "b", "c"),
  breaks: "restoring",
  shows: ["S1", "S2", "S5"],
};
