import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import type { CallOptions } from "../replica/calls/call.ts";
import type { ReadOptions as BarrierOptions } from "../replica/calls/reads.ts";
import type { KvMetrics } from "./kv-metrics.ts";
import type { Command, SessionId } from "./machine/command.ts";
import type {
  CountResult,
  DeleteResult,
  KvResult,
  LeaseRevokeResult,
  PutResult,
  RangeResult,
  TxnResult,
} from "./machine/result.ts";
import type { KeyVersion, LeaseId, Revision } from "./mvcc/key-history.ts";
import type { Key, KeyRange } from "./mvcc/key-range.ts";
import type { WatchBatch, WatchRequest } from "./mvcc/watch-hub.ts";

/**
 * What `Kv` and its handles stand on: the state machine of a member in this process, or a server elsewhere. Everything
 * is in byte strings. Calls reject with QuorateErrors, or with the reason of the caller's signal.
 */
export interface KvBackend {
  readonly clock: Clock;
  /** Spreads retries. Those who would otherwise do the same at the same time draw different numbers. */
  readonly random: Random;
  /** An id that no lease has. The empty one lets the machine choose; then nobody can revoke it who has not heard of it. */
  newLeaseId(): LeaseId;

  /** Has a command agreed on. What the machine refuses is a result. */
  propose(command: Command, options?: ProposeOptions): Promise<BackendResult>;
  /** One key. */
  get(key: Key, options?: BackendRead): Promise<ReadKey>;
  /** Keys of a range from its beginning: as many as are given at once, and `limit` at most. */
  range(request: RangeRequest, options?: BackendRead): Promise<RangeAnswer>;
  /** How many keys there are in a range. */
  count(range: KeyRange, options?: BackendRead): Promise<CountAnswer>;
  /** Begins to watch. `onReady` is called when there is something to take. */
  watch(request: WatchRequest, onReady: () => void): KvWatcher;
  /** All leases, in the order in which they were granted where that is known. */
  leases(options?: BarrierOptions): Promise<readonly LeaseFacts[]>;
  lease(id: LeaseId, options?: BarrierOptions): Promise<LeaseFacts | undefined>;
  hash(revision: Revision | undefined, options?: BackendRead): Promise<StateHash>;
  /** The lowest number that a client session has never used; undefined when there is no such session. */
  sessionNext(id: SessionId, options?: BarrierOptions): Promise<number | undefined>;
  metrics(): KvMetrics;
  /** Nothing is asked any more. */
  close(): void;
}

export interface ProposeOptions extends CallOptions {
  /** Whether the caller looks at what was there before. */
  readonly prev?: boolean | undefined;
}

/** As the machine has it, but of what was deleted no more than `Deleted`: a server elsewhere does not tell it unasked. */
export type BackendResult =
  | Exclude<KvResult, DeleteResult | TxnResult | LeaseRevokeResult>
  | Counted<DeleteResult>
  | Counted<LeaseRevokeResult>
  | BackendTxnResult;

/** The result of one operation of a transaction, as a backend returns it, before values are decoded. */
export type BackendOperationResult =
  | PutResult
  | RangeResult
  | CountResult
  | Counted<DeleteResult>
  | BackendTxnResult;

/** The result of a transaction, as a backend returns it, before values are decoded. */
export interface BackendTxnResult extends Omit<TxnResult, "results"> {
  readonly results: readonly BackendOperationResult[];
}

/**
 * A result in which deleted keys may be only counted: a remote store returns them only where `prev` was
 * requested.
 */
export type Counted<Result> = Omit<Result, "deleted"> & { readonly deleted: Deleted };

/** How many keys were deleted, and what they were wherever `prev` was asked for. */
export type Deleted = readonly KeyVersion[] | { readonly length: number };

export interface BackendRead extends BarrierOptions {
  /** The revision to show; the newest by default. */
  readonly revision?: Revision | undefined;
  /** Whether an earlier answer has shown this revision, so that there is nothing to wait for. */
  readonly isShown?: boolean | undefined;
}

export interface ReadKey {
  readonly version: KeyVersion | undefined;
  /** The revision that the answer shows. */
  readonly revision: Revision;
}

export interface RangeRequest {
  readonly range: KeyRange;
  /** Infinity gives all. */
  readonly limit: number;
  readonly reverse?: boolean | undefined;
  /** Whether the values may be left out. */
  readonly keysOnly?: boolean | undefined;
}

export interface RangeAnswer {
  readonly versions: readonly KeyVersion[];
  /** Whether there are more behind them, within the range. */
  readonly more: boolean;
  /** The revision that they show. */
  readonly revision: Revision;
}

export interface CountAnswer {
  readonly count: number;
  readonly revision: Revision;
}

/** A watch as its handle sees it; `Watcher` is one. */
export interface KvWatcher {
  /** The revision at its beginning; 0 where that is not known yet. */
  readonly startedAt: Revision;
  /** Up to where everything was handed out, and nothing waits; null otherwise. */
  readonly progress: Revision | undefined;
  /** Up to where everything was handed out, whatever waits; null before the first revision of interest. */
  readonly told: Revision | undefined;
  /** Whether taking goes on to take a while. */
  readonly isBehind: boolean;
  /** The next changes, or null when there are none now. Throws what has ended the watch. */
  take(): WatchBatch | undefined;
  close(): void;
}

export interface LeaseFacts {
  readonly id: LeaseId;
  readonly ttlMs: number;
  readonly remainingMs: number;
  readonly keys: Iterable<Key>;
}

/** The checksum of the store at one revision. Compare it between members at the same revision only. */
export interface StateHash {
  readonly revision: Revision;
  /** A CRC-32 of the keys as they were at `revision`; members that agree have equal ones. */
  readonly hash: number;
}
