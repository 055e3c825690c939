import { equalBytes } from "../../../base/bytes.ts";
import type { Entry, MemberId } from "../../../log/entry.ts";
import { type Check, Violation } from "../../check.ts";
import type { Picture } from "../../simulation/seen/picture.ts";
import type { SimEvent } from "../../simulation/seen/sim-event.ts";

/** "Protocol-aware recovery for consensus-based storage" (FAST 2018). By name: who is added again has the same disk. */
export class ContainedDamage implements Check {
  readonly name = "D5";
  readonly says =
    "What a disk has garbled is not taken for what was agreed on, and does not leave the member.";
  readonly kinds = ["action", "started", "sent"] as const;
  readonly #damaged = new Set<string>();

  observe(event: SimEvent, picture: Picture): void {
    if (event.kind === "action") {
      if (event.action.kind === "rot" && event.member !== undefined)
        this.#damaged.add(picture.nameOf(event.member));
    } else if (this.#damaged.size === 0) return;
    else if (event.kind === "started") this.#compare(event.member, event.recovered.entries, "takes", picture);
    else if (event.kind === "sent" && event.message.kind === "append")
      this.#compare(event.member, event.message.entries, "sends", picture);
  }

  #compare(member: MemberId, entries: readonly Entry[], does: string, picture: Picture): void {
    const name = picture.nameOf(member);
    if (!this.#damaged.has(name)) return;
    for (const { index, term, kind, data } of entries) {
      const agreed = picture.canon.entryAt(index);
      if (agreed === undefined || agreed.term !== term) continue;
      if (agreed.kind === kind && equalBytes(agreed.data, data)) continue;
      throw new Violation(
        this,
        `${name} ${does} something else for entry ${index} of term ${term} than it was.`,
      );
    }
  }
}
