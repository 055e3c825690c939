import { equalBytes } from "../../../base/bytes.ts";
import type { Entry } from "../../../log/entry.ts";
import { type Check, Violation } from "../../check.ts";
import type { Picture } from "../../simulation/seen/picture.ts";
import type { SimEvent } from "../../simulation/seen/sim-event.ts";

/** Raft, figure 3: state machine safety. */
export class StateMachineSafety implements Check {
  readonly name = "R5";
  readonly says = "All members commit and apply the same entry at an index.";
  readonly kinds = ["committed", "applied"] as const;

  observe(event: SimEvent, picture: Picture): void {
    if (event.kind === "committed") this.#committed(event, picture);
    else if (event.kind === "applied") this.#applied(event.member, event.entry, picture);
  }

  #committed({ member: id, to }: Extract<SimEvent, { kind: "committed" }>, picture: Picture): void {
    const { log, name } = picture.member(id);
    const { canon } = picture;
    if (to <= log.base.index) return;
    const chain = log.chainAt(to);
    if (chain !== undefined && chain === canon.chainAt(to)) return;
    throw new Violation(this, `${name} commits up to ${to} another log than was committed before.`);
  }

  #applied(id: number, entry: Entry, picture: Picture): void {
    const known = picture.canon.entryAt(entry.index);
    const { name } = picture.member(id);
    if (known === undefined) {
      if (entry.index <= picture.canon.base.index) return;
      throw new Violation(this, `${name} applies entry ${entry.index}, which nobody has committed.`);
    }
    if (known === entry || (known.term === entry.term && equalBytes(known.data, entry.data))) return;
    throw new Violation(this, `${name} applies another entry at ${entry.index} than was committed there.`);
  }
}
