import { type Clock, systemClock } from "../../base/clock.ts";
import { equalStructure } from "../structure.ts";
import type { Model } from "./model.ts";
import { describeOperation, type Operation, textOf } from "./operation.ts";
import { partsOfHistory } from "./parts.ts";
import { type Budget, Search } from "./search.ts";
import { checkWitness } from "./witness.ts";

/** Options of `checkHistory`: a known order of the operations, and limits of the search. */
export interface CheckOptions {
  /**
   * The order in which the operations took effect, by their places in the history, where it is known. Then only this
   * order is checked, in one pass; operations of unknown outcome that never took effect are left out.
   */
  readonly witness?: readonly number[] | undefined;
  /** Steps of the search after which the verdict is `unknown`; three million by default. The same on every machine. */
  readonly stepsMax?: number | undefined;
  /** Milliseconds after which the verdict is `unknown`; none by default. */
  readonly timeoutMs?: number | undefined;
  readonly clock?: Clock | undefined;
}

/** The verdict on a history, and what it rests on. */
export interface HistoryResult {
  /** `unknown` is no success: the search was given up. */
  readonly verdict: "ok" | "illegal" | "unknown";
  /** How many operations there were, and how many steps it took to judge them. */
  readonly operations: number;
  readonly steps: number;
  readonly parts: readonly PartResult[];
  /** What is wrong, in words, on one or more lines; empty when the verdict is `ok`. */
  readonly message: string;
}

/** The verdict on one independent part of the state, such as one key. */
export interface PartResult {
  /** The parts of the state, as the model names them; undefined when they are everything. */
  readonly names: readonly string[] | undefined;
  readonly verdict: "ok" | "illegal" | "unknown";
  /** One legal order; or, when none was found, the longest legal beginnings. By places in the history. */
  readonly orders: readonly (readonly number[])[];
}

const STEPS_MAX = 3_000_000;
/** The clock is asked every so many steps. */
const STEPS_PER_LOOK = 1024;

/**
 * Whether clients could tell the system from one that does one thing at a time, each at some moment between its call
 * and its return (linearizability, Herlihy and Wing 1990). In the worst case the time is exponential, which is why
 * there is a third verdict.
 */
export function checkHistory<State, Input, Output>(
  operations: readonly Operation<Input, Output>[],
  model: Model<State, Input, Output>,
  options: CheckOptions = {},
): HistoryResult {
  if (options.witness !== undefined) return judgeWitness(operations, model, options.witness);

  const budget = budgetOf(options);
  const parts: PartResult[] = [];
  for (const { names, operations: places } of partsOfHistory(operations, model)) {
    const { verdict, orders } = new Search(operations, places, model).run(budget.mayGoOn);
    parts.push({ names, verdict, orders });
    // One illegal part decides.
    if (verdict === "illegal") break;
  }
  const verdict = worst(parts.map((part) => part.verdict));
  const message = verdict === "ok" ? "" : explain(operations, model, parts, verdict);
  return { verdict, operations: operations.length, steps: budget.steps(), parts, message };
}

function judgeWitness<State, Input, Output>(
  operations: readonly Operation<Input, Output>[],
  model: Model<State, Input, Output>,
  order: readonly number[],
): HistoryResult {
  const fault = checkWitness(operations, model, order);
  const verdict = fault === null ? "ok" : "illegal";
  const part: PartResult = { names: undefined, verdict, orders: [order] };
  const message = fault?.message ?? "";
  return { verdict, operations: operations.length, steps: order.length, parts: [part], message };
}

function budgetOf({ stepsMax = STEPS_MAX, timeoutMs, clock = systemClock }: CheckOptions): {
  readonly mayGoOn: Budget;
  steps(): number;
} {
  const end = timeoutMs === undefined ? null : clock.monotonic() + timeoutMs;
  let steps = 0;
  let isOver = false;
  const mayGoOn = (): boolean => {
    if (isOver) return false;
    steps++;
    const isLate = end !== null && steps % STEPS_PER_LOOK === 0 && clock.monotonic() >= end;
    isOver = isLate || steps > stepsMax;
    return !isOver;
  };
  return { mayGoOn, steps: () => steps };
}

function worst(verdicts: readonly HistoryResult["verdict"][]): HistoryResult["verdict"] {
  return (["illegal", "unknown"] as const).find((verdict) => verdicts.includes(verdict)) ?? "ok";
}

function explain<State, Input, Output>(
  operations: readonly Operation<Input, Output>[],
  model: Model<State, Input, Output>,
  parts: readonly PartResult[],
  verdict: "illegal" | "unknown",
): string {
  const part = parts.find((each) => each.verdict === verdict)!;
  const where = part.names === undefined ? "" : ` on ${part.names.slice(0, 5).join(", ")}`;
  if (verdict === "unknown")
    return `the ${model.name} history${where} was not judged: the search was given up`;

  const order = part.orders[0] ?? [];
  let state = model.init();
  for (const at of order) [state] = model.step(state, operations[at]!.input);
  const placed = new Set(order);
  const left = partsOfHistory(operations, model)
    .find(({ names }) => names === part.names || names?.[0] === part.names?.[0])!
    .operations.filter((at) => !placed.has(at));
  return [
    `not linearizable as a ${model.name}${where}: ${order.length} operations can be put in order, the next cannot`,
    ...order.slice(-5).map((at) => `  then ${describeOperation(operations[at]!, at)}`),
    ...nextAmong(operations, left).map((at) => `  but  ${objection(operations[at]!, at, model, state)}`),
  ].join("\n");
}

/** Those that had to come next: called before any of those left has returned. */
function nextAmong(operations: readonly Operation[], left: readonly number[]): number[] {
  const returns = left.map((at) => returnOf(operations[at]!));
  const first = Math.min(...returns);
  return left.filter((at) => operations[at]!.unknown !== true && operations[at]!.call <= first).slice(0, 5);
}

function returnOf(operation: Operation): number {
  return operation.unknown === true ? Number.POSITIVE_INFINITY : operation.return;
}

function objection<State, Input, Output>(
  operation: Operation<Input, Output>,
  at: number,
  model: Model<State, Input, Output>,
  state: State,
): string {
  const [, expected] = model.step(state, operation.input);
  const fits = operation.unknown === true || operation.output === undefined;
  const agrees =
    fits ||
    (model.accepts?.(expected, operation.output as Output, operation.input) ??
      equalStructure(expected, operation.output));
  const verdict = agrees ? "fits here, but leads nowhere" : `should be ${textOf(expected)}`;
  return `${describeOperation(operation, at)}: ${verdict}`;
}
