import type { Applied } from "../../src/replica/state-machine.ts";
import { constant } from "../../src/testkit/generate.ts";
import { scenarioTest, simTest } from "../../src/testkit/runners/node-test.ts";

/** Counts ones. */
function machine() {
  let sum = 0;
  return {
    apply: (batch: readonly Applied<1>[]) => batch.map(() => ++sum),
    query: () => sum,
    snapshot: () => [Uint8Array.of(sum >> 8, sum)],
    restore(chunks: Iterable<Uint8Array>) {
      const [high, low] = [...chunks].flatMap((chunk) => [...chunk]);
      sum = (high! << 8) | low!;
    },
  };
}

/** Run by Node's own test runner, in a process of its own. */
simTest("a sum of nothing but ones", { machine, commands: constant(1), budget: { seeds: 1 } });

scenarioTest("a single one", { machine }, (s) => {
  s.untilLeader();
  s.propose(1);
  s.settle();
  s.expect(undefined, 1);
});
