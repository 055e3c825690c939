import { type Clock, systemClock } from "../../base/clock.ts";
import { Random } from "../../base/random.ts";
import { exact } from "../../base/surplus.ts";
import type { OnApplyError } from "../../replica/apply/execution.ts";
import { type CommandCodecName, commandCodec } from "../../replica/calls/command-codec.ts";
import type { Codec, StateMachine } from "../../replica/state-machine.ts";
import type { Generator } from "../generate.ts";
import { answersLaw, boundedWorkLaw } from "./answers-law.ts";
import { Breach, type LawName, LawViolation } from "./breach.ts";
import { codecLaw } from "./codec-law.ts";
import { batchesLaw, determinismLaw, queriesLaw } from "./determinism-law.ts";
import { hashLaw } from "./hash-law.ts";
import { poisonEnvironment } from "./poison.ts";
import { sharingLaw } from "./sharing-law.ts";
import { shorten } from "./shorten.ts";
import { cutLaw, overwriteLaw, restorationLaw, roundTripLaw } from "./snapshot-laws.ts";
import { listOf, stepsOf } from "./steps.ts";
import { guard, Subject } from "./subject.ts";
import type { Law, Trial } from "./trial.ts";

/** Options of `checkLaws`: how to generate commands and queries, and how long to try. */
export interface LawOptions<Command, Query> {
  readonly commands: Generator<Command>;
  /** Without them a state that no result shows is compared by its snapshots only. */
  readonly queries?: Generator<Query> | undefined;
  /** How commands become bytes, as for `createReplica`; `json` by default. */
  readonly codec?: Codec<Command> | CommandCodecName | undefined;
  /** As for `createReplica`: with `report` a command may be refused by throwing, if that leaves the state as it was. */
  readonly onApplyError?: OnApplyError | undefined;
  /** Lists of commands to try first, such as those that once broke a law. */
  readonly examples?: readonly (readonly Command[])[] | undefined;
  /** Snapshots that earlier releases of the machine gave, and that must still be restored. */
  readonly oldSnapshots?: readonly Uint8Array[] | undefined;
  /** How many lists of commands to try; 100 by default. */
  readonly runs?: number | undefined;
  /** The longest list; 20 commands by default. */
  readonly commandsMax?: number | undefined;
  /** Milliseconds after which no further list is begun; 5000 by default. */
  readonly timeLimitMs?: number | undefined;
  /** Milliseconds that one command may take; 250 by default. */
  readonly applyMsMax?: number | undefined;
  /**
   * Whether equal states give equal snapshots, byte by byte; true by default. Say false for a machine whose snapshots
   * may show the same state in several ways, and give queries that show it.
   */
  readonly comparesSnapshots?: boolean | undefined;
  /**
   * Laws that the machine breaks on purpose, such as "sharing" where all callers are known to change nothing. The
   * report names only those that were held against it.
   */
  readonly except?: readonly LawName[] | undefined;
  /** The same seed, the same lists; 1 by default. */
  readonly seed?: number | undefined;
  readonly clock?: Clock | undefined;
}

/** What `checkLaws` tried without finding a violation. */
export interface LawReport {
  readonly laws: readonly LawName[];
  /** How many lists were tried: fewer than asked for when time was up. */
  readonly runs: number;
  readonly commands: number;
}

const LAWS: readonly Law[] = [
  ...[codecLaw, answersLaw, determinismLaw, batchesLaw, queriesLaw, sharingLaw],
  ...[cutLaw, roundTripLaw, overwriteLaw, restorationLaw, hashLaw, boundedWorkLaw],
];
const SHORTER_TRIES = 500;
const QUERIES_MAX = 8;

/**
 * Holds a state machine against the laws that replication rests on: it does the same everywhere, shares nothing, and
 * its snapshots are whole. Throws a `LawViolation` with the shortest list of commands that it found.
 */
export const checkLaws = exact("checkLaws", 2, function checkLaws<
  Command,
  Result,
  Query = void,
  Answer = unknown,
>(make: () => StateMachine<Command, Result, Query, Answer>, options: LawOptions<Command, Query>): LawReport {
  const { runs = 100, seed = 1, timeLimitMs = 5_000, clock = systemClock } = options;
  const { examples = [], except = [] } = options;
  const laws = LAWS.filter(({ name }) => !except.includes(name));
  const poison = poisonEnvironment();
  try {
    checkOldSnapshots(make, options);
    const end = clock.monotonic() + timeLimitMs;
    let [done, commands] = [0, 0];
    const judgeAll = (seed: number, example?: readonly Command[]): void => {
      const trial = { ...trialOf(make, options, seed, example), poison, clock };
      judge(answersLaw, { ...trial, steps: trial.past }, seed);
      for (const law of laws) judge(law, trial, seed);
      commands += trial.steps.length;
      done++;
    };
    for (const example of examples) judgeAll(seed, example);
    for (let run = 0; run < runs && (done === 0 || clock.monotonic() < end); run++) judgeAll(seed + run);
    return { laws: laws.map(({ name }) => name), runs: done, commands };
  } finally {
    poison.remove();
  }
});

function trialOf<Command, Result, Query, Answer>(
  make: () => StateMachine<Command, Result, Query, Answer>,
  options: LawOptions<Command, Query>,
  seed: number,
  example: readonly Command[] | undefined,
): Omit<Trial<Command, Result, Query, Answer>, "poison" | "clock"> {
  const { commandsMax = 20, applyMsMax = 250, comparesSnapshots = true, onApplyError = "stop" } = options;
  const codec = commandCodec(options.codec ?? "json");
  const random = new Random(seed);
  const commands = example ?? listOf(options.commands, commandsMax, random);
  const past = listOf(options.commands, commandsMax, random);
  const queries = options.queries === undefined ? [] : listOf(options.queries, QUERIES_MAX, random);
  return {
    ...{ make, codec, queries, applyMsMax, onApplyError, comparesSnapshots, seed },
    steps: stepsOf(commands, codec, random),
    past: stepsOf(past, codec, random),
  };
}

function judge<Command, Result, Query, Answer>(
  law: Law,
  trial: Trial<Command, Result, Query, Answer>,
  seed: number,
): void {
  const breach = breachOf(law, trial);
  if (breach === null) return;
  const isBroken = (changed: Partial<typeof trial>) => breachOf(law, { ...trial, ...changed }) !== null;
  const past = shorten(trial.past, (shorter) => isBroken({ past: shorter }), SHORTER_TRIES);
  const steps = shorten(
    trial.steps,
    (shorter) => shorter.length > 0 && isBroken({ past, steps: shorter }),
    SHORTER_TRIES,
  );
  throw new LawViolation(law, breachOf(law, { ...trial, past, steps }) ?? breach, steps, seed);
}

function breachOf<Command, Result, Query, Answer>(
  law: Law,
  trial: Trial<Command, Result, Query, Answer>,
): Breach | null {
  try {
    law.check(trial);
    return null;
  } catch (error) {
    if (error instanceof Breach) return error;
    throw error;
  }
}

const oldSnapshotsLaw: Pick<Law, "name" | "says"> = {
  name: "old snapshots",
  says: "a snapshot of an earlier release is not restored",
};

function checkOldSnapshots<Command, Result, Query, Answer>(
  make: () => StateMachine<Command, Result, Query, Answer>,
  { oldSnapshots = [], codec = "json", seed = 1 }: LawOptions<Command, Query>,
): void {
  for (const [at, bytes] of oldSnapshots.entries()) {
    try {
      const subject = new Subject(make(), commandCodec(codec));
      subject.restore(bytes, new Random(seed));
      guard(
        () => "what was restored gives no snapshot that can be restored",
        () => new Subject(make(), commandCodec(codec)).restore(subject.snapshot(), new Random(seed)),
      );
    } catch (error) {
      if (!(error instanceof Breach)) throw error;
      throw new LawViolation(oldSnapshotsLaw, new Breach(`snapshot ${at}: ${error.message}`), [], seed);
    }
  }
}
