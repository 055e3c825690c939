import type { Save } from "../../raft/effects.ts";

/** A step that saves nothing but what is given. */
export function step(parts: Partial<Save>): Save {
  return {
    hardState: undefined,
    entries: [],
    snapshot: undefined,
    mustSync: true,
    sendAfter: [],
    last: undefined,
    term: 1,
    ...parts,
  };
}
