import type { Command, Compare, CompareTarget, Operation } from "../../../kv/machine/command.ts";
import type { KvQuery } from "../../../kv/machine/kv-machine.ts";
import type { Revision } from "../../../kv/mvcc/key-history.ts";
import { type KeyRange, singleKey } from "../../../kv/mvcc/key-range.ts";
import { type Selection, SORT_TARGETS } from "../../../kv/mvcc/selection.ts";
import type { RandomStream } from "../chance/random-streams.ts";

/** Keys and leases that a workload is about. */
export interface Field {
  readonly keys: readonly string[];
  readonly leases: readonly string[];
}

/** Few enough for a run to come by most of them: those that are compacted, those of now, and those still to come. */
const REVISIONS_MAX = 50;

/** Every tenth more often than others: that is where compactions end, and what is read at an end is read at its edge. */
export function someRevision(chance: RandomStream): Revision {
  return chance.happens(0.5) ? 10 * chance.between(1, REVISIONS_MAX / 10) : chance.between(1, REVISIONS_MAX);
}

/** A question of the rarer kind: about the past, in another order, or about a part. */
export function rareQuery(chance: RandomStream, { keys }: Field): KvQuery {
  const range = someRange(chance, keys);
  const past = chance.happens(0.7) ? { revision: someRevision(chance) } : {};
  if (chance.happens(0.2)) return { kind: "count", range, ...past };
  return { kind: "range", range, ...past, ...someLook(chance) };
}

/** A transaction of any shape: compares of every kind, whole ranges, reads of the past, transactions within. */
export function rareTxn(chance: RandomStream, field: Field, depth = 0): Extract<Command, { kind: "txn" }> {
  const several = <Item>(most: number, make: () => Item): Item[] =>
    Array.from({ length: chance.between(0, most) }, make);
  return {
    kind: "txn",
    compares: several(2, () => compare(chance, field)),
    success: several(3, () => operation(chance, field, depth)),
    failure: several(3, () => operation(chance, field, depth)),
  };
}

function operation(chance: RandomStream, field: Field, depth: number): Operation {
  const { keys, leases } = field;
  const dice = chance.fraction();
  if (dice < 0.4) {
    const value = chance.happens(0.1) ? null : `t${chance.word()}`;
    const lease = chance.pick(["", "", null, ...leases]);
    return { kind: "put", key: chance.pick(keys), value, lease };
  }
  const range = someRange(chance, keys);
  const revision = chance.happens(0.3) ? someRevision(chance) : null;
  if (dice < 0.55) return { kind: "delete", range };
  if (dice < 0.65) return { kind: "count", range, revision };
  if (dice < 0.8 && depth < 2) return rareTxn(chance, field, depth + 1);
  return { kind: "range", range, revision, ...someLook(chance) };
}

const TARGETS: readonly CompareTarget[] = ["value", "version", "createRevision", "modRevision", "lease"];

function compare(chance: RandomStream, { keys, leases }: Field): Compare {
  const target = chance.pick(TARGETS);
  const relation = chance.pick(["equal", "notEqual", "less", "greater"] as const);
  const range = someRange(chance, keys);
  if (target === "value") return { range, target, relation, operand: `v${chance.word()}` };
  if (target === "lease") return { range, target, relation, operand: chance.pick(["", ...leases]) };
  const operand = chance.between(0, target === "version" ? 5 : REVISIONS_MAX);
  return { range, target, relation, operand };
}

function someRange(chance: RandomStream, keys: readonly string[]): KeyRange {
  if (chance.happens(0.4)) return singleKey(chance.pick(keys));
  return { from: chance.pick(keys), to: chance.happens(0.3) ? null : chance.pick(keys) };
}

function someLook(chance: RandomStream): { limit: number; reverse: boolean; selection: Selection | null } {
  const bound = () => (chance.happens(0.2) ? chance.between(1, REVISIONS_MAX) : 0);
  return {
    limit: chance.happens(0.4) ? chance.between(1, 3) : 0,
    reverse: chance.happens(0.4),
    selection: chance.happens(0.5)
      ? null
      : {
          sortBy: chance.pick(SORT_TARGETS),
          minModRevision: bound(),
          maxModRevision: bound(),
          minCreateRevision: bound(),
          maxCreateRevision: bound(),
        },
  };
}
