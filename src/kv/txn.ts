import type { Compare, Operation, RangeOperation, TxnCommand } from "./command.ts";
import type { KeyVersion } from "./key-history.ts";
import { isSingleKey } from "./key-range.ts";
import { TXN_OPERATIONS_MAX, TXN_RANGE_KEYS_MAX } from "./limits.ts";
import type { Operations } from "./operations.ts";
import { type OperationResult, type Refused, refused, type TxnResult } from "./result.ts";
import type { Store } from "./store.ts";
import { findDoubleWrite } from "./txn-writes.ts";

/** A transaction whose branches are chosen. */
interface Plan {
  readonly kind: "plan";
  readonly succeeded: boolean;
  readonly steps: readonly Step[];
}

type Step = Exclude<Operation, TxnCommand> | Plan;

/**
 * Runs a transaction in one step: every compare, nested ones too, looks at the state before it; every reason to
 * refuse it is looked for before the first write; then the operations run in order, each seeing what came before.
 * The caller commits: what was written becomes one revision.
 */
export function runTxn(txn: TxnCommand, store: Store, operations: Operations): TxnResult | Refused {
  const invalid = checkShape(txn, store);
  if (invalid !== null) return invalid;

  const plan = decide(txn, store);
  return checkPlan(plan, store, operations) ?? runPlan(plan, store, operations);
}

function checkShape(txn: TxnCommand, store: Store): Refused | null {
  const size = largestPart(txn);
  if (size > TXN_OPERATIONS_MAX) {
    const details = { what: "operations of a transaction", size, limit: TXN_OPERATIONS_MAX };
    return refused(store.revision, "ERR_TOO_LARGE", `a transaction has ${size} operations`, details);
  }
  const key = findDoubleWrite(txn);
  if (key === null) return null;
  return refused(store.revision, "ERR_DUPLICATE_KEY", "a transaction writes the same key twice", { key });
}

/** What etcd limits: the longest of the three lists, with the same measure of the nested ones added to it. */
function largestPart({ compares, success, failure }: TxnCommand): number {
  let nested = 0;
  for (const operation of [...success, ...failure]) {
    if (operation.kind === "txn") nested = Math.max(nested, largestPart(operation));
  }
  return Math.max(compares.length, success.length, failure.length) + nested;
}

function decide(txn: TxnCommand, store: Store): Plan {
  const succeeded = txn.compares.every((compare) => holds(compare, store));
  const branch = succeeded ? txn.success : txn.failure;
  const steps = branch.map((operation) => (operation.kind === "txn" ? decide(operation, store) : operation));
  return { kind: "plan", succeeded, steps };
}

function holds(compare: Compare, store: Store): boolean {
  if (isSingleKey(compare.range)) return holdsFor(compare, store.get(compare.range.from));
  let isEmpty = true;
  let all = true;
  store.visitLive(compare.range, (version) => {
    isEmpty = false;
    all = holdsFor(compare, version);
    return all;
  });
  return isEmpty ? holdsFor(compare, undefined) : all;
}

function holdsFor({ target, relation, operand }: Compare, version: KeyVersion | undefined): boolean {
  if (version === undefined && target === "value") return false;
  const actual = version === undefined ? (target === "lease" ? "" : 0) : version[target];
  switch (relation) {
    case "equal":
      return actual === operand;
    case "notEqual":
      return actual !== operand;
    case "less":
      return actual < operand;
    case "greater":
      return actual > operand;
  }
}

function checkPlan(plan: Plan, store: Store, operations: Operations): Refused | null {
  for (const step of plan.steps) {
    const refusal = checkStep(step, store, operations);
    if (refusal !== null) return refusal;
  }
  return null;
}

function checkStep(step: Step, store: Store, operations: Operations): Refused | null {
  switch (step.kind) {
    case "plan":
      return checkPlan(step, store, operations);
    case "put":
      return operations.checkPut(step);
    case "delete":
      return null;
    case "range":
      return operations.checkRevision(step.revision) ?? checkRangeSize(step, store, operations);
    case "count":
      return operations.checkRevision(step.revision);
  }
}

function checkRangeSize(
  { range, revision, limit }: RangeOperation,
  store: Store,
  operations: Operations,
): Refused | null {
  if (limit > 0 && limit <= TXN_RANGE_KEYS_MAX) return null;
  if (!operations.exceeds(range, revision, TXN_RANGE_KEYS_MAX)) return null;
  const details = { what: "range in a transaction", size: TXN_RANGE_KEYS_MAX + 1, limit: TXN_RANGE_KEYS_MAX };
  return refused(store.revision, "ERR_TOO_LARGE", "a range in a transaction finds too many keys", details);
}

function runPlan(plan: Plan, store: Store, operations: Operations): TxnResult {
  const results = plan.steps.map((step) => runStep(step, store, operations));
  return { kind: "txn", revision: store.openRevision, succeeded: plan.succeeded, results };
}

function runStep(step: Step, store: Store, operations: Operations): OperationResult {
  switch (step.kind) {
    case "plan":
      return runPlan(step, store, operations);
    case "put":
      return operations.put(step);
    case "delete":
      return operations.delete(step);
    case "range":
      return operations.range(step);
    case "count":
      return operations.count(step);
  }
}
