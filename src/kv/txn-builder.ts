import { assert } from "../base/assert.ts";
import { QuorateError } from "../base/errors.ts";
import type { CallOptions } from "../replica/call.ts";
import { toByteString } from "./byte-text.ts";
import type { Compare, CompareRelation, CompareTarget, Operation } from "./command.ts";
import { NO_LEASE, type Revision } from "./key-history.ts";
import { singleKey } from "./key-range.ts";
import type { Keyspace, KvEntry, Range } from "./keyspace.ts";
import type { BackendOperationResult } from "./kv-backend.ts";
import { type SelectionOptions, selectionOf } from "./selection.ts";

/** A claim about one key, made by `when`. */
export interface Claim {
  readonly compare: Compare;
}

export interface FieldClaims<Field> {
  eq(operand: Field): Claim;
  ne(operand: Field): Claim;
  lt(operand: Field): Claim;
  gt(operand: Field): Claim;
}

/**
 * What can be claimed of a key. The numbers of a missing key are 0 and its lease is empty; a claim about the value of
 * a missing key never holds, not even `ne`. Values are compared by their encoded bytes.
 */
export interface KeyClaims<Value> {
  exists(): Claim;
  missing(): Claim;
  readonly value: FieldClaims<Value>;
  readonly version: FieldClaims<number>;
  readonly modRevision: FieldClaims<Revision>;
  readonly createRevision: FieldClaims<Revision>;
  readonly lease: FieldClaims<string>;
}

/** One operation of a transaction, and how its result is read. */
export interface Op<Result> {
  readonly operation: Operation;
  /** Whether the result needs what was there before. */
  readonly prev?: boolean | undefined;
  read(result: BackendOperationResult): Result;
}

export interface OpFactory<Value> {
  get(key: string): Op<KvEntry<Value> | undefined>;
  /**
   * What a transaction reads in all is at most 10,000 keys, or it is refused with ERR_TOO_LARGE: set a limit, or read
   * outside. A sorted or filtered range counts with all of its keys.
   */
  range(range: Range & SelectionOptions): Op<KvEntry<Value>[]>;
  /** Its result is what was there before, if `prev` is set and there was something. */
  put(
    key: string,
    value: Value,
    options?: {
      readonly lease?: string | { readonly id: string } | undefined;
      readonly prev?: boolean | undefined;
    },
  ): Op<KvEntry<Value> | undefined>;
  /** Its result is the number of keys deleted. */
  delete(keyOrRange: string | Range): Op<number>;
}

export type OpResults<Ops extends readonly Op<unknown>[]> = {
  -readonly [At in keyof Ops]: Ops[At] extends Op<infer Result> ? Result : never;
};

/** Which branch ran, and the results of its operations in their order. */
export type TxnOutcome<Done, Otherwise> = { readonly revision: Revision } & (
  | { readonly ok: true; readonly results: Done }
  | { readonly ok: false; readonly results: Otherwise }
);

interface TxnParts {
  readonly claims: readonly Claim[];
  readonly done: readonly Op<unknown>[];
  readonly otherwise: readonly Op<unknown>[];
}

/**
 * Builds a transaction: if every claim of `when` holds, the operations of `do` run, else those of `otherwise`; all in
 * one step and, if they write, in one revision. Each call gives a new builder. No method is called `then`, so that a
 * builder can be awaited by mistake without harm.
 */
export class TxnBuilder<Value, Done, Otherwise> {
  readonly #space: Keyspace<Value>;
  readonly #parts: TxnParts;

  /** Use `Kv.txn`. */
  constructor(space: Keyspace<Value>, parts: TxnParts = { claims: [], done: [], otherwise: [] }) {
    this.#space = space;
    this.#parts = parts;
  }

  /** Adds claims. All of them must hold. */
  when(...claims: ((key: (key: string) => KeyClaims<Value>) => Claim)[]): TxnBuilder<Value, Done, Otherwise> {
    const added = claims.map((claim) => claim((key) => keyClaims(this.#space, key)));
    return new TxnBuilder(this.#space, { ...this.#parts, claims: [...this.#parts.claims, ...added] });
  }

  /** What runs when every claim holds; without claims it always runs. */
  do<const Ops extends readonly Op<unknown>[]>(
    choose: (op: OpFactory<Value>) => Ops,
  ): TxnBuilder<Value, OpResults<Ops>, Otherwise> {
    return new TxnBuilder(this.#space, { ...this.#parts, done: choose(opFactory(this.#space)) });
  }

  /** What runs when a claim does not hold. */
  otherwise<const Ops extends readonly Op<unknown>[]>(
    choose: (op: OpFactory<Value>) => Ops,
  ): TxnBuilder<Value, Done, OpResults<Ops>> {
    return new TxnBuilder(this.#space, { ...this.#parts, otherwise: choose(opFactory(this.#space)) });
  }

  /**
   * Runs it. Throws ERR_DUPLICATE_KEY when one branch may write a key twice, ERR_LEASE_NOT_FOUND, ERR_TOO_LARGE, and
   * what every write throws.
   */
  async commit(options: CallOptions = {}): Promise<TxnOutcome<Done, Otherwise>> {
    const { claims, done, otherwise } = this.#parts;
    const compares = claims.map(({ compare }) => compare);
    const success = done.map(({ operation }) => operation);
    const failure = otherwise.map(({ operation }) => operation);
    const command = { kind: "txn", compares, success, failure } as const;
    const { succeeded, revision, results } = await this.#space.propose(command, "txn", {
      ...options,
      prev: [...done, ...otherwise].some(({ prev }) => prev === true),
    });

    const ops = succeeded ? done : otherwise;
    const read = ops.map((op, at) => op.read(results[at]!));
    return { ok: succeeded, revision, results: read } as TxnOutcome<Done, Otherwise>;
  }
}

function keyClaims<Value>(space: Keyspace<Value>, text: string): KeyClaims<Value> {
  const range = singleKey(space.key(text));
  const claim = (target: CompareTarget, relation: CompareRelation, operand: string | number): Claim => ({
    compare: { range, target, relation, operand },
  });
  const field = <Field>(
    target: CompareTarget,
    encode: (operand: Field) => string | number,
  ): FieldClaims<Field> => ({
    eq: (operand) => claim(target, "equal", encode(operand)),
    ne: (operand) => claim(target, "notEqual", encode(operand)),
    lt: (operand) => claim(target, "less", encode(operand)),
    gt: (operand) => claim(target, "greater", encode(operand)),
  });
  return {
    exists: () => claim("createRevision", "greater", 0),
    missing: () => claim("createRevision", "equal", 0),
    value: field("value", (value: Value) => space.codec.encode(value)),
    version: field("version", wholeNumber),
    modRevision: field("modRevision", wholeNumber),
    createRevision: field("createRevision", wholeNumber),
    lease: field("lease", (lease: string) => toByteString(lease, "lease")),
  };
}

export function wholeNumber(operand: number): number {
  if (Number.isSafeInteger(operand) && operand >= 0) return operand;
  const details = { argument: "operand", received: operand };
  throw new QuorateError(
    "ERR_INVALID_ARGUMENT",
    "versions and revisions are whole numbers, 0 or more",
    details,
  );
}

function opFactory<Value>(space: Keyspace<Value>): OpFactory<Value> {
  return {
    get: (key) => ({
      operation: {
        kind: "range",
        range: singleKey(space.key(key)),
        revision: null,
        limit: 1,
        reverse: false,
        selection: null,
      },
      read: (result) => space.maybeEntry(expect(result, "range").versions[0]),
    }),
    range: (range) => ({
      operation: {
        kind: "range",
        range: space.range(range),
        revision: null,
        limit: wholeNumber(range.limit ?? 0),
        reverse: range.reverse === true,
        selection: selectionOf(range),
      },
      read: (result) => expect(result, "range").versions.map((version) => space.entry(version)),
    }),
    put: (key, value, { lease, prev } = {}) => ({
      operation: {
        kind: "put",
        key: space.key(key),
        value: space.codec.encode(value),
        lease: leaseId(lease),
      },
      prev,
      read: (result) => (prev === true ? space.maybeEntry(expect(result, "put").previous) : undefined),
    }),
    delete: (keyOrRange) => ({
      operation: { kind: "delete", range: space.keyOrRange(keyOrRange) },
      read: (result) => expect(result, "delete").deleted.length,
    }),
  };
}

/** The id of a lease that is given by id or as itself. */
export function leaseId(lease: string | { readonly id: string } | undefined): string {
  if (lease === undefined) return NO_LEASE;
  return toByteString(typeof lease === "string" ? lease : lease.id, "lease");
}

function expect<Kind extends BackendOperationResult["kind"]>(
  result: BackendOperationResult,
  kind: Kind,
): Extract<BackendOperationResult, { kind: Kind }> {
  assert(result.kind === kind, "each operation has its kind of result");
  return result as Extract<BackendOperationResult, { kind: Kind }>;
}
