import { assert } from "../base/assert.ts";
import type { Random } from "../base/random.ts";

/**
 * Makes a value out of chance, and of nothing else: the same chance, the same value. Commands, queries and anything
 * else that a test needs many of are given as one of these.
 */
export type Generator<Value> = (random: Random) => Value;

/** Always the same value. */
export function constant<Value>(value: Value): Generator<Value> {
  return () => value;
}

/** One of the values, each as likely. */
export function pick<Value>(...values: readonly Value[]): Generator<Value> {
  assert(values.length > 0, "there is something to pick from");
  return (random) => values[random.between(0, values.length - 1)]!;
}

/** A whole number in [low, high], both ends included. */
export function integer(low: number, high: number): Generator<number> {
  return (random) => random.between(low, high);
}

/** What one of the generators makes, each as likely. */
export function oneOf<Value>(...generators: readonly Generator<Value>[]): Generator<Value> {
  assert(generators.length > 0, "there is something to make");
  return (random) => generators[random.between(0, generators.length - 1)]!(random);
}

/** What one of the generators makes, as likely as its weight says. */
export function weighted<Value>(
  ...choices: readonly (readonly [number, Generator<Value>])[]
): Generator<Value> {
  const total = choices.reduce((sum, [weight]) => sum + weight, 0);
  assert(total > 0, "some choice has a weight");
  return (random) => {
    let left = random.fraction() * total;
    for (const [weight, generator] of choices) {
      left -= weight;
      if (left < 0) return generator(random);
    }
    return choices.at(-1)![1](random);
  };
}

/** An object with each field made by its generator, in the order of the fields. */
export function record<Fields extends Record<string, unknown>>(
  generators: {
    readonly [Name in keyof Fields]: Generator<Fields[Name]>;
  },
): Generator<Fields> {
  return (random) =>
    Object.fromEntries(
      Object.entries(generators).map(([name, generator]) => [
        name,
        (generator as Generator<unknown>)(random),
      ]),
    ) as Fields;
}
