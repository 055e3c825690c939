import { type Check, Violation } from "../../check.ts";
import type { Chain } from "../../simulation/seen/chain-log.ts";
import type { Picture } from "../../simulation/seen/picture.ts";
import type { SimEvent } from "../../simulation/seen/sim-event.ts";

/** Raft, figure 3: log matching. */
export class LogMatching implements Check {
  readonly name = "R3";
  readonly says = "Two logs that share an entry's index and term are equal up to it.";
  readonly kinds = ["saving"] as const;
  readonly #chains = new Map<number, Chain>();

  observe(event: SimEvent, picture: Picture): void {
    if (event.kind !== "saving") return;
    const { log, name } = picture.member(event.member);
    for (const { index, term } of event.save.entries) {
      const chain = log.chainAt(index);
      if (chain === undefined) continue;
      const place = term * 0x1_0000_0000 + index;
      const known = this.#chains.get(place);
      if (known === undefined) this.#chains.set(place, chain);
      else if (known !== chain) {
        throw new Violation(
          this,
          `The log of ${name} up to entry ${index} of term ${term} is not another member's.`,
        );
      }
    }
  }
}
