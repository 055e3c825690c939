import type { Clock } from "../base/clock.ts";
import type { Range } from "../kv/bounds.ts";
import type { MakeCompare } from "../kv/compares.ts";
import type { DecodeOr, DecodeOrSkip } from "../kv/decoding.ts";
import type { KvEntry, ReadOptions } from "../kv/keyspace.ts";
import type { WriteResult } from "../kv/kv.ts";
import type { OpFactory, OpResults, TxnOutcome } from "../kv/txn-builder.ts";
import type { Op } from "../kv/txn-operations.ts";
import type { CodecValue, ValuesOption } from "../kv/value-codec.ts";
import type { WatchEvent, WatchOptions } from "../kv/watch.ts";
import type { CallOptions } from "../replica/calls/call.ts";

/**
 * What the recipes of this folder need of a key-value store. `Kv` is one, and so are its namespaces; a client of a
 * store elsewhere can be another. Everything here is built from these calls and from nothing else.
 */
export interface RecipeKv<Value> {
  readonly clock: Clock;
  entry(key: string, options?: ReadOptions): Promise<KvEntry<Value> | undefined>;
  range(options: Range & ReadOptions & DecodeOr<unknown>): RecipeScan<unknown>;
  range(options: Range & ReadOptions & DecodeOrSkip): RecipeScan<Value>;
  put(key: string, value: Value, options?: RecipePutOptions): Promise<WriteResult>;
  delete(key: string, options?: CallOptions): Promise<WriteResult>;
  watch(options: WatchOptions & DecodeOrSkip): RecipeWatch<Value>;
  txn(): RecipeTxn<Value, []>;
  lease(ttlMs: number, options?: CallOptions): Promise<RecipeLease>;
  /** The same keys, with values read and written by another codec. */
  namespace<Values extends ValuesOption>(
    prefix: "",
    options: { readonly values: Values },
  ): RecipeKv<CodecValue<Values>>;
}

export interface RecipePutOptions extends CallOptions {
  readonly lease?: string;
}

/** A lazy read of a range, as recipes use it. `toArray` reads it whole, in key order. */
export interface RecipeScan<Value> {
  toArray(): Promise<KvEntry<Value>[]>;
  /** The revision that the last reading showed. */
  readonly revision: number | undefined;
}

/** The changes of a range in order of revision, one by one or in batches. */
export interface RecipeWatch<Value> extends AsyncIterable<WatchEvent<Value>> {
  batches(): AsyncIterable<readonly WatchEvent<Value>[]>;
}

/** A transaction under construction, as recipes use it. Nothing is sent before `commit`. */
export interface RecipeTxn<Value, Done> {
  when(...compares: MakeCompare<Value>[]): RecipeTxn<Value, Done>;
  do<const Ops extends readonly Op<unknown>[]>(
    choose: (op: OpFactory<Value>) => Ops,
  ): RecipeTxn<Value, OpResults<Ops>>;
  commit(options?: CallOptions): Promise<TxnOutcome<Done, []>>;
}

/** A lease that keeps itself alive. */
export interface RecipeLease {
  readonly id: string;
  /** Aborts before the lease can have ended. */
  readonly signal: AbortSignal;
  revoke(): Promise<void>;
}
