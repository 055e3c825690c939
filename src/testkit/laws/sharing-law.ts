import { equalBytes } from "../../base/bytes.ts";
import { Breach, textOf } from "./breach.ts";
import { expectSameBytes, expectSameResults } from "./subject.ts";
import { chanceOf, type Law, newSubject } from "./trial.ts";

/** What goes into the machine and what comes out of it belongs to others from then on. */
export const sharingLaw: Law = {
  name: "sharing",
  says: "the machine shares its state with those who called it",
  check(trial) {
    const { steps, queries } = trial;
    const [shared, alone] = [newSubject(trial), newSubject(trial)];
    const results = alone.applyAll(steps);
    const lent: (readonly [view: Uint8Array, copy: Uint8Array])[] = [];

    for (const [at, step] of steps.entries()) {
      const applied = shared.appliedOf(step);
      for (const view of viewsIn(applied.command)) lent.push([view, view.slice()]);
      const [result] = shared.applyDecoded([applied]);
      expectSameResults(
        [step],
        ["a member whose callers change nothing", [results[at]]],
        [CHANGED, [result]],
      );
      scramble(result);
      for (const answer of shared.answers(queries)) scramble(answer);
    }
    for (const chunk of shared.machine.snapshot()) chunk.fill(0xa5);
    expectSameBytes(
      ["a member whose callers change nothing", alone.snapshot()],
      [CHANGED, shared.snapshot()],
    );
    for (const [view, copy] of lent) {
      if (!equalBytes(view, copy)) {
        throw new Breach(`bytes of a command, which the log holds too, were changed to ${textOf([...view])}`);
      }
    }
    const restored = newSubject(trial);
    restored.restore(alone.snapshot(), chanceOf(trial));
  },
};

const CHANGED = "one whose callers change the results, answers and chunks that they were given";

/** Spoils everything that can be reached from a value. */
function scramble(value: unknown, seen: Set<unknown> = new Set()): void {
  if (typeof value !== "object" || value === null || seen.has(value)) return;
  seen.add(value);
  if (value instanceof Uint8Array) {
    value.fill(0xa5);
    return;
  }
  if (value instanceof Map || value instanceof Set) {
    for (const each of value.values()) scramble(each, seen);
    value.clear();
    return;
  }
  for (const each of Object.values(value)) scramble(each, seen);
  if (Object.isFrozen(value)) return;
  if (Array.isArray(value)) value.length = 0;
  else for (const name of Object.keys(value)) Reflect.set(value, name, "changed by the caller");
}

function viewsIn(value: unknown, seen: Set<unknown> = new Set()): Uint8Array[] {
  if (typeof value !== "object" || value === null || seen.has(value)) return [];
  seen.add(value);
  if (value instanceof Uint8Array) return [value];
  return Object.values(value).flatMap((each) => viewsIn(each, seen));
}
