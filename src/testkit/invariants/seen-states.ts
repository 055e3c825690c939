import type { Index } from "../../log/entry.ts";
import type { MemberEvent } from "../simulation/event.ts";
import { structureKey } from "../structure.ts";

export type StateSeen = Extract<MemberEvent, { kind: "state" }>;

/** The first state that was seen at each index, by its snapshot's checksum and by what the machine shows of it. */
export class SeenStates {
  readonly #first = new Map<Index, { readonly hash: number; readonly view: string }>();

  /** In which way a state differs from the first one at its index, or null. */
  difference({ index, hash, view }: StateSeen): string | null {
    const seen = { hash, view: view === undefined ? "" : structureKey(view) };
    const first = this.#first.get(index);
    if (first === undefined) this.#first.set(index, seen);
    else if (first.view !== seen.view) return `${seen.view} is not ${first.view}`;
    else if (first.hash !== seen.hash) return "its snapshot is another";
    return null;
  }
}
