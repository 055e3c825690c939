import fc from "fast-check";
import type { Command, Compare, Operation, PutCommand } from "../../src/kv/machine/command.ts";
import { encodeCommand } from "../../src/kv/machine/command-codec.ts";
import type { KeyRange } from "../../src/kv/mvcc/key-range.ts";
import { type Selection, SORT_TARGETS } from "../../src/kv/mvcc/selection.ts";

/** Keys that have broken somebody's store: names of JavaScript's own, zero bytes, the highest bytes, no UTF-8, astral UTF-8. */
export const KEYS = [
  "a",
  "a\0",
  "ab",
  "b",
  "__proto__",
  "constructor",
  "\0",
  "\0\0",
  "\xff",
  "\xff\xff",
  "a\xff",
  "\xc3\x28",
  "\xf0\x9f\x98\x80",
];

const key = fc.constantFrom(...KEYS);
const anyText = fc.oneof(
  fc.constantFrom("", "1", "2", "\xff\0"),
  fc.string({ unit: fc.nat(255).map((byte) => String.fromCharCode(byte)), maxLength: 4 }),
);
const leases = fc.constantFrom("", "", "", "L1", "L2", "L3");

export const keyRange: fc.Arbitrary<KeyRange> = fc.oneof(
  key.map((from) => ({ from, to: `${from}\0` })),
  fc.record({ from: fc.oneof(key, fc.constant("")), to: fc.option(key) }),
);

const put: fc.Arbitrary<PutCommand> = fc.record({
  kind: fc.constant("put"),
  key,
  value: fc.oneof({ weight: 9, arbitrary: anyText }, fc.constant(null)),
  lease: fc.oneof({ weight: 9, arbitrary: leases }, fc.constant(null)),
});

const remove = fc.record({ kind: fc.constant("delete" as const), range: keyRange });

/** A revision as a distance back from the present one; negative ones lie ahead. */
export type Back = number;
export const back: fc.Arbitrary<Back> = fc.integer({ min: -1, max: 30 });

const compare: fc.Arbitrary<Compare> = fc.oneof(
  fc.record({
    range: keyRange,
    target: fc.constantFrom("version" as const, "createRevision" as const, "modRevision" as const),
    relation: fc.constantFrom("equal", "notEqual", "less", "greater"),
    operand: fc.nat(6),
  }),
  fc.record({
    range: keyRange,
    target: fc.constantFrom("value" as const, "lease" as const),
    relation: fc.constantFrom("equal", "notEqual", "less", "greater"),
    operand: fc.constantFrom("", "1", "L1"),
  }),
);

export const selection: fc.Arbitrary<Selection> = fc.record({
  sortBy: fc.constantFrom(...SORT_TARGETS),
  minModRevision: fc.oneof(fc.constant(0), fc.nat(12)),
  maxModRevision: fc.oneof(fc.constant(0), fc.nat(40)),
  minCreateRevision: fc.oneof(fc.constant(0), fc.nat(12)),
  maxCreateRevision: fc.oneof(fc.constant(0), fc.nat(40)),
});

/** Reads in transactions carry their revision as a distance, until `placed` knows the present. */
const read: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({
    kind: fc.constant("range" as const),
    range: keyRange,
    revision: fc.option(back, { freq: 1 }),
    limit: fc.nat(3),
    reverse: fc.boolean(),
    selection: fc.option(selection),
  }),
  fc.record({ kind: fc.constant("count" as const), range: keyRange, revision: fc.option(back) }),
);

const { txn } = fc.letrec<{ txn: Command & { kind: "txn" }; operation: Operation }>((tie) => ({
  txn: fc.record({
    kind: fc.constant("txn" as const),
    compares: fc.array(compare, { maxLength: 2 }),
    success: fc.array(tie("operation"), { maxLength: 4 }),
    failure: fc.array(tie("operation"), { maxLength: 3 }),
  }),
  operation: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    { weight: 5, arbitrary: put },
    { weight: 2, arbitrary: remove },
    { weight: 3, arbitrary: read },
    { weight: 1, arbitrary: tie("txn") },
  ),
}));

/** The indexes of early entries, some of which open sessions. */
const session = fc.nat(12).map(String);

/** Commands whose revisions are distances back from the present: see `placed`. */
export const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 12, arbitrary: put },
  { weight: 4, arbitrary: remove },
  { weight: 6, arbitrary: txn },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("lease-grant" as const),
      lease: leases,
      ttlMs: fc.constantFrom(0, 100, 1000, 60_000),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("lease-revoke" as const),
      lease: leases,
      renewedAt: fc.option(fc.nat(30), { nil: null, freq: 1 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("lease-keep-alive" as const),
      leases: fc.array(leases, { maxLength: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("lease-checkpoint" as const),
      checkpoints: fc.array(fc.record({ lease: leases, renewedAt: fc.nat(30), remainingMs: fc.nat(100) }), {
        maxLength: 2,
      }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("compact" as const), revision: back }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("alarm" as const),
      alarm: fc.constantFrom("no-space" as const, "corrupt" as const),
      member: fc.option(fc.integer({ min: 1, max: 3 })),
      isRaised: fc.oneof(
        { weight: 1, arbitrary: fc.constant(true) },
        { weight: 4, arbitrary: fc.constant(false) },
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("session-open" as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("session-write" as const),
      session,
      number: fc.integer({ min: 1, max: 4 }),
      write: fc.oneof(put, remove).map(encodeCommand),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("session-end" as const), session }) },
);

/** The command with its revisions counted from the present one. */
export function placed<Placed extends Command | Operation>(unplaced: Placed, revision: number): Placed {
  const from = (distance: number | null) => (distance === null ? null : Math.max(0, revision - distance));
  switch (unplaced.kind) {
    case "compact":
      return { ...unplaced, revision: from(unplaced.revision) };
    case "range":
    case "count":
      return { ...unplaced, revision: from(unplaced.revision) };
    case "txn":
      return {
        ...unplaced,
        success: unplaced.success.map((operation) => placed(operation, revision)),
        failure: unplaced.failure.map((operation) => placed(operation, revision)),
      };
    default:
      return unplaced;
  }
}
