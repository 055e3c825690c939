import type { Applied, StateMachine } from "../../../src/replica/state-machine.ts";
import { pick, record } from "../../../src/testkit/generate.ts";
import { jsonChunks, jsonOf, type Sample } from "./sample.ts";

type Command = { readonly title: string };

let lastId = 0;

/** Gives ids from a counter of the module, which all instances in a process share. */
class Tasks implements StateMachine<Command, number> {
  #tasks: [id: number, title: string][] = [];

  apply(batch: readonly Applied<Command>[]): number[] {
    return batch.map(({ command }) => this.#tasks.push([++lastId, command.title]) && lastId);
  }

  query(): number {
    return this.#tasks.length;
  }

  snapshot(): Iterable<Uint8Array> {
    return jsonChunks(this.#tasks);
  }

  restore(chunks: Iterable<Uint8Array>): void {
    this.#tasks = jsonOf(chunks);
  }
}

export const sharedState: Sample<Command, number, void> = {
  story: "keeps state outside of the instance",
  make: () => new Tasks(),
  commands: record({ title: pick("wash", "dry") }),
  breaks: "determinism",
  shows: ["S1", "S5"],
};
