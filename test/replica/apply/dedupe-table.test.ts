import fc from "fast-check";
import { expect, test } from "vitest";
import { DedupeTable } from "../../../src/replica/apply/dedupe-table.ts";

function numbers(origin: number, sequence: number, settledBelow: number, epoch = 1) {
  return { origin, epoch, sequence, settledBelow };
}

/** Sends of one origin in any order and any number: each says what is settled so far, as the origin would. */
const sends = fc.array(fc.nat(40), { maxLength: 200 });

test("each command is admitted once, in whatever order and however often it comes", () => {
  fc.assert(
    fc.property(sends, (order) => {
      const sessions = new DedupeTable();
      const admitted = order.filter((sequence) => sessions.admit(numbers(7, sequence, 0)));
      expect(admitted).toEqual([...new Set(order)]);
    }),
  );
});

test("what an origin has settled is never admitted again", () => {
  fc.assert(
    fc.property(sends, fc.nat(40), (order, settledBelow) => {
      const sessions = new DedupeTable();
      sessions.admit(numbers(7, 1000, settledBelow));
      for (const sequence of order) {
        if (sequence < settledBelow) expect(sessions.admit(numbers(7, sequence, 0))).toBe(false);
      }
    }),
  );
});

test("a restored session admits exactly what the original admits", () => {
  fc.assert(
    fc.property(sends, sends, (before, after) => {
      const original = new DedupeTable();
      for (const sequence of before) original.admit(numbers(7, sequence, 0));
      const restored = new DedupeTable();
      restored.restore(original.pack());
      for (const sequence of after) {
        expect(restored.admit(numbers(7, sequence, 0))).toBe(original.admit(numbers(7, sequence, 0)));
      }
    }),
  );
});

test("a session in order takes one number, not a list", () => {
  const sessions = new DedupeTable();
  for (let sequence = 0; sequence < 1000; sequence++) sessions.admit(numbers(7, sequence, sequence));
  expect(sessions.pack()).toEqual([[7, 1, 1000, []]]);
});

test("origins do not see each other's sequences", () => {
  const sessions = new DedupeTable();
  expect(sessions.admit(numbers(1, 5, 0))).toBe(true);
  expect(sessions.admit(numbers(2, 5, 0))).toBe(true);
  sessions.drop(1);
  expect(sessions.pack().map(([origin]) => origin)).toEqual([2]);
});

test("a start's numbers meet those of no other, however many there are of each, and an earlier start's are not admitted", () => {
  const sessions = new DedupeTable();
  const many = 2 ** 32;
  for (const epoch of [1, 2, 2 ** 40]) {
    for (const sequence of [0, many - 1, many, many + 1, 2 ** 52]) {
      const settledBelow = sequence > many ? many : 0;
      expect(sessions.admit(numbers(7, sequence, settledBelow, epoch))).toBe(true);
      expect(sessions.admit(numbers(7, sequence, settledBelow, epoch))).toBe(false);
    }
    for (const sequence of [0, many, 2 ** 52 + 1])
      expect(sessions.admit(numbers(7, sequence, 0, epoch - 1))).toBe(false);
  }
});
