import { concatBytes } from "../../base/bytes.ts";
import type { Random } from "../../base/random.ts";
import { Breach, textOf } from "./breach.ts";
import type { Step } from "./steps.ts";
import { expectSameAnswers, expectSameBytes, expectSameResults, guard, type Subject } from "./subject.ts";
import { chanceOf, type Law, newSubject, type Trial } from "./trial.ts";

/** A member that was restored from a snapshot, taken at any moment, is like one that applied everything itself. */
export const roundTripLaw: Law = {
  name: "the round trip",
  says: "a member that was restored from a snapshot does not go on like the one that gave it",
  check(trial) {
    eachPrefix(trial, (snapshot, random) => {
      const restored = newSubject(trial);
      restored.restore(snapshot, random);
      return restored;
    });
  },
};

/** Restoring replaces everything, whatever there was. */
export const overwriteLaw: Law = {
  name: "restoring",
  says: "restore left something of the state that was there before",
  check(trial) {
    try {
      eachPrefix(trial, (snapshot, random) => {
        const restored = newSubject(trial);
        restored.applyAll(trial.past);
        restored.restore(snapshot, random);
        return restored;
      });
    } catch (error) {
      if (!(error instanceof Breach) || trial.past.length === 0) throw error;
      const past = trial.past.map(({ command }) => textOf(command));
      throw new Breach(`${error.message}\nwhich had applied before: ${past.join(", ")}`);
    }
  },
};

/** What `beginRestore` makes is what `restore` makes, where a machine has both. */
export const restorationLaw: Law = {
  name: "restoring in pieces",
  says: "beginRestore does not make what restore makes",
  check(trial) {
    if (newSubject(trial).machine.beginRestore === undefined) return;
    eachPrefix(trial, (snapshot, random) => {
      const restored = newSubject(trial);
      restored.applyAll(trial.past);
      guard(
        () => "beginRestore threw",
        () => restoreInPieces(restored, snapshot, random),
      );
      return restored;
    });
  },
};

/** The chunks of a snapshot show the moment at which it was asked for, however late they are taken. */
export const cutLaw: Law = {
  name: "the cut",
  says: "a snapshot shows commands that were applied after it was taken",
  check(trial) {
    const { steps } = trial;
    const random = chanceOf(trial);
    const at = random.between(0, steps.length - 1);
    const [still, moving] = [newSubject(trial), newSubject(trial)];
    still.applyAll(steps.slice(0, at));
    moving.applyAll(steps.slice(0, at));

    const chunks = guard(
      () => "snapshot threw",
      () => moving.machine.snapshot()[Symbol.iterator](),
    );
    const taken: Uint8Array[] = [];
    // The first chunk, too, is taken only when the disk is ready for it.
    for (const step of steps.slice(at)) {
      moving.apply(step);
      if (random.between(0, 3) === 0) takeNext(chunks, taken);
    }
    while (takeNext(chunks, taken));
    expectSameBytes(
      [`taken at once after ${at} commands`, still.snapshot()],
      ["taken while others were applied", concatBytes(taken)],
    );
  },
};

function takeNext(chunks: Iterator<Uint8Array>, taken: Uint8Array[]): boolean {
  const next = guard(
    () => "taking a chunk threw",
    () => chunks.next(),
  );
  if (next.done !== true) taken.push(next.value.slice());
  return next.done !== true;
}

/** Takes a snapshot after each of the steps, restores by `restore`, and applies the rest on both sides. */
function eachPrefix<Command, Result, Query, Answer>(
  trial: Trial<Command, Result, Query, Answer>,
  restore: (snapshot: Uint8Array, random: Random) => Subject<Command, Result, Query, Answer>,
): void {
  const { steps, queries, comparesSnapshots } = trial;
  const random = chanceOf(trial);
  const whole = newSubject(trial);
  const results = whole.applyAll(steps);
  const answers = whole.answers(queries);
  const last = whole.snapshot();

  const giver = newSubject(trial);
  for (let at = 0; at <= steps.length; at++) {
    const restored = restore(giver.snapshot(), random);
    compareHere(giver, restored, at, trial);
    const rest = steps.slice(at);
    const name = `the one restored after ${place(steps, at)}`;
    expectSameResults(
      rest,
      ["the one that applied everything", results.slice(at)],
      [name, restored.applyAll(rest)],
    );
    expectSameAnswers(
      queries,
      ["the one that applied everything", answers],
      [name, restored.answers(queries)],
    );
    if (comparesSnapshots) {
      expectSameBytes(["the one that applied everything", last], [name, restored.snapshot()]);
    }
    if (at < steps.length) giver.apply(steps[at]!);
  }
}

function compareHere<Command, Result, Query, Answer>(
  giver: Subject<Command, Result, Query, Answer>,
  restored: Subject<Command, Result, Query, Answer>,
  at: number,
  { queries, steps }: Trial<Command, Result, Query, Answer>,
): void {
  expectSameAnswers(
    queries,
    ["the one that gave the snapshot", giver.answers(queries)],
    [`the one restored after ${place(steps, at)}`, restored.answers(queries)],
  );
}

function place(steps: readonly Step<unknown>[], at: number): string {
  return at === 0 ? "no command" : `index ${steps[at - 1]!.index}`;
}

/** Pieces are overwritten as soon as they are taken: the machine may keep no view of them. */
function restoreInPieces(
  { machine }: Subject<unknown, unknown, unknown, unknown> | Subject<never, never, never, never>,
  snapshot: Uint8Array,
  random: Random,
): void {
  const restoration = machine.beginRestore!();
  for (let at = 0; at < snapshot.length; ) {
    const piece = snapshot.slice(at, at + random.between(1, Math.max(1, snapshot.length)));
    restoration.write(piece);
    at += piece.length;
    piece.fill(0xa5);
  }
  for (let calls = 0; !restoration.finish(); calls++) {
    if (calls > 1_000_000) throw new Error("finish answered false a million times");
  }
}
