import type { Check } from "../../check.ts";
import type { SimSystem } from "../../simulation/run/sim-system.ts";
import type { Reference } from "../../simulation/seen/reference.ts";
import { raftChecks } from "../raft/raft-checks.ts";
import { DeafToStrangers } from "./deaf-to-strangers.ts";
import { EqualResults } from "./equal-results.ts";
import { EqualStates } from "./equal-states.ts";
import { FaithfulCommands } from "./faithful-commands.ts";
import { FaithfulSnapshots } from "./faithful-snapshots.ts";
import { OwnDirectory } from "./own-directory.ts";
import { RebuiltStates } from "./rebuilt-states.ts";
import { RepeatedRecovery } from "./repeated-recovery.ts";
import { ShadowRecovery } from "./shadow-recovery.ts";
import { SingleEffect } from "./single-effect.ts";
import { SingleProcess } from "./single-process.ts";
import { TrueAnswers } from "./true-answers.ts";

/** What holds for whole members with a state machine. Fresh ones for each run: they remember. */
export function memberChecks<Command, Result, Query, Answer>(
  system: SimSystem<Command, Result, Query, Answer>,
): Check[] {
  return [
    ...raftChecks(),
    new DeafToStrangers(),
    new ShadowRecovery(),
    new RepeatedRecovery(),
    new SingleProcess(),
    new FaithfulSnapshots(),
    new RebuiltStates(),
    new EqualStates(),
    new EqualResults(),
    new SingleEffect(),
    new FaithfulCommands((operation) => system.read(operation)),
    new OwnDirectory(),
    new TrueAnswers(system.makeReference ?? (() => asReference(system)), (operation) =>
      system.read(operation),
    ),
    ...(system.makeChecks?.() ?? []),
  ];
}

/** Another machine of the same kind, which nobody crashes. */
function asReference<Command, Result, Query, Answer>(
  system: SimSystem<Command, Result, Query, Answer>,
): Reference<Command, Query> {
  const machine = system.makeMachine();
  return { apply: (applied) => machine.apply([applied])[0], query: (query) => machine.query(query) };
}
