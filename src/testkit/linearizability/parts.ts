import type { Model } from "./model.ts";
import type { Operation } from "./operation.ts";

/** The operations on one set of parts that no other operation touches, by their places in the history. */
export interface Part {
  /** The names of these parts; undefined when they are everything. */
  readonly names: readonly string[] | undefined;
  readonly operations: readonly number[];
}

/**
 * Splits a history where the model allows it. An operation on several parts ties them together, so that a store's
 * transactions are checked with the keys that they touch, and only with these.
 */
export function partsOfHistory<State, Input, Output>(
  operations: readonly Operation<Input, Output>[],
  model: Model<State, Input, Output>,
): Part[] {
  const touched = operations.map(({ input }) => model.partsOf?.(input) ?? null);
  if (touched.includes(null)) return [{ names: undefined, operations: operations.map((_, at) => at) }];

  const ties = new Ties();
  for (const names of touched) for (const name of names!) ties.tie(names![0]!, name);

  const parts = new Map<string, { names: Set<string>; operations: number[] }>();
  for (const [at, names] of touched.entries()) {
    // What touches nothing can be checked alone, wherever.
    const root = names!.length === 0 ? "" : ties.rootOf(names![0]!);
    const part = parts.get(root) ?? { names: new Set<string>(), operations: [] };
    parts.set(root, part);
    part.operations.push(at);
    for (const name of names!) part.names.add(name);
  }
  return [...parts.values()].map((part) => ({ names: [...part.names], operations: part.operations }));
}

/** Which names belong together (union-find). */
class Ties {
  readonly #parents = new Map<string, string>();

  rootOf(name: string): string {
    let root = name;
    for (let up = this.#parents.get(root); up !== undefined; up = this.#parents.get(root)) root = up;
    // The next who asks has a shorter way.
    for (let at = name; at !== root; ) {
      const up = this.#parents.get(at)!;
      this.#parents.set(at, root);
      at = up;
    }
    return root;
  }

  tie(one: string, other: string): void {
    const [from, to] = [this.rootOf(one), this.rootOf(other)];
    if (from !== to) this.#parents.set(from, to);
  }
}
