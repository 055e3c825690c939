import type { Model } from "../model.ts";

/** One transaction: what it does, in order. */
export type ListAppendInput<Value> = readonly (
  | { readonly kind: "append"; readonly key: string; readonly value: Value }
  | { readonly kind: "read"; readonly key: string }
)[];

/** The state of the list-append model: the values of each list, oldest first. */
export type Lists<Value> = ReadonlyMap<string, readonly Value[]>;

/**
 * Lists to which transactions append, and which they read whole. With values that occur once, every read tells the
 * whole history of its list, which finds more than a register would (Kingsbury and Alvaro 2020). An append answers
 * null, a read the list.
 */
export function listAppendModel<Value>(): Model<
  Lists<Value>,
  ListAppendInput<Value>,
  readonly (readonly Value[] | null)[]
> {
  return {
    name: "set of lists",
    init: () => new Map(),
    step(lists, transaction) {
      const answers = transaction.map((each) => {
        const list = lists.get(each.key) ?? [];
        if (each.kind === "read") return list;
        lists = new Map(lists).set(each.key, [...list, each.value]);
        return null;
      });
      return [lists, answers];
    },
    isRead: (transaction) => transaction.every(({ kind }) => kind === "read"),
    partsOf: (transaction) => [...new Set(transaction.map(({ key }) => key))],
  };
}
