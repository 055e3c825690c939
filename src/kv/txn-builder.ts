import { invalidArgument, QuorateError } from "../base/errors.ts";
import { NO_OPTIONS } from "../base/options.ts";
import { takes } from "../base/surplus.ts";
import { type CallOptions, callOptions } from "../replica/calls/call.ts";
import { type MakeCompare, makeCompare } from "./compares.ts";
import type { Keyspace } from "./keyspace.ts";
import type { BackendOperationResult } from "./kv-backend.ts";
import type { Compare, TxnCommand } from "./machine/command.ts";
import { TXN_DEPTH_MAX } from "./machine/limits.ts";
import type { Revision } from "./mvcc/key-history.ts";
import { type BasicOps, basicOps, expectResult, type Op } from "./txn-operations.ts";

export interface OpFactory<Value> extends BasicOps<Value> {
  /**
   * A transaction within the transaction. Its compares, like those around it, are about the state before all of it. Eight
   * are nested at most, and their operations count together: above the limits ERR_TOO_LARGE is thrown.
   */
  txn<Done, Otherwise>(
    build: (txn: TxnBuilder<Value, [], []>) => TxnBuilder<Value, Done, Otherwise>,
  ): Op<TxnOutcome<Done, Otherwise>>;
}

/** The tuple of results of a tuple of operations, each of its own type, in the same order. */
export type OpResults<Ops extends readonly Op<unknown>[]> = {
  -readonly [At in keyof Ops]: Ops[At] extends Op<infer Result> ? Result : never;
};

/** Which branch ran, and the results of its operations in their order. */
export type TxnOutcome<Done, Otherwise> = { readonly revision: Revision } & (
  | { readonly ok: true; readonly results: Done }
  | { readonly ok: false; readonly results: Otherwise }
);

interface TxnParts {
  readonly compares: readonly Compare[];
  readonly done: readonly Op<unknown>[];
  readonly otherwise: readonly Op<unknown>[];
}

const NO_OPS: readonly Op<unknown>[] = [];
const NO_PARTS: TxnParts = { compares: [], done: NO_OPS, otherwise: NO_OPS };

/** The whole transaction, to be proposed or to stand within another one. */
interface TxnOp<Done, Otherwise> extends Op<TxnOutcome<Done, Otherwise>> {
  readonly operation: TxnCommand;
}

/**
 * Builds a transaction: if every compare of `when` holds, the operations of `do` run, else those of `otherwise`; all in
 * one step and, if they write, in one revision. Each call gives a new builder. No method is called `then`, so that a
 * builder can be awaited by mistake without harm.
 */
export class TxnBuilder<Value, Done, Otherwise> {
  readonly #space: Keyspace<Value>;
  readonly #parts: TxnParts;

  /** @internal Use `Kv.txn`. */
  constructor(space: Keyspace<Value>, parts: TxnParts = NO_PARTS) {
    this.#space = space;
    this.#parts = parts;
  }

  /** Adds compares. All of them must hold. */
  when(...compares: MakeCompare<Value>[]): TxnBuilder<Value, Done, Otherwise> {
    const added = compares.map((compare) => makeCompare(this.#space, compare));
    return new TxnBuilder(this.#space, { ...this.#parts, compares: [...this.#parts.compares, ...added] });
  }

  /** What runs when every compare holds; without compares it always runs. Called once: a second call throws ERR_INVALID_ARGUMENT. */
  do<const Ops extends readonly Op<unknown>[]>(
    choose: (op: OpFactory<Value>) => Ops,
  ): TxnBuilder<Value, OpResults<Ops>, Otherwise> {
    if (this.#parts.done !== NO_OPS) throw again("do");
    return new TxnBuilder(this.#space, { ...this.#parts, done: chosen("do", choose, this.#ops()) });
  }

  /** What runs when a compare does not hold. Called once, as `do`. */
  otherwise<const Ops extends readonly Op<unknown>[]>(
    choose: (op: OpFactory<Value>) => Ops,
  ): TxnBuilder<Value, Done, OpResults<Ops>> {
    if (this.#parts.otherwise !== NO_OPS) throw again("otherwise");
    return new TxnBuilder(this.#space, {
      ...this.#parts,
      otherwise: chosen("otherwise", choose, this.#ops()),
    });
  }

  /**
   * Runs it. Throws ERR_DUPLICATE_KEY when one branch may write a key twice, ERR_KEY_NOT_FOUND, ERR_LEASE_NOT_FOUND,
   * ERR_TOO_LARGE, and what every write throws.
   */
  async commit(options: CallOptions = NO_OPTIONS): Promise<TxnOutcome<Done, Otherwise>> {
    COMMIT_OPTIONS.check(options);
    const { operation, prev, read } = this.#op();
    checkDepth(operation);
    return read(await this.#space.propose(operation, "txn", { ...options, prev }));
  }

  #ops(): OpFactory<Value> {
    return {
      ...basicOps(this.#space),
      txn: (build) => {
        const built: unknown = typeof build === "function" ? build(new TxnBuilder(this.#space)) : build;
        if (built instanceof TxnBuilder) return built.#op();
        throw invalidArgument("txn", built, "op.txn takes a function that returns the builder it was given");
      },
    };
  }

  #op(): TxnOp<Done, Otherwise> {
    const { compares, done, otherwise } = this.#parts;
    return {
      operation: {
        kind: "txn",
        compares,
        success: done.map(({ operation }) => operation),
        failure: otherwise.map(({ operation }) => operation),
      },
      prev: [...done, ...otherwise].some(({ prev }) => prev === true),
      read: (result) => this.#read(result),
    };
  }

  #read(result: BackendOperationResult): TxnOutcome<Done, Otherwise> {
    const { succeeded, revision, results } = expectResult(result, "txn");
    const ops = succeeded ? this.#parts.done : this.#parts.otherwise;
    const read = ops.map((op, at) => op.read(results[at]!));
    return { ok: succeeded, revision, results: read } as TxnOutcome<Done, Otherwise>;
  }
}

takes(TxnBuilder, { do: 1, otherwise: 1, commit: 1 });

const COMMIT_OPTIONS = callOptions("commit");

function again(branch: string): QuorateError {
  const message = `${branch} was called before on this transaction: give all operations of the branch in one list`;
  return invalidArgument(branch, undefined, message);
}

/** The operations of a branch. Throws ERR_INVALID_ARGUMENT for what gives none. */
function chosen<Value, Ops extends readonly Op<unknown>[]>(
  branch: string,
  choose: (op: OpFactory<Value>) => Ops,
  ops: OpFactory<Value>,
): Ops {
  if (typeof choose !== "function")
    throw invalidArgument(branch, choose, `${branch} takes a function that returns operations`);
  const operations: unknown = choose(ops);
  const areOperations =
    Array.isArray(operations) &&
    operations.every((op: Partial<Op<unknown>> | null) => typeof op?.operation === "object");
  if (areOperations) return operations as unknown as Ops;
  throw invalidArgument(
    branch,
    operations,
    `the function given to ${branch} must return a list of operations`,
  );
}

/** What is nested too deep is no command at all, so it is refused here, where the reason can be told. */
function checkDepth(txn: TxnCommand): void {
  const size = depthOf(txn);
  if (size <= TXN_DEPTH_MAX) return;
  const details = { what: "depth of nested transactions", size, limit: TXN_DEPTH_MAX };
  throw new QuorateError("ERR_TOO_LARGE", `transactions are nested ${size} deep, above the limit`, details);
}

function depthOf({ success, failure }: TxnCommand): number {
  const nested = [...success, ...failure].map((operation) =>
    operation.kind === "txn" ? depthOf(operation) : 0,
  );
  return nested.reduce((deepest, depth) => Math.max(deepest, depth), 0) + 1;
}
