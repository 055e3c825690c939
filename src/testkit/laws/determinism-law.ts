import { expectSameAnswers, expectSameBytes, expectSameResults } from "./subject.ts";
import { chanceOf, type Law, newSubject } from "./trial.ts";

/** The same commands give the same results and the same state, on every member and on every day. */
export const determinismLaw: Law = {
  name: "determinism",
  says: "two members that apply the same commands do not do the same",
  check(trial) {
    const { steps, queries, poison, comparesSnapshots } = trial;
    const [one, other] = [newSubject(trial), newSubject(trial)];
    // In turns, so that what they share shows.
    const results: unknown[] = [];
    const others: unknown[] = [];
    for (const step of steps) {
      results.push(one.apply(step));
      const [applied] = [other.appliedOf(step)];
      others.push(poison.run(() => other.applyDecoded([applied]))[0]);
    }
    expectSameResults(steps, ["one member", results], ["another", others]);

    const answers = one.answers(queries);
    expectSameAnswers(
      queries,
      ["one member", answers],
      ["another", poison.run(() => other.answers(queries))],
    );

    const snapshot = one.snapshot();
    const snapshots = poison.run(() => other.snapshot());
    if (comparesSnapshots) expectSameBytes(["one member", snapshot], ["another", snapshots]);
    const restored = newSubject(trial);
    poison.run(() => restored.restore(snapshot, chanceOf(trial)));
  },
};

/** How many commands come at once depends on how busy a member is, and means nothing. */
export const batchesLaw: Law = {
  name: "batches",
  says: "commands that come together do something else than the same commands one by one",
  check(trial) {
    const { steps, queries, comparesSnapshots } = trial;
    const [single, batched] = [newSubject(trial), newSubject(trial)];
    const random = chanceOf(trial);
    const results: unknown[] = [];
    for (let at = 0; at < steps.length; ) {
      const size = random.between(1, steps.length - at);
      results.push(...batched.applyBatch(steps.slice(at, at + size)));
      at += size;
    }
    expectSameResults(steps, ["one by one", single.applyAll(steps)], ["together", results]);
    expectSameAnswers(
      queries,
      ["one by one", single.answers(queries)],
      ["together", batched.answers(queries)],
    );
    if (comparesSnapshots) {
      expectSameBytes(["one by one", single.snapshot()], ["together", batched.snapshot()]);
    }
  },
};

/** Queries are asked at one member, so what they changed would be different from then on. */
export const queriesLaw: Law = {
  name: "queries",
  says: "a query changed the state",
  check(trial) {
    const { steps, queries } = trial;
    const [asked, silent] = [newSubject(trial), newSubject(trial)];
    const results = steps.map((step) => {
      asked.answers(queries);
      return asked.apply(step);
    });
    expectSameResults(steps, ["the member that was asked", results], ["the other", silent.applyAll(steps)]);
    asked.answers(queries);
    expectSameBytes(["the member that was asked", asked.snapshot()], ["the other", silent.snapshot()]);
  },
};
