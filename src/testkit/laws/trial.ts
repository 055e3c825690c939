import type { Clock } from "../../base/clock.ts";
import { Random } from "../../base/random.ts";
import type { OnApplyError } from "../../replica/apply/execution.ts";
import type { Codec, StateMachine } from "../../replica/state-machine.ts";
import type { LawName } from "./breach.ts";
import type { Poison } from "./poison.ts";
import type { Step } from "./steps.ts";
import { Subject } from "./subject.ts";

/** What a law is shown: steps to apply, and whatever else it needs to judge a machine by them. */
export interface Trial<Command, Result, Query, Answer> {
  readonly make: () => StateMachine<Command, Result, Query, Answer>;
  readonly codec: Codec<Command>;
  readonly steps: readonly Step<Command>[];
  /** Other steps, for an instance that has a past of its own. */
  readonly past: readonly Step<Command>[];
  readonly queries: readonly Query[];
  readonly poison: Poison;
  readonly clock: Clock;
  readonly applyMsMax: number;
  readonly onApplyError: OnApplyError;
  /** Whether equal states must give equal snapshots, byte by byte. */
  readonly comparesSnapshots: boolean;
  readonly seed: number;
}

/** A law that every state machine must keep. `check` throws a `Breach`. */
export interface Law {
  readonly name: LawName;
  /** What is wrong where it is broken, as a sentence. */
  readonly says: string;
  check<Command, Result, Query, Answer>(trial: Trial<Command, Result, Query, Answer>): void;
}

export function newSubject<Command, Result, Query, Answer>({
  make,
  codec,
  onApplyError,
}: Trial<Command, Result, Query, Answer>): Subject<Command, Result, Query, Answer> {
  return new Subject(make(), codec, onApplyError);
}

/** Chance of the trial's own: the same each time that the law looks at it. */
export function chanceOf(trial: { readonly seed: number }): Random {
  return new Random(trial.seed);
}
