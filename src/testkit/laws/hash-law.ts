import { Breach } from "./breach.ts";
import { guard, type Subject } from "./subject.ts";
import { chanceOf, type Law, newSubject } from "./trial.ts";

/** Where a machine sums up its state, equal states have equal sums, and a sum is that of the moment at which it was begun. */
export const hashLaw: Law = {
  name: "the hash",
  says: "beginHash does not sum up the state as it was when it was called",
  check(trial) {
    const { steps } = trial;
    if (newSubject(trial).machine.beginHash === undefined) return;
    const random = chanceOf(trial);
    const at = random.between(0, steps.length);
    const [still, moving, restored] = [newSubject(trial), newSubject(trial), newSubject(trial)];
    still.applyAll(steps.slice(0, at));
    moving.applyAll(steps.slice(0, at));
    restored.restore(still.snapshot(), random);

    const next = guard(
      () => "beginHash threw",
      () => moving.machine.beginHash!(),
    );
    moving.applyAll(steps.slice(at));
    const hash = finished(next);
    expectSame(hash, hashOf(still), `at once after ${at} commands`);
    expectSame(hash, hashOf(restored), `restored after ${at} commands`);
  },
};

function hashOf({ machine }: Pick<Subject<never, unknown, never, unknown>, "machine">): number {
  return finished(machine.beginHash!());
}

function finished(next: () => number | undefined): number {
  for (let calls = 0; calls < 1_000_000; calls++) {
    const hash = guard(
      () => "summing up threw",
      () => next(),
    );
    if (hash !== undefined) return hash;
  }
  throw new Breach("no sum came out of a million calls");
}

function expectSame(moving: number, other: number, how: string): void {
  if (moving === other) return;
  throw new Breach(`summed up while others were applied: ${moving}\n${how}: ${other}`);
}
