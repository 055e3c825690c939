import type { Index, MemberId } from "../../../log/entry.ts";
import { type Check, Violation } from "../../check.ts";
import type { Picture } from "../../simulation/seen/picture.ts";
import type { SimEvent } from "../../simulation/seen/sim-event.ts";
import { SeenStates } from "./seen-states.ts";

/** What etcd 3.5.0 got wrong: the index of what was applied was kept apart from the state (its post-mortem of 2022). */
export class RebuiltStates implements Check {
  readonly name = "S3";
  readonly says = "What a start makes of its snapshot and its log is the state that was there before.";
  readonly kinds = ["started", "state"] as const;
  readonly #states = new SeenStates();
  /** Up to where each process goes by what it found on its disk. */
  readonly #found = new Map<MemberId, Index>();

  observe(event: SimEvent, picture: Picture): void {
    if (event.kind === "started") {
      const { entries, snapshot } = event.recovered;
      this.#found.set(event.member, entries.at(-1)?.index ?? snapshot?.index ?? 0);
    } else if (event.kind === "state") {
      const difference = this.#states.difference(event);
      if (difference === null || event.index > (this.#found.get(event.member) ?? 0)) return;
      const name = picture.nameOf(event.member);
      throw new Violation(this, `${name} has started and rebuilt entry ${event.index}: ${difference}.`);
    }
  }
}
