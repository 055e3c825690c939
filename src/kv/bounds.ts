import { type Demands, definite, flag, oneOf, text, wholeOrInfinity } from "../base/options.ts";

/** The ways to select keys by name. Keys compare by their UTF-8 bytes; `prefix` excludes the other four. */
export interface BoundFields {
  readonly prefix: string;
  readonly gt: string;
  readonly gte: string;
  readonly lt: string;
  readonly lte: string;
}

/** The name of one bound, such as `prefix` or `gte`. */
export type BoundName = keyof BoundFields;

/** At least the one bound. */
export type BoundBy<Name extends BoundName> = Pick<BoundFields, Name> &
  Partial<Omit<BoundFields, Name>> & { readonly all?: never };

/**
 * Which keys: those within every bound that is given, one at least, or with `all: true` every key of the store or namespace.
 * Keys are ordered by their UTF-8 bytes. A bound is never `undefined` and never empty, and together they leave room for a
 * key: nothing that is mistyped or unset may come to mean every key.
 */
export type Bounds =
  | { readonly [Name in BoundName]: BoundBy<Name> }[BoundName]
  | ({ readonly all: true } & { readonly [Name in BoundName]?: never });

const bound = definite(text);

export const BOUNDS: Demands<Bounds> = {
  prefix: bound,
  gt: bound,
  gte: bound,
  lt: bound,
  lte: bound,
  all: definite(oneOf(true)),
};

/** How many keys, and from which end. */
export interface RangeOrder {
  /** At most this many keys. */
  readonly limit?: number | undefined;
  /** From the highest key down. */
  readonly reverse?: boolean | undefined;
}

export const RANGE_ORDER: Demands<RangeOrder> = { limit: wholeOrInfinity(0), reverse: flag };

/** Keys to look at, in order. */
export type Range = Bounds & RangeOrder;
