import fc from "fast-check";
import { expect, it } from "vitest";
import type { Command } from "../../src/kv/machine/command.ts";
import { KvMachine } from "../../src/kv/machine/kv-machine.ts";
import { command, placed } from "./arbitraries.ts";
import { Applying } from "./support.ts";

function sumOf(machine: KvMachine): number {
  const step = machine.beginHash();
  for (;;) {
    const sum = step();
    if (sum !== undefined) return sum;
  }
}

it("members that applied the same have the same sum, in whatever batches, and from whatever snapshot they began", () => {
  const history = fc.array(fc.tuple(command, fc.boolean(), fc.integer({ min: 0, max: 30 })), {
    maxLength: 80,
  });
  fc.assert(
    fc.property(history, (steps) => {
      const one = new Applying(new KvMachine());
      const other = new Applying(new KvMachine());
      let third = new Applying(new KvMachine());
      let batch: Command[] = [];
      for (const [unplaced, ends, how] of steps) {
        const next = placed(unplaced, one.machine.store.revision);
        one.one(next);
        batch.push(next);
        if (!ends) continue;
        other.batch(batch);
        third.batch(batch);
        batch = [];
        // A member that was sent a snapshot now and then.
        if (how < 5) {
          const machine = new KvMachine();
          machine.restore([...third.machine.snapshot()]);
          third = new Applying(machine, third.index);
        }
        // One that is asked for a sum and is overtaken by what comes after.
        if (how > 25) other.machine.beginHash()();
        const sum = sumOf(one.machine);
        expect(sumOf(other.machine)).toBe(sum);
        expect(sumOf(third.machine)).toBe(sum);
      }
    }),
    { numRuns: Number(process.env["SUM_RUNS"] ?? 60) },
  );
});
