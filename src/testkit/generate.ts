import { assert } from "../base/assert.ts";
import { exact } from "../base/surplus.ts";

/** What values are made of. A `Random` is one, and so is the chance of a simulated run. */
export interface RandomSource {
  /** A number in [0, 1). */
  fraction(): number;
  /** A whole number in [low, high], both ends included. */
  between(low: number, high: number): number;
}

/**
 * Makes a value out of chance, and of nothing else: the same chance, the same value. Commands, queries and anything
 * else that a test needs many of are given as one of these.
 */
export type Generator<Value> = (dice: RandomSource) => Value;

/** Always the same value. */
export const constant = exact("constant", 1, function constant<Value>(value: Value): Generator<Value> {
  return () => value;
});

/** One of the values, each as likely. */
export function pick<Value>(...values: readonly Value[]): Generator<Value> {
  assert(values.length > 0, "there is something to pick from");
  return (dice) => values[dice.between(0, values.length - 1)]!;
}

/** A whole number in [low, high], both ends included. */
export const integer = exact("integer", 2, function integer(low: number, high: number): Generator<number> {
  return (dice) => dice.between(low, high);
});

/** What one of the generators makes, each as likely. */
export function oneOf<Value>(...generators: readonly Generator<Value>[]): Generator<Value> {
  assert(generators.length > 0, "there is something to make");
  return (dice) => generators[dice.between(0, generators.length - 1)]!(dice);
}

/** What one of the generators makes, as likely as its weight says. */
export function weighted<Value>(
  ...choices: readonly (readonly [number, Generator<Value>])[]
): Generator<Value> {
  const total = choices.reduce((sum, [weight]) => sum + weight, 0);
  assert(total > 0, "some choice has a weight");
  return (dice) => {
    let left = dice.fraction() * total;
    for (const [weight, generator] of choices) {
      left -= weight;
      if (left < 0) return generator(dice);
    }
    return choices.at(-1)![1](dice);
  };
}

/** An object with each field made by its generator, in the order of the fields. */
export const record = exact(
  "record",
  1,
  function record<Fields extends Record<string, unknown>>(
    generators: {
      readonly [Name in keyof Fields]: Generator<Fields[Name]>;
    },
  ): Generator<Fields> {
    return (dice) =>
      Object.fromEntries(
        Object.entries(generators).map(([name, generator]) => [
          name,
          (generator as Generator<unknown>)(dice),
        ]),
      ) as Fields;
  },
);
