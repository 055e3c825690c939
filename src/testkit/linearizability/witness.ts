import { equalStructure } from "../structure.ts";
import type { Model } from "./model.ts";
import { describeOperation, type Operation, textOf } from "./operation.ts";

/** Why an order is not the one in which the operations took effect. */
export interface WitnessFault {
  /** The place in the history of the operation that does not fit, or null where one is missing. */
  readonly operation: number | null;
  readonly message: string;
}

/**
 * Replays the operations in the order in which they are said to have taken effect, such as the order of a log:
 * every answer must be the model's, and nobody may come after one who was called only when he had returned. One pass
 * over the history, whatever its length. Null when the order holds.
 */
export function checkWitness<State, Input, Output>(
  operations: readonly Operation<Input, Output>[],
  model: Model<State, Input, Output>,
  order: readonly number[],
): WitnessFault | null {
  const seen = new Set<number>();
  let state = model.init();
  let latestCall = Number.NEGATIVE_INFINITY;
  let latest = -1;

  for (const at of order) {
    const operation = operations[at];
    if (operation === undefined || seen.has(at)) {
      return {
        operation: at,
        message: `the order names operation #${at}, which is not there or came already`,
      };
    }
    seen.add(at);
    const [next, expected] = model.step(state, operation.input);
    state = next;
    if (operation.unknown !== true) {
      const answer = operation.output;
      const fits =
        answer === undefined ||
        (model.accepts?.(expected, answer, operation.input) ?? equalStructure(expected, answer));
      if (!fits) {
        return {
          operation: at,
          message: `${describeOperation(operation, at)}: ${textOf(expected)} was to be answered`,
        };
      }
      if (operation.return < latestCall) {
        return {
          operation: at,
          message: `${describeOperation(operation, at)} had returned before ${describeOperation(operations[latest]!, latest)} was called, which took effect earlier`,
        };
      }
    }
    if (operation.call > latestCall) [latestCall, latest] = [operation.call, at];
  }

  const missing = operations.findIndex(({ unknown }, at) => unknown !== true && !seen.has(at));
  if (missing === -1) return null;
  return {
    operation: missing,
    message: `${describeOperation(operations[missing]!, missing)} was answered and never took effect`,
  };
}
