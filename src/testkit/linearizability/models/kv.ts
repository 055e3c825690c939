import { equalStructure, structureKey } from "../../structure.ts";
import type { Model } from "../model.ts";

/** An operation on `kvModel`: a write, a read, a compare-and-set, or a transaction. */
export type KvInput<Value> =
  | KvWrite<Value>
  | { readonly kind: "get"; readonly key: string }
  | {
      readonly kind: "compare-and-set";
      readonly key: string;
      /** What the key must hold; null where it must not exist. */
      readonly expected: Value | null;
      readonly value: Value;
    }
  | {
      /** Carries out `success` when all of `compare` holds, else `failure`, at one moment. */
      readonly kind: "txn";
      readonly compare: readonly { readonly key: string; readonly value: Value | null }[];
      readonly success: readonly (KvWrite<Value> | { readonly kind: "get"; readonly key: string })[];
      readonly failure: readonly (KvWrite<Value> | { readonly kind: "get"; readonly key: string })[];
    };

/** A write of one key. */
export type KvWrite<Value> =
  | { readonly kind: "put"; readonly key: string; readonly value: Value }
  | { readonly kind: "delete"; readonly key: string };

/**
 * For `get` the value, or null where there is none; for `put` null; for `delete` whether there was something; for a
 * compare-and-set whether it found what it expected; for a transaction whether the comparisons held, and the answers.
 */
export type KvOutput<Value> =
  | Value
  | boolean
  | null
  | { readonly succeeded: boolean; readonly answers: readonly (Value | boolean | null)[] };

/** The state of `kvModel`: the keys that exist, and their values. */
export type KvState<Value> = ReadonlyMap<string, Value>;

/** Keys and values, checked key by key where no transaction ties them together. */
export function kvModel<Value>(): Model<KvState<Value>, KvInput<Value>, KvOutput<Value>> {
  return {
    name: "key-value store",
    init: () => new Map(),
    step,
    partsOf: keysOf,
    isRead,
    // Within a part there are few keys.
    stateKey: structureKey,
  };
}

function step<Value>(
  state: KvState<Value>,
  input: KvInput<Value>,
): readonly [KvState<Value>, KvOutput<Value>] {
  switch (input.kind) {
    case "compare-and-set": {
      const holds = equalStructure(state.get(input.key) ?? null, input.expected);
      return holds ? [new Map(state).set(input.key, input.value), true] : [state, false];
    }
    case "txn": {
      const succeeded = input.compare.every(({ key, value }) =>
        equalStructure(state.get(key) ?? null, value),
      );
      const answers: (Value | boolean | null)[] = [];
      for (const each of succeeded ? input.success : input.failure) {
        const [next, answer] = simpleStep(state, each);
        state = next;
        answers.push(answer);
      }
      return [state, { succeeded, answers }];
    }
    default:
      return simpleStep(state, input);
  }
}

function simpleStep<Value>(
  state: KvState<Value>,
  input: KvWrite<Value> | { readonly kind: "get"; readonly key: string },
): readonly [KvState<Value>, Value | boolean | null] {
  switch (input.kind) {
    case "get":
      return [state, state.get(input.key) ?? null];
    case "put":
      return [new Map(state).set(input.key, input.value), null];
    case "delete": {
      const next = new Map(state);
      return [next, next.delete(input.key)];
    }
  }
}

function isRead<Value>(input: KvInput<Value>, output: KvOutput<Value>): boolean {
  switch (input.kind) {
    case "get":
      return true;
    case "put":
      return false;
    case "txn": {
      const { succeeded } = output as { readonly succeeded: boolean };
      return (succeeded ? input.success : input.failure).every(({ kind }) => kind === "get");
    }
    default:
      return output === false;
  }
}

function keysOf<Value>(input: KvInput<Value>): readonly string[] {
  if (input.kind !== "txn") return [input.key];
  return [...new Set([...input.compare, ...input.success, ...input.failure].map(({ key }) => key))];
}
