import { isDeepStrictEqual } from "node:util";
import type { Model, Operation } from "../../../src/testkit/linearizability/index.ts";

/** Tries every order of every choice of the unknown operations: slow, and too simple to be wrong. */
export function isLinearizable<State, Input, Output>(
  operations: readonly Operation<Input, Output>[],
  model: Model<State, Input, Output>,
): boolean {
  const tryFrom = (state: State, left: readonly Operation<Input, Output>[]): boolean => {
    if (left.every((operation) => operation.unknown === true)) return true;
    return left.some((operation) => {
      const isTooEarly = left.some((other) => other.unknown !== true && other.return < operation.call);
      if (isTooEarly) return false;
      const [next, expected] = model.step(state, operation.input);
      if (operation.unknown !== true && !isDeepStrictEqual(expected, operation.output)) return false;
      return tryFrom(
        next,
        left.filter((other) => other !== operation),
      );
    });
  };
  return tryFrom(model.init(), operations);
}
