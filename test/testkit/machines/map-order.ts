import type { Applied, StateMachine } from "../../../src/replica/state-machine.ts";
import { pick } from "../../../src/testkit/generate.ts";
import { jsonChunks, jsonOf, type Sample } from "./sample.ts";

type Command = { readonly kind: "queue" | "leave"; readonly name: string } | { readonly kind: "serve" };

/** Serves whoever came first, by the order of a Map; the snapshot is sorted by name, and so is what is restored. */
class Counter implements StateMachine<Command, string | null> {
  #waiting = new Map<string, number>();

  apply(batch: readonly Applied<Command>[]): (string | null)[] {
    return batch.map(({ command, index }) => {
      if (command.kind === "queue") this.#waiting.set(command.name, index);
      if (command.kind === "leave") this.#waiting.delete(command.name);
      if (command.kind !== "serve") return null;
      const first = this.#waiting.keys().next().value ?? null;
      if (first !== null) this.#waiting.delete(first);
      return first;
    });
  }

  query(): number {
    return this.#waiting.size;
  }

  snapshot(): Iterable<Uint8Array> {
    return jsonChunks([...this.#waiting].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  restore(chunks: Iterable<Uint8Array>): void {
    this.#waiting = new Map(jsonOf<[string, number][]>(chunks));
  }
}

export const mapOrder: Sample<Command, string | null, void> = {
  story: "goes by the order of a Map that a snapshot does not keep",
  make: () => new Counter(),
  commands: pick<Command>(
    { kind: "queue", name: "ada" },
    { kind: "queue", name: "bob" },
    { kind: "leave", name: "ada" },
    { kind: "serve" },
  ),
  breaks: "the round trip",
  shows: ["S1", "S5"],
};
