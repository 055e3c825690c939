import type { Index, MemberId } from "../../../log/entry.ts";
import { type Check, Violation } from "../../check.ts";
import type { Picture } from "../../simulation/seen/picture.ts";
import type { SimEvent } from "../../simulation/seen/sim-event.ts";

/** What a process has committed and applied, as far as it got. */
interface Cursors {
  committed: Index;
  applied: Index;
}

export class CursorOrder implements Check {
  readonly name = "R6";
  readonly says =
    "What is committed and applied never goes back, and entries are applied one after the other.";
  readonly kinds = ["started", "committed", "applied", "restored"] as const;
  readonly #cursors = new Map<MemberId, Cursors>();

  observe(event: SimEvent, picture: Picture): void {
    switch (event.kind) {
      case "started": {
        const index = event.recovered.snapshot?.index ?? 0;
        this.#cursors.set(event.member, { committed: index, applied: index });
        return;
      }
      case "committed":
        this.#committed(event.member, event.to, picture);
        return;
      case "applied":
        this.#applied(event.member, event.entry.index);
        return;
      case "restored": {
        const cursors = this.#of(event.member);
        const { index } = event.snapshot;
        if (index < cursors.applied)
          this.#fail(event.member, `goes back from ${cursors.applied} to snapshot ${index}`);
        cursors.applied = index;
        cursors.committed = Math.max(cursors.committed, index);
      }
    }
  }

  #committed(member: MemberId, to: Index, picture: Picture): void {
    const cursors = this.#of(member);
    if (to < cursors.committed) this.#fail(member, `goes back from commit ${cursors.committed} to ${to}`);
    const { lastIndex } = picture.member(member).log;
    if (to > lastIndex) this.#fail(member, `commits ${to} with a log that ends at ${lastIndex}`);
    cursors.committed = to;
  }

  #applied(member: MemberId, index: Index): void {
    const cursors = this.#of(member);
    if (index !== cursors.applied + 1) this.#fail(member, `applies ${index} after ${cursors.applied}`);
    if (index > cursors.committed)
      this.#fail(member, `applies ${index}, but has committed up to ${cursors.committed}`);
    cursors.applied = index;
  }

  #of(member: MemberId): Cursors {
    let cursors = this.#cursors.get(member);
    if (cursors === undefined) {
      cursors = { committed: 0, applied: 0 };
      this.#cursors.set(member, cursors);
    }
    return cursors;
  }

  #fail(member: MemberId, what: string): never {
    throw new Violation(this, `Member ${member} ${what}.`);
  }
}
