import type { Check } from "../check.ts";
import type { SimSystem } from "../simulation/system.ts";
import { raftChecks } from "./raft-checks.ts";

/** What holds for whole members with a state machine. Fresh ones for each run: they remember. */
export function memberChecks<Command, Result, Query, Answer>(
  _system: SimSystem<Command, Result, Query, Answer>,
): Check[] {
  return [...raftChecks()];
}
