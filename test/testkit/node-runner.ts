import type { Applied } from "../../src/replica/state-machine.ts";
import { constant } from "../../src/testkit/generate.ts";
import { simTest } from "../../src/testkit/runners/node-test.ts";

/** Run by Node's own test runner, in a process of its own. */
simTest("a sum of nothing but ones", {
  machine: () => {
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
  },
  commands: constant(1),
  budget: { seeds: 1 },
});
