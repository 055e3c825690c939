import fc from "fast-check";
import { expect, test } from "vitest";
import { Sessions } from "../../src/replica/sessions.ts";

/** Sends of one origin in any order and any number: each says what is settled so far, as the origin would. */
const sends = fc.array(fc.nat(40), { maxLength: 200 });

test("each command is admitted once, in whatever order and however often it comes", () => {
  fc.assert(
    fc.property(sends, (order) => {
      const sessions = new Sessions();
      const admitted = order.filter((sequence) => sessions.admit(7, sequence, 0));
      expect(admitted).toEqual([...new Set(order)]);
    }),
  );
});

test("what an origin has settled is never admitted again", () => {
  fc.assert(
    fc.property(sends, fc.nat(40), (order, settledBelow) => {
      const sessions = new Sessions();
      sessions.admit(7, 1000, settledBelow);
      for (const sequence of order) {
        if (sequence < settledBelow) expect(sessions.admit(7, sequence, 0)).toBe(false);
      }
    }),
  );
});

test("a restored session admits exactly what the original admits", () => {
  fc.assert(
    fc.property(sends, sends, (before, after) => {
      const original = new Sessions();
      for (const sequence of before) original.admit(7, sequence, 0);
      const restored = new Sessions();
      restored.restore(original.pack());
      for (const sequence of after) {
        expect(restored.admit(7, sequence, 0)).toBe(original.admit(7, sequence, 0));
      }
    }),
  );
});

test("a session in order takes one number, not a list", () => {
  const sessions = new Sessions();
  for (let sequence = 0; sequence < 1000; sequence++) sessions.admit(7, sequence, sequence);
  expect(sessions.pack()).toEqual([[7, 1000, []]]);
});

test("origins do not see each other's sequences", () => {
  const sessions = new Sessions();
  expect(sessions.admit(1, 5, 0)).toBe(true);
  expect(sessions.admit(2, 5, 0)).toBe(true);
  sessions.drop(1);
  expect(sessions.pack().map(([origin]) => origin)).toEqual([2]);
});
