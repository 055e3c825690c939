import { Breach } from "./breach.ts";
import { type Law, newSubject } from "./trial.ts";

/** One result for each command; to refuse is a result too. */
export const answersLaw: Law = {
  name: "answers",
  says: "apply did not answer every command, which stops the member",
  check(trial) {
    newSubject(trial).applyAll(trial.steps);
  },
};

/** Others wait while a command is applied: heartbeats too. */
export const boundedWorkLaw: Law = {
  name: "bounded work",
  says: "a command took so long that other members would take this one for dead",
  check(trial) {
    const { steps, clock, applyMsMax } = trial;
    const subject = newSubject(trial);
    for (const step of steps) {
      const begun = clock.monotonic();
      subject.apply(step);
      const took = clock.monotonic() - begun;
      if (took > applyMsMax) {
        throw new Breach(`index ${step.index} took ${Math.round(took)} ms; ${applyMsMax} ms are allowed`);
      }
    }
  },
};
