import type { Applied, StateMachine } from "../../../src/replica/state-machine.ts";
import { pick, record } from "../../../src/testkit/generate.ts";
import { jsonChunks, jsonOf, type Sample } from "./sample.ts";

type Command = { readonly name: string; readonly until: Date };

/** Nothing is wrong with it, but with what JSON makes of a Date. */
class Reminders implements StateMachine<Command, number> {
  #reminders: [string, number][] = [];

  apply(batch: readonly Applied<Command>[]): number[] {
    return batch.map(({ command }) =>
      this.#reminders.push([command.name, typeof command.until === "object" ? Number(command.until) : 0]),
    );
  }

  query(): number {
    return this.#reminders.length;
  }

  snapshot(): Iterable<Uint8Array> {
    return jsonChunks(this.#reminders);
  }

  restore(chunks: Iterable<Uint8Array>): void {
    this.#reminders = jsonOf(chunks);
  }
}

export const lossyCommand: Sample<Command, number, void> = {
  story: "has commands that its codec cannot say",
  make: () => new Reminders(),
  commands: record({ name: pick("a", "b"), until: (random) => new Date(random.between(0, 1_000_000)) }),
  breaks: "the codec",
  shows: ["S6"],
};
