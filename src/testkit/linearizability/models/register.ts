import { equalStructure } from "../../structure.ts";
import type { Model } from "../model.ts";

/** An operation on `registerModel`. */
export type RegisterInput<Value> =
  | { readonly kind: "read" }
  | { readonly kind: "write"; readonly value: Value }
  | { readonly kind: "compare-and-set"; readonly expected: Value; readonly value: Value };

/** A value, null for a write, whether a compare-and-set found what it expected. */
export type RegisterOutput<Value> = Value | boolean | null;

/** One value. */
export function registerModel<Value>(
  initial: Value,
): Model<Value, RegisterInput<Value>, RegisterOutput<Value>> {
  return {
    name: "register",
    init: () => initial,
    isRead: ({ kind }, output) => kind === "read" || (kind === "compare-and-set" && output === false),
    step(value, input) {
      switch (input.kind) {
        case "read":
          return [value, value];
        case "write":
          return [input.value, null];
        case "compare-and-set": {
          const holds = equalStructure(value, input.expected);
          return [holds ? input.value : value, holds];
        }
      }
    },
  };
}
