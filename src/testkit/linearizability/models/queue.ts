import type { Model } from "../model.ts";

/** An operation on `queueModel`. */
export type QueueInput<Value> =
  | { readonly kind: "enqueue"; readonly value: Value }
  | { readonly kind: "dequeue" };

/** First in, first out. An `enqueue` answers null, a `dequeue` the value, or null where there is none. */
export function queueModel<Value>(): Model<readonly Value[], QueueInput<Value>, Value | null> {
  return {
    name: "queue",
    init: () => [],
    step(values, input) {
      if (input.kind === "enqueue") return [[...values, input.value], null];
      return [values.slice(1), values[0] ?? null];
    },
  };
}
