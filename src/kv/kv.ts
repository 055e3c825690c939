import type { Clock } from "../base/clock.ts";
import { invalidArgument, QuorateError } from "../base/errors.ts";
import { type Demands, definite, flag, NO_OPTIONS, OptionTable, text, whole } from "../base/options.ts";
import { exact, takes } from "../base/surplus.ts";
import { CALL, type CallOptions, callOptions } from "../replica/calls/call.ts";
import { READ as BARRIER, type ReadOptions as BarrierOptions } from "../replica/calls/reads.ts";
import { BOUNDS, type Bounds } from "./bounds.ts";
import { fromByteString, toByteString } from "./byte-text.ts";
import { ClientSession, type OpenedSession } from "./client-session.ts";
import { DECODE, type DecodeChoice, type DecodeOr, type DecodeOrRaw, type DecodeOrSkip } from "./decoding.ts";
import { Keyspace, type KvEntry, READ, type ReadOptions } from "./keyspace.ts";
import type { LeaseFacts, StateHash } from "./kv-backend.ts";
import { KV_LIMITS, KvContext, type KvLimits, type KvReplica } from "./kv-context.ts";
import type { KvMetrics } from "./kv-metrics.ts";
import { Lease } from "./lease.ts";
import { chosenLease, LEASE_CHOICE, type LeaseChoice, leaseId, namedLease } from "./lease-choice.ts";
import type { Compare, CompareTarget, PutCommand } from "./machine/command.ts";
import type { KvMachine } from "./machine/kv-machine.ts";
import { LEASE_TTL_MAX_MS, LEASE_TTL_MIN_MS } from "./machine/lease-table.ts";
import type { KvResult } from "./machine/result.ts";
import { MachineBackend } from "./machine-backend.ts";
import { type LeaseId, NO_LEASE, type Revision } from "./mvcc/key-history.ts";
import { type Key, singleKey } from "./mvcc/key-range.ts";
import { OpenHandles } from "./open-handles.ts";
import { Scan, type ScanOptions } from "./scan.ts";
import { TRANSACT_OPTIONS, type TransactOptions, type Tx, transact } from "./transact.ts";
import { TxnBuilder } from "./txn-builder.ts";
import {
  type CodecValue,
  type ValueCodec,
  type ValuesOption,
  valueCodec,
  valuesOption,
} from "./value-codec.ts";
import { Watch, type WatchOptions } from "./watch.ts";

export interface PutOptions extends CallOptions, LeaseChoice {
  /** Put only if the key does not exist. */
  readonly ifMissing?: boolean;
  /** Put only if the key has this `version`. A key that was deleted and made again counts from 1 again. */
  readonly ifVersion?: number;
  /** Put only if the key's last change was this `modRevision`; 0 if it must not exist. */
  readonly ifRevision?: Revision;
  /** Whether to tell what was there before. */
  readonly prev?: boolean | undefined;
}

/** Options of `touch`: those of `put`, except `ifMissing`, because `touch` needs a key that exists. */
export type TouchOptions = Omit<PutOptions, "ifMissing">;

const TOUCH: Demands<TouchOptions> = {
  ...CALL,
  ...LEASE_CHOICE,
  ifVersion: definite(whole(0)),
  ifRevision: definite(whole(0)),
  prev: flag,
};

const PUT_OPTIONS = new OptionTable<PutOptions>("put", { ...TOUCH, ifMissing: definite(flag) });
const TOUCH_OPTIONS = new OptionTable<TouchOptions>("touch", TOUCH);

/** What every write resolves to: the revision of the store right after it. */
export interface WriteResult {
  /** The revision that the write made; the store's revision where there was nothing to write. */
  readonly revision: Revision;
}

/** What `put` resolves to once the write is committed and applied. */
export interface PutOutcome<Value> extends WriteResult {
  /**
   * What was there before, if `prev` was asked for and there was something. If its value cannot be decoded, reading that
   * throws ERR_DECODE with the outcome `done`.
   */
  readonly prev?: KvEntry<Value>;
}

export interface DeleteOptions extends CallOptions {
  /** Whether to tell what was deleted: keys and values then come back whole, so not for very large ranges. */
  readonly prev?: boolean | undefined;
}

const DELETE_OPTIONS = new OptionTable<DeleteOptions>("delete", { ...CALL, prev: flag });
const DELETE_RANGE = new OptionTable<Bounds>("delete", BOUNDS);

/** What `delete` resolves to. `deleted` is 0 if no key matched. */
export interface DeleteOutcome<Value = never> extends WriteResult {
  /** How many keys were deleted. */
  readonly deleted: number;
  /** What was deleted, in key order, if `prev` was asked for. Values are as in `PutOutcome.prev`. */
  readonly prev?: readonly KvEntry<Value>[];
}

export interface SessionOptions extends CallOptions {
  /** Go on with this session, in place of a new one. */
  readonly id?: string | undefined;
}

const SESSION_OPTIONS = new OptionTable<SessionOptions>("session", { ...CALL, id: text });

export interface LeaseOptions extends CallOptions {
  /** The id that the lease is to have; one that nobody has by default. */
  readonly id?: string | undefined;
}

const LEASE_OPTIONS = new OptionTable<LeaseOptions>("lease", { ...CALL, id: text });
const LEASE_TTL = whole(LEASE_TTL_MIN_MS, LEASE_TTL_MAX_MS);

const GET_OPTIONS = new OptionTable<ReadOptions & DecodeChoice>("get", { ...READ, ...DECODE });
const ENTRY_OPTIONS = new OptionTable<ReadOptions & DecodeChoice>("entry", { ...READ, ...DECODE });
const HASH_OPTIONS = new OptionTable<ReadOptions>("hash", READ);
const LEASES_OPTIONS = new OptionTable<BarrierOptions>("leases", BARRIER);
const LEASE_INFO_OPTIONS = new OptionTable<BarrierOptions>("leaseInfo", BARRIER);
const REVOKE_OPTIONS = callOptions("revoke");
const DISARM_OPTIONS = callOptions("disarm");
const COMPACT_OPTIONS = callOptions("compact");

/** Options of `namespace`: the codec of its values. Without one, it uses that of the store. */
export interface NamespaceOptions<Values> {
  readonly values?: Values;
}

const NAMESPACE_OPTIONS = new OptionTable<NamespaceOptions<ValuesOption>>("namespace", {
  values: definite(valuesOption),
});

export interface HostOptions<Values> extends KvLimits {
  readonly values?: Values;
}

const OVER_OPTIONS = new OptionTable<HostOptions<ValuesOption>>("Kv.over", {
  ...KV_LIMITS,
  values: definite(valuesOption),
});

/** A lease as this member knows it: its id, granted and remaining time, and attached keys. */
export interface LeaseInfo {
  readonly id: string;
  /** Milliseconds that were granted. */
  readonly ttlMs: number;
  /** Milliseconds that are left, by this member's count: it may be behind the leader's by as much as its log is. */
  readonly remainingMs: number;
  /** The keys that hang on it, in order. */
  readonly keys: readonly string[];
}

/**
 * A key-value store with etcd's data model: every write makes a new revision, older ones can be read, watched and
 * compacted away. Text is stored as UTF-8, and keys are in the order of their bytes.
 *
 * Every call takes a `signal` and a `timeoutMs` in milliseconds. A write that fails tells in `outcome` whether it may
 * still have happened; reads are linearizable unless `consistency` says otherwise.
 */
export class Kv<Value> {
  readonly #space: Keyspace<Value>;
  readonly #life: OpenHandles;

  /** @internal Use `Kv.over`. */
  constructor(space: Keyspace<Value>, life: OpenHandles) {
    this.#space = space;
    this.#life = life;
  }

  /** The store on a running member, whose state machine is `machine`. Values are UTF-8 text by default. */
  static over<Values extends ValuesOption = "utf8">(
    replica: KvReplica,
    machine: KvMachine,
    options: HostOptions<Values> = NO_OPTIONS,
  ): Kv<CodecValue<Values>> {
    OVER_OPTIONS.check(options);
    const { quotaBytes, historyRevisions } = options;
    const backend = new MachineBackend(new KvContext(replica, machine, { quotaBytes, historyRevisions }));
    const codec = valueCodec((options.values ?? "utf8") as Values);
    return new Kv(new Keyspace(backend, "", codec), new OpenHandles(backend));
  }

  /** The clock that time limits and leases are counted by. */
  get clock(): Clock {
    return this.#space.clock;
  }

  /**
   * Resolves to the value of a key, or undefined if the key does not exist.
   *
   * @throws ERR_DECODE if the stored value cannot be decoded, and `onDecodeError` does not say otherwise.
   *
   * @example
   * ```ts
   * import { open } from "quorate";
   *
   * const store = await open({});
   * await store.put("colour", "blue");
   * console.log(await store.get("colour")); // → blue
   * console.log(await store.get("size")); // → undefined
   * await store.close();
   * ```
   */
  get(key: string, options: ReadOptions & DecodeOrRaw): Promise<Value | Uint8Array | undefined>;
  get<Other>(
    key: string,
    options: ReadOptions & DecodeOr<Other>,
  ): Promise<Value | Exclude<Other, undefined> | undefined>;
  get(key: string, options?: ReadOptions & DecodeOrSkip): Promise<Value | undefined>;
  async get(key: string, options: ReadOptions & DecodeChoice = NO_OPTIONS): Promise<unknown> {
    GET_OPTIONS.check(options);
    const found = this.#space.key(key);
    this.#life.check();
    const { version } = await this.#space.backend.get(found, options);
    return version === undefined ? undefined : this.#space.value(version, options.onDecodeError);
  }

  /**
   * Resolves to a key with its value, revisions, version and lease, or undefined if the key does not exist.
   *
   * @throws ERR_DECODE if the stored value cannot be decoded, and `onDecodeError` does not say otherwise.
   *
   * @example
   * ```ts
   * import { open } from "quorate";
   *
   * const store = await open({});
   * await store.put("colour", "blue");
   * const entry = await store.entry("colour");
   * console.log(entry?.value, entry?.version); // → blue 1
   * await store.close();
   * ```
   */
  entry(key: string, options: ReadOptions & DecodeOrRaw): Promise<KvEntry<Value | Uint8Array> | undefined>;
  entry<Other>(
    key: string,
    options: ReadOptions & DecodeOr<Other>,
  ): Promise<KvEntry<Value | Exclude<Other, undefined>> | undefined>;
  entry(key: string, options?: ReadOptions & DecodeOrSkip): Promise<KvEntry<Value> | undefined>;
  async entry(key: string, options: ReadOptions & DecodeChoice = NO_OPTIONS): Promise<unknown> {
    ENTRY_OPTIONS.check(options);
    const found = this.#space.key(key);
    this.#life.check();
    const { version } = await this.#space.backend.get(found, options);
    return version === undefined ? undefined : this.#space.entry(version, options.onDecodeError);
  }

  /**
   * Sets a key. Throws ERR_CONDITION_FAILED when a condition does not hold, with what the key is now,
   * ERR_LEASE_NOT_FOUND, and ERR_KEY_NOT_FOUND when there is no lease to keep.
   *
   * @example
   * ```ts
   * import { open } from "quorate";
   *
   * const store = await open({});
   * const { revision } = await store.put("colour", "blue");
   * const { prev } = await store.put("colour", "red", { prev: true });
   * console.log(prev?.value, prev?.modRevision === revision); // → blue true
   * await store.close();
   * ```
   */
  async put(key: string, value: Value, options: PutOptions = NO_OPTIONS): Promise<PutOutcome<Value>> {
    PUT_OPTIONS.check(options);
    const found = this.#space.key(key);
    return this.#put(found, this.#space.codec.encode(value), options);
  }

  /**
   * Puts a key again with the value that it has: a new revision, on the lease that is given or kept, or on none (etcd's
   * ignore_value). Throws ERR_KEY_NOT_FOUND when there is no such key, and what `put` throws.
   *
   * @example
   * ```ts
   * import { open } from "quorate";
   *
   * const store = await open({});
   * await store.put("colour", "blue");
   * await store.touch("colour");
   * console.log((await store.entry("colour"))?.version); // → 2
   * await store.close();
   * ```
   */
  async touch(key: string, options: TouchOptions = NO_OPTIONS): Promise<PutOutcome<Value>> {
    TOUCH_OPTIONS.check(options);
    return this.#put(this.#space.key(key), null, options);
  }

  /**
   * Deletes a key, or all keys within bounds, in one revision; a delete that finds nothing makes none. `{ all: true }`
   * empties the store, or this namespace of it.
   *
   * @example
   * ```ts
   * import { open } from "quorate";
   *
   * const store = await open({});
   * await store.put("jobs/1", "a");
   * await store.put("jobs/2", "b");
   * const { deleted } = await store.delete({ prefix: "jobs/" });
   * console.log(deleted); // → 2
   * await store.close();
   * ```
   */
  async delete(
    keyOrRange: string | Bounds,
    options: DeleteOptions = NO_OPTIONS,
  ): Promise<DeleteOutcome<Value>> {
    DELETE_OPTIONS.check(options);
    const range = this.#space.keyOrRange(keyOrRange, DELETE_RANGE);
    this.#life.check();
    const { revision, deleted } = await this.#space.propose({ kind: "delete", range }, "delete", options);
    if (options.prev !== true) return { revision, deleted: deleted.length };
    return { revision, deleted: deleted.length, prev: this.#space.deletedEntries(deleted) };
  }

  /**
   * The entries of a range: iterate, or ask for all, the first, or the count. Nothing is read before that. Without an
   * argument the range is the whole store or namespace; with one, it says so by `all: true`.
   *
   * @example
   * ```ts
   * import { open } from "quorate";
   *
   * const store = await open({});
   * await store.put("jobs/1", "a");
   * await store.put("jobs/2", "b");
   * for await (const { key, value } of store.range({ prefix: "jobs/" })) {
   *   console.log(key, value);
   * }
   * console.log(await store.range({ prefix: "jobs/" }).count()); // → 2
   * await store.close();
   * ```
   */
  range(): Scan<Value>;
  range(options: ScanOptions & DecodeOrRaw): Scan<Value | Uint8Array>;
  range<Other>(options: ScanOptions & DecodeOr<Other>): Scan<Value | Exclude<Other, undefined>>;
  range(options: ScanOptions & DecodeOrSkip): Scan<Value>;
  range(...given: readonly unknown[]): unknown {
    this.#life.check();
    return new Scan(this.#space, argumentOr(EVERYTHING, given));
  }

  /**
   * Watches a key or a range: the `Watch` delivers each change in order, as this member applies it.
   *
   * @example
   * ```ts
   * import { open } from "quorate";
   *
   * const store = await open({});
   * const watch = store.watch({ prefix: "jobs/", from: 1 });
   * await store.put("jobs/1", "a");
   * for await (const event of watch) {
   *   if (event.type === "put") console.log(event.entry.key, event.entry.value); // → jobs/1 a
   *   break;
   * }
   * await store.close();
   * ```
   */
  watch(range: WatchOptions & DecodeOrRaw): Watch<Value | Uint8Array>;
  watch<Other>(range: WatchOptions & DecodeOr<Other>): Watch<Value | Exclude<Other, undefined>>;
  watch(keyOrRange: string | (WatchOptions & DecodeOrSkip)): Watch<Value>;
  watch(range: string | (WatchOptions & DecodeChoice)): unknown {
    this.#life.check();
    const watch = new Watch<Value>(this.#space, range, (ended) => this.#life.ended(ended));
    return this.#life.begun(watch);
  }

  /**
   * Builds a transaction: compares, and operations for the case that all hold or that one does not (etcd: Txn).
   *
   * @example
   * ```ts
   * import { open } from "quorate";
   *
   * const store = await open({});
   * const { ok } = await store
   *   .txn()
   *   .when((key) => key("owner").missing())
   *   .do((op) => [op.put("owner", "n1")])
   *   .commit();
   * console.log(ok); // → true
   * await store.close();
   * ```
   */
  txn(): TxnBuilder<Value, [], []> {
    this.#life.check();
    return new TxnBuilder(this.#space);
  }

  /**
   * Runs a function that reads and writes, and commits its writes if nothing that it read has changed; otherwise the
   * function runs again. Resolves to what the function returned.
   *
   * @example
   * ```ts
   * import { open } from "quorate";
   *
   * const store = await open({});
   * const count = await store.transact(async (tx) => {
   *   const next = Number((await tx.get("count")) ?? 0) + 1;
   *   tx.put("count", String(next));
   *   return next;
   * });
   * console.log(count); // → 1
   * await store.close();
   * ```
   */
  async transact<Result>(
    work: (tx: Tx<Value>) => Promise<Result> | Result,
    options: TransactOptions = NO_OPTIONS,
  ): Promise<Result> {
    TRANSACT_OPTIONS.check(options);
    if (typeof work !== "function")
      throw invalidArgument("work", work, "transact takes a function that reads and writes");
    this.#life.check();
    return transact(this.#space, work, options);
  }

  /**
   * Grants a lease of `ttlMs` milliseconds that keeps itself alive until it is revoked or the store is closed. Keys put
   * with it are deleted when it ends. 500 ms is the shortest time. A call that fails leaves no lease behind: one that may have been granted all the same
   * is revoked. With an `id` of your own, or in a client session, that is up to you. Throws ERR_LEASE_EXISTS.
   *
   * @example
   * ```ts
   * import { open } from "quorate";
   *
   * const store = await open({});
   * const lease = await store.lease(5_000);
   * await store.put("workers/n1", "up", { lease });
   * await lease.revoke();
   * console.log(await store.get("workers/n1")); // → undefined
   * await store.close();
   * ```
   */
  async lease(ttlMs: number, options: LeaseOptions = NO_OPTIONS): Promise<Lease> {
    LEASE_OPTIONS.check(options);
    if (!LEASE_TTL.isMet(ttlMs)) {
      throw invalidArgument("ttlMs", ttlMs, `lease: ttlMs, in milliseconds, must be ${LEASE_TTL.says}`);
    }
    this.#life.check();
    const askedAt = this.#space.clock.monotonic();
    const granted = await this.#grant(ttlMs, options);
    const lease = new Lease(
      this.#space as Keyspace<unknown>,
      this.#life.renewals,
      { lease: granted.lease, ttlMs: granted.ttlMs, askedAt },
      this.#life,
    );
    return this.#life.begun(lease);
  }

  /**
   * Resolves to all leases of the store, those of other clients included, in the order in which they were granted.
   *
   * @example
   * ```ts
   * import { open } from "quorate";
   *
   * const store = await open({});
   * const lease = await store.lease(5_000);
   * console.log((await store.leases()).length); // → 1
   * await lease.revoke();
   * await store.close();
   * ```
   */
  async leases(options: BarrierOptions = NO_OPTIONS): Promise<LeaseInfo[]> {
    LEASES_OPTIONS.check(options);
    this.#life.check();
    return (await this.#space.backend.leases(options)).map((lease) => this.#leaseInfo(lease));
  }

  /** What is known of a lease, its keys within this namespace included; undefined when there is none. */
  async leaseInfo(id: string, options: BarrierOptions = NO_OPTIONS): Promise<LeaseInfo | undefined> {
    LEASE_INFO_OPTIONS.check(options);
    this.#life.check();
    const lease = await this.#space.backend.lease(namedLease(id), options);
    return lease === undefined ? undefined : this.#leaseInfo(lease);
  }

  /** Ends a lease, whoever holds it, and deletes its keys in one revision. Throws ERR_LEASE_NOT_FOUND. */
  async revoke(
    lease: string | { readonly id: string },
    options: CallOptions = NO_OPTIONS,
  ): Promise<DeleteOutcome> {
    REVOKE_OPTIONS.check(options);
    this.#life.check();
    const command = { kind: "lease-revoke", lease: namedLease(lease), renewedAt: null } as const;
    const { revision, deleted } = await this.#space.propose(command, "lease-revoke", options);
    return { revision, deleted: deleted.length };
  }

  /**
   * Begins a client session, or goes on with one: its writes take effect once, however often they are made. Throws
   * ERR_SESSION_EXPIRED when the one to go on with is gone, and ERR_BUSY when there are too many.
   */
  async session(options: SessionOptions = NO_OPTIONS): Promise<ClientSession<Kv<Value>>> {
    SESSION_OPTIONS.check(options);
    this.#life.check();
    const opened =
      options.id === undefined
        ? await this.#openSession(options)
        : await this.#findSession(options.id, options);
    return new ClientSession(
      this.#space as Keyspace<unknown>,
      (space: Keyspace<Value>) => new Kv(space, this.#life.within()),
      opened,
    );
  }

  /** Numbers for dashboards and alerts, as of now, from this member. */
  metrics(): KvMetrics {
    return this.#space.backend.metrics();
  }

  /**
   * Lowers the alarm that refuses writes with ERR_NO_SPACE. The leader does so itself once there is space, unless
   * `historyRevisions` leaves the history to you; it raises the alarm again if there is none.
   */
  async disarm(options: CallOptions = NO_OPTIONS): Promise<void> {
    DISARM_OPTIONS.check(options);
    this.#life.check();
    await this.#space.propose(
      { kind: "alarm", alarm: "no-space", member: null, isRaised: false } as const,
      "done",
      options,
    );
  }

  /**
   * Gives up the history below `revision`: reads and watches of it fail with ERR_COMPACTED. Throws that itself when it
   * was done already, and ERR_FUTURE_REVISION.
   */
  async compact(revision: Revision, options: CallOptions = NO_OPTIONS): Promise<void> {
    COMPACT_OPTIONS.check(options);
    if (!Number.isSafeInteger(revision) || revision < 0) {
      throw invalidArgument("revision", revision, "revision must be a whole number, 0 or more");
    }
    this.#life.check();
    await this.#space.propose({ kind: "compact", revision }, "done", options);
  }

  /** Resolves with a checksum of the whole store at `revision`, the newest one by default: for comparing members. */
  async hash(options: ReadOptions = NO_OPTIONS): Promise<StateHash> {
    HASH_OPTIONS.check(options);
    this.#life.check();
    return this.#space.backend.hash(options.revision, options);
  }

  /**
   * The same store seen through a prefix that is put before every key and is not shown; with another codec, if wanted.
   *
   * @example
   * ```ts
   * import { open } from "quorate";
   *
   * const store = await open({});
   * const jobs = store.namespace("jobs/");
   * await jobs.put("1", "a");
   * console.log(await store.get("jobs/1")); // → a
   * await store.close();
   * ```
   */
  namespace<Values extends ValuesOption>(
    prefix: string,
    options: NamespaceOptions<Values>,
  ): Kv<CodecValue<Values>>;
  namespace(prefix: string): Kv<Value>;
  namespace(prefix: string, options: Partial<NamespaceOptions<ValuesOption>> = NO_OPTIONS): unknown {
    NAMESPACE_OPTIONS.check(options);
    const { values } = options;
    if (prefix === "" && values === undefined)
      throw invalidArgument(
        "prefix",
        prefix,
        "a namespace needs a prefix, or a codec of its own for the same keys",
      );
    const codec = values === undefined ? this.#space.codec : (valueCodec(values) as ValueCodec<never>);
    return new Kv<unknown>(this.#space.within(toByteString(prefix, "prefix"), codec), this.#life.within());
  }

  /**
   * Ends the watches, stops keeping alive the leases, and refuses further calls: of this view of the store, and of the
   * views that it was asked for. The store itself, and other views of it, go on.
   */
  close(): void {
    this.#life.close();
  }

  async #grant(ttlMs: number, options: LeaseOptions): Promise<Granted> {
    const isOurs = options.id === undefined && !this.#space.isNumbered;
    const lease = isOurs ? this.#space.backend.newLeaseId() : leaseId(options.id);
    options.signal?.throwIfAborted();
    try {
      return await this.#space.propose(
        { kind: "lease-grant", lease, ttlMs } as const,
        "lease-grant",
        options,
      );
    } catch (error) {
      const isCertain =
        QuorateError.is(error) && error.outcome === "none" && options.signal?.aborted !== true;
      if (isOurs && lease !== NO_LEASE && !isCertain) this.#abandon(lease, ttlMs);
      throw error;
    }
  }

  /** Revokes a lease that nobody has heard of, if it was granted: in this member's order of commands, behind the grant. */
  #abandon(lease: LeaseId, ttlMs: number): void {
    const command = { kind: "lease-revoke", lease, renewedAt: null } as const;
    // Whether there is such a lease, and whether anybody can be reached, is no matter: it ends by itself after its time.
    this.#space.send(command, { timeoutMs: Math.max(ttlMs, ABANDON_MS_MIN) }).catch(() => {});
  }

  async #openSession(options: CallOptions): Promise<OpenedSession> {
    const { session } = await this.#space.propose({ kind: "session-open" }, "session-open", options);
    return { id: session, next: 1 };
  }

  async #findSession(id: string, options: CallOptions): Promise<OpenedSession> {
    const next = await this.#space.backend.sessionNext(id, options);
    if (next !== undefined) return { id, next };
    throw new QuorateError("ERR_SESSION_EXPIRED", "there is no such client session any more", {
      session: id,
    });
  }

  #leaseInfo({ id, ttlMs, remainingMs, keys }: LeaseFacts): LeaseInfo {
    const own = [...keys].filter((key) => key.startsWith(this.#space.prefix)).sort();
    return {
      id: fromByteString(id),
      ttlMs: ttlMs,
      remainingMs: Math.max(0, Math.floor(remainingMs)),
      keys: own.map((key) => this.#space.keyText(key)),
    };
  }

  async #put(key: Key, value: string | null, options: PutOptions): Promise<PutOutcome<Value>> {
    const command: PutCommand = { kind: "put", key, value, lease: chosenLease(options) };
    this.#life.check();
    const compares = conditions(key, options);
    const { revision, previous } =
      compares.length === 0
        ? this.#space.accepted(await this.#space.send(command, options), "put")
        : await this.#putIf(command, compares, options);
    if (options.prev !== true || previous === null) return { revision };
    return { revision, prev: this.#space.writtenEntry(previous) };
  }

  async #putIf(put: PutCommand, compares: readonly Compare[], options: CallOptions): Promise<Put> {
    const look = {
      kind: "range",
      range: singleKey(put.key),
      revision: null,
      limit: 1,
      reverse: false,
      selection: null,
    } as const;
    const command = { kind: "txn", compares, success: [put], failure: [look] } as const;
    const { results } = await this.#space.propose(command, "txn", options);
    const result = results[0]!;
    if (result.kind === "put") return result;

    const current = result.kind === "range" ? result.versions[0] : undefined;
    throw new QuorateError("ERR_CONDITION_FAILED", "the key is not what the write expects", {
      key: this.#space.keyText(put.key),
      version: current?.version ?? 0,
      modRevision: current?.modRevision ?? 0,
    });
  }
}

Kv.over = exact("Kv.over", 3, Kv.over);
takes(Kv, {
  get: 2,
  entry: 2,
  put: 3,
  touch: 2,
  delete: 2,
  range: 1,
  watch: 1,
  txn: 0,
  transact: 2,
  lease: 2,
  leases: 1,
  leaseInfo: 2,
  revoke: 2,
  session: 1,
  metrics: 0,
  disarm: 1,
  compact: 2,
  hash: 1,
  namespace: 2,
  close: 0,
});

const EVERYTHING: ScanOptions = { all: true };

/** The argument of a call, or the default where there is none: not where `undefined` was passed. */
function argumentOr<Argument>(unsaid: Argument, given: readonly unknown[]): Argument {
  return given.length === 0 ? unsaid : (given[0] as Argument);
}

/** How long a lease that was given up is tried to be revoked, at least. */
const ABANDON_MS_MIN = 10_000;

type Granted = Extract<KvResult, { kind: "lease-grant" }>;

/** What the machine says of a put. */
type Put = Extract<KvResult, { kind: "put" }>;

const UNCONDITIONAL: readonly Compare[] = [];

function conditions(key: Key, { ifMissing, ifVersion, ifRevision }: PutOptions): readonly Compare[] {
  if (ifMissing === undefined && ifVersion === undefined && ifRevision === undefined) return UNCONDITIONAL;
  if (ifMissing === true && (ifVersion ?? ifRevision) !== undefined)
    throw invalidArgument("ifMissing", ifMissing, "ifMissing excludes ifVersion and ifRevision");
  const range = singleKey(key);
  const equal = (target: CompareTarget, operand: number): Compare => {
    return { range, target, relation: "equal", operand };
  };
  return [
    ...(ifMissing === true ? [equal("createRevision", 0)] : []),
    ...(ifVersion === undefined ? [] : [equal("version", ifVersion)]),
    ...(ifRevision === undefined ? [] : [equal("modRevision", ifRevision)]),
  ];
}
