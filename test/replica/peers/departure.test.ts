import fc from "fast-check";
import { expect, test } from "vitest";
import { EMPTY_MEMBERSHIP } from "../../../src/raft/membership.ts";
import { Departure } from "../../../src/replica/peers/departure.ts";

const half = fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { maxLength: 7 });

test("a removed member may go once a majority of each half has applied the removal, and not before", () => {
  const world = fc.record({ voters: half.filter(({ length }) => length > 0), outgoing: half });
  fc.assert(
    fc.property(
      world,
      fc.array(fc.integer({ min: 18, max: 22 }), { minLength: 8, maxLength: 8 }),
      (given, told) => {
        const departure = new Departure(20, 10);
        departure.tick({ ...EMPTY_MEMBERSHIP, ...given }, (id) => told[id]!);
        const isEnough = (ids: readonly number[]): boolean =>
          ids.length === 0 || ids.filter((id) => told[id]! >= 20).length * 2 > ids.length;
        expect(departure.isOver).toBe(isEnough(given.voters) && isEnough(given.outgoing));
      },
    ),
  );
});

test("a removed member that hears from nobody goes after a hundred election timeouts", () => {
  const departure = new Departure(20, 10);
  const tick = (): void => departure.tick({ ...EMPTY_MEMBERSHIP, voters: [1] }, () => 0);
  for (let ticks = 1; ticks < 1000; ticks++) tick();
  expect(departure.isOver).toBe(false);
  tick();
  expect(departure.isOver).toBe(true);
});
