import type { Index } from "../../../log/entry.ts";
import type { MemberEvent } from "../../simulation/seen/sim-event.ts";
import { structureKey } from "../../structure.ts";
import { shownStates } from "./shown-states.ts";

export type StateSeen = Extract<MemberEvent, { kind: "state" }>;

/** The first state that was seen at each index, by its snapshot's checksum and by what the machine shows of it. */
export class SeenStates {
  readonly #first = new Map<Index, { readonly state: StateSeen; readonly view: string }>();

  /** In which way a state differs from the first one at its index, or null. */
  difference(state: StateSeen): string | null {
    const seen = { state, view: state.view === undefined ? "" : structureKey(state.view) };
    const first = this.#first.get(state.index);
    if (first === undefined) this.#first.set(state.index, seen);
    else if (first.view !== seen.view) return `${seen.view} is not ${first.view}`;
    else if (first.state.hash !== state.hash) {
      const [own, other] = shownStates(bytesOf(state), bytesOf(first.state));
      return `its snapshot is another: ${own}, not ${other}`;
    }
    return null;
  }
}

/** What they show is alike. */
function bytesOf({ hash, bytes }: StateSeen) {
  return bytes === undefined ? { hash } : { hash, bytes };
}
