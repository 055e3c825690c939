import { type KeyVersion, type LeaseId, NO_LEASE } from "../mvcc/key-history.ts";
import { isSingleKey } from "../mvcc/key-range.ts";
import type { MvccStore } from "../mvcc/mvcc-store.ts";
import type { Compare, Operation, PutCommand, RangeOperation, TxnCommand } from "./command.ts";
import { findDoubleWrite } from "./double-writes.ts";
import { TXN_OPERATIONS_MAX, TXN_RANGE_KEYS_MAX, TXN_TOTAL_MAX } from "./limits.ts";
import type { Operations } from "./operations.ts";
import { type OperationResult, type Refused, refused, type TxnResult } from "./result.ts";

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
export function runTxn(txn: TxnCommand, store: MvccStore, operations: Operations): TxnResult | Refused {
  const invalid = checkShape(txn, store);
  if (invalid !== null) return invalid;

  const plan = decide(txn, store);
  return new PlanCheck(store, operations).plan(plan) ?? runPlan(plan, store, operations);
}

function checkShape(txn: TxnCommand, store: MvccStore): Refused | null {
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

function tooLarge(store: MvccStore, what: string, size: number, limit: number): Refused {
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

function decide(txn: TxnCommand, store: MvccStore): Plan {
  const succeeded = txn.compares.every((compare) => holds(compare, store));
  const branch = succeeded ? txn.success : txn.failure;
  const steps = branch.map((operation) => (operation.kind === "txn" ? decide(operation, store) : operation));
  return { kind: "plan", succeeded, steps };
}

function holds(compare: Compare, store: MvccStore): boolean {
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
  if (target === "lease") return holdsForLease(relation, version?.lease ?? NO_LEASE, String(operand));
  const actual = version === undefined ? 0 : version[target];
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

/** Ids that are whole numbers compare as numbers, as in etcd, where no lease is 0; others as text. */
function holdsForLease(relation: Compare["relation"], actual: LeaseId, operand: LeaseId): boolean {
  if (relation === "equal") return actual === operand;
  if (relation === "notEqual") return actual !== operand;
  const areNumbers = WHOLE_NUMBER.test(actual) && WHOLE_NUMBER.test(operand);
  const isLess = areNumbers ? BigInt(actual) < BigInt(operand) : actual < operand;
  return relation === "less" ? isLess : !isLess && actual !== operand;
}

/** As large as etcd's at most: longer ones take long to read. The empty text is none, and counts as 0. */
const WHOLE_NUMBER = /^(-?\d{1,19})?$/;

/** The first reason to refuse the plan. It also adds up the keys that its ranges look at. */
class PlanCheck {
  readonly #store: MvccStore;
  readonly #operations: Operations;
  #keysRead = 0;

  constructor(store: MvccStore, operations: Operations) {
    this.#store = store;
    this.#operations = operations;
  }

  /** Puts before reads, and keys before leases, as in etcd: that decides which of several reasons is told. */
  plan(plan: Plan): Refused | null {
    const steps = [...stepsOf(plan)];
    for (const step of steps) {
      const refusal = step.kind === "put" ? this.#put(step) : null;
      if (refusal !== null) return refusal;
    }
    for (const step of steps) {
      const refusal = this.#read(step);
      if (refusal !== null) return refusal;
    }
    return null;
  }

  #put(step: PutCommand): Refused | null {
    return this.#operations.checkKept(step) ?? this.#operations.checkPut(step);
  }

  #read(step: Exclude<Step, Plan>): Refused | null {
    switch (step.kind) {
      case "put":
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

/** All that the plan does, nested plans included. */
function* stepsOf({ steps }: Plan): Generator<Exclude<Step, Plan>> {
  for (const step of steps) {
    if (step.kind === "plan") yield* stepsOf(step);
    else yield step;
  }
}

function runPlan(plan: Plan, store: MvccStore, operations: Operations): TxnResult {
  const results = plan.steps.map((step) => runStep(step, store, operations));
  return { kind: "txn", revision: store.openRevision, succeeded: plan.succeeded, results };
}

function runStep(step: Step, store: MvccStore, operations: Operations): OperationResult {
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
