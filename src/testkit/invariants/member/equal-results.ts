import type { Index, MemberId } from "../../../log/entry.ts";
import { type Check, Violation } from "../../check.ts";
import type { Picture } from "../../simulation/seen/picture.ts";
import type { SimEvent } from "../../simulation/seen/sim-event.ts";
import { structureKey } from "../../structure.ts";

interface Seen {
  readonly result: string;
  readonly time: number;
  readonly member: MemberId;
}

export class EqualResults implements Check {
  readonly name = "S5";
  readonly says =
    "A command has the same time and the same result on every member, and time never goes back.";
  readonly kinds = ["executed"] as const;
  readonly #seen = new Map<Index, Seen>();
  /** The command that is furthest in the log. */
  #last = { index: 0, time: 0 };

  observe(event: SimEvent, picture: Picture): void {
    if (event.kind !== "executed") return;
    const { member, applied } = event;
    this.#comesAfter(applied);
    const result = structureKey(event.result);
    const seen = this.#seen.get(applied.index);
    if (seen === undefined) this.#seen.set(applied.index, { result, time: applied.time, member });
    else if (seen.result !== result || seen.time !== applied.time) {
      const [here, there] = [picture.nameOf(member), picture.nameOf(seen.member)];
      throw new Violation(
        this,
        `At entry ${applied.index} ${here} has ${shorten(result)} at ${applied.time}, ${there} ${shorten(seen.result)} at ${seen.time}.`,
      );
    }
  }

  #comesAfter({ index, time }: { readonly index: Index; readonly time: number }): void {
    if (index <= this.#last.index) return;
    if (time < this.#last.time) {
      const before = `${this.#last.time} at entry ${this.#last.index}`;
      throw new Violation(this, `The time of entry ${index} is ${time}, after ${before}.`);
    }
    this.#last = { index, time };
  }
}

function shorten(text: string): string {
  return text.length > 120 ? `${text.slice(0, 117)}…` : text;
}
