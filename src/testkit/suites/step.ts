import type { Save } from "../../raft/effects.ts";

/** A step that saves nothing but what is given. */
export function step(parts: Partial<Save>): Save {
  return {
    hardState: null,
    entries: [],
    snapshot: null,
    mustSync: true,
    sendAfter: [],
    last: null,
    term: 1,
    ...parts,
  };
}
