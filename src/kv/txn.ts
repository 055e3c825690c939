import type { Compare, Operation, RangeOperation, TxnCommand } from "./command.ts";
import type { KeyVersion } from "./key-history.ts";
import { isSingleKey } from "./key-range.ts";
import { TXN_OPERATIONS_MAX, TXN_RANGE_KEYS_MAX, TXN_TOTAL_MAX } from "./limits.ts";
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
  return new PlanCheck(store, operations).plan(plan) ?? runPlan(plan, store, operations);
}

function checkShape(txn: TxnCommand, store: Store): Refused | null {
  const size = largestPart(txn);
  if (size > TXN_OPERATIONS_MAX)
    return tooLarge(store, "operations of a transaction", size, TXN_OPERATIONS_MAX);
  const total = countOperations(txn);
  if (total > TXN_TOTAL_MAX)
    return tooLarge(store, "operations of all nested transactions", total, TXN_TOTAL_MAX);
  const key = findDoubleWrite(txn);
  if (key === null) return null;
  return refused(store.revision, "ERR_DUPLICATE_KEY", "a transaction writes the same key twice", { key });
}

function tooLarge(store: Store, what: string, size: number, limit: number): Refused {
  const message = `${what}: ${size} are above the limit of ${limit}`;
  return refused(store.revision, "ERR_TOO_LARGE", message, { what, size, limit });
}

/** What etcd limits: the longest of the three lists, with the same measure of the nested ones added to it. */
function largestPart({ compares, success, failure }: TxnCommand): number {
  let nested = 0;
  for (const operation of [...success, ...failure]) {
    if (operation.kind === "txn") nested = Math.max(nested, largestPart(operation));
  }
  return Math.max(compares.length, success.length, failure.length) + nested;
}

/** Compares and operations of both branches, at every depth. */
function countOperations({ compares, success, failure }: TxnCommand): number {
  let total = compares.length + success.length + failure.length;
  for (const operation of [...success, ...failure]) {
    if (operation.kind === "txn") total += countOperations(operation);
  }
  return total;
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

/** The first reason to refuse the plan. It also adds up the keys that its ranges look at. */
class PlanCheck {
  readonly #store: Store;
  readonly #operations: Operations;
  #keysRead = 0;

  constructor(store: Store, operations: Operations) {
    this.#store = store;
    this.#operations = operations;
  }

  plan({ steps }: Plan): Refused | null {
    for (const step of steps) {
      const refusal = this.#step(step);
      if (refusal !== null) return refusal;
    }
    return null;
  }

  #step(step: Step): Refused | null {
    switch (step.kind) {
      case "plan":
        return this.plan(step);
      case "put":
        return this.#operations.checkPut(step);
      case "delete":
        return null;
      case "range":
        return this.#operations.checkRevision(step.revision) ?? this.#reach(step);
      case "count":
        return this.#operations.checkRevision(step.revision);
    }
  }

  #reach(operation: RangeOperation): Refused | null {
    this.#keysRead += this.#operations.reach(operation, TXN_RANGE_KEYS_MAX + 1);
    if (this.#keysRead <= TXN_RANGE_KEYS_MAX) return null;
    return tooLarge(
      this.#store,
      "keys that ranges in a transaction read",
      this.#keysRead,
      TXN_RANGE_KEYS_MAX,
    );
  }
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
