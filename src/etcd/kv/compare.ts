import type { CompareRelation, CompareTarget, Compare as KvCompare } from "../../kv/machine/command.ts";
import type { Compare } from "../../wire/kv-messages.ts";
import { refusal } from "../../wire/status.ts";
import { keyRange } from "./key-ranges.ts";
import { safe } from "./range-request.ts";

const TARGETS: readonly CompareTarget[] = ["version", "createRevision", "modRevision", "value", "lease"];
const RELATIONS: readonly CompareRelation[] = ["equal", "greater", "less", "notEqual"];

/** A claim of a transaction. What is compared with, and was not said, is 0 or empty. */
export function compareOf(compare: Compare): KvCompare {
  const target = TARGETS[compare.target];
  const relation = RELATIONS[compare.result];
  // etcd takes a claim that it does not know for true.
  if (target === undefined || relation === undefined) throw refusal("unknownCompare");
  const claim = { range: keyRange(compare.key, compare.rangeEnd), target, relation };
  const operand = compare[target];
  if (typeof operand === "string" || operand >= 0) return { ...claim, operand: bounded(operand) };
  return { ...claim, ...BELOW_ZERO[relation] };
}

function bounded(operand: string | number): string | number {
  return typeof operand === "string" ? operand : safe(operand);
}

/** No number of ours is negative or so large: what a comparison with a negative one comes to. */
const NEVER = { relation: "equal", operand: Number.MAX_SAFE_INTEGER } as const;
const ALWAYS = { relation: "notEqual", operand: Number.MAX_SAFE_INTEGER } as const;
const BELOW_ZERO = { equal: NEVER, notEqual: ALWAYS, less: NEVER, greater: ALWAYS } as const;
