import type { Applied } from "../../../replica/state-machine.ts";
import { type Check, Violation } from "../../check.ts";
import type { Input } from "../../simulation/run/sim-system.ts";
import type { Reference } from "../../simulation/seen/reference.ts";
import type { SimEvent } from "../../simulation/seen/sim-event.ts";
import { structureKey } from "../../structure.ts";

interface Answered {
  readonly operation: number;
  readonly output: unknown;
}

/** Replays all that was agreed on, in its order, and holds each answer against it. */
export class TrueAnswers<Command, Query> implements Check {
  readonly name = "C2";
  readonly says = "Every answer is the one that a single machine would have given at that place in the log.";
  readonly kinds = ["called", "executed", "returned", "ended"] as const;
  readonly #makeReference: () => Reference<Command, Query>;
  readonly #read: (operation: unknown) => Input<Command, Query>;
  readonly #inputs = new Map<number, unknown>();
  readonly #applied: Applied<Command>[] = [];
  readonly #answers = new Map<number, Answered[]>();

  constructor(
    makeReference: () => Reference<Command, Query>,
    read: (operation: unknown) => Input<Command, Query>,
  ) {
    this.#makeReference = makeReference;
    this.#read = read;
  }

  observe(event: SimEvent): void {
    switch (event.kind) {
      case "called":
        this.#inputs.set(event.operation, event.input);
        return;
      case "executed":
        if (event.applied.index > (this.#applied.at(-1)?.index ?? 0)) {
          this.#applied.push(event.applied as Applied<Command>);
        }
        return;
      case "returned":
        if (event.ending.is === "answered")
          this.#answered(event.operation, event.ending.index, event.ending.output);
        return;
      case "ended":
        this.#replay();
    }
  }

  #answered(operation: number, index: number, output: unknown): void {
    const answers = this.#answers.get(index);
    if (answers === undefined) this.#answers.set(index, [{ operation, output }]);
    else answers.push({ operation, output });
  }

  #replay(): void {
    const reference = this.#makeReference();
    const indexes = [...this.#answers.keys()].sort((left, right) => left - right);
    let next = 0;
    for (const index of indexes) {
      let result: unknown;
      for (; next < this.#applied.length && this.#applied[next]!.index <= index; next++) {
        result = reference.apply(this.#applied[next]!);
      }
      for (const answer of this.#answers.get(index)!) this.#compare(answer, index, reference, result);
    }
  }

  #compare(
    { operation, output }: Answered,
    index: number,
    reference: Reference<Command, Query>,
    result: unknown,
  ): void {
    const input = this.#read(this.#inputs.get(operation));
    if (!("command" in input) && reference.query === undefined) return;
    const expected = "command" in input ? result : reference.query!(input.query);
    const [seen, wanted] = [structureKey(output), structureKey(expected)];
    if (seen === wanted) return;
    throw new Violation(this, `Call ${operation} at entry ${index} was answered ${seen}, not ${wanted}.`);
  }
}
