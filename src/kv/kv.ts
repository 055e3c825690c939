import type { Clock } from "../base/clock.ts";
import { invalidArgument, QuorateError } from "../base/errors.ts";
import type { CallOptions } from "../replica/call.ts";
import type { ReadOptions as BarrierOptions } from "../replica/reads.ts";
import { fromByteString, toByteString } from "./byte-text.ts";
import { wholeNumber } from "./claims.ts";
import { ClientSession, type OpenedSession } from "./client-session.ts";
import type { Compare, CompareTarget, PutCommand } from "./command.ts";
import type { DecodeChoice, DecodeOr, DecodeOrRaw, DecodeOrSkip } from "./decoding.ts";
import type { Revision } from "./key-history.ts";
import { type Key, singleKey } from "./key-range.ts";
import { Keyspace, type KvEntry, type Range, type ReadOptions } from "./keyspace.ts";
import type { LeaseFacts, StateHash } from "./kv-backend.ts";
import { KvHost, type KvLimits, type KvReplica } from "./kv-host.ts";
import { Life } from "./kv-life.ts";
import type { KvMachine } from "./kv-machine.ts";
import type { KvMetrics } from "./kv-metrics.ts";
import { chosenLease, type LeaseChoice, leaseId } from "./lease-choice.ts";
import { Lease } from "./lease-handle.ts";
import { MachineBackend } from "./machine-backend.ts";
import type { KvResult } from "./result.ts";
import { Scan, type ScanOptions } from "./scan.ts";
import { type TransactOptions, type Tx, transact } from "./transact.ts";
import { TxnBuilder } from "./txn-builder.ts";
import { type CodecValue, type ValueCodec, type ValuesOption, valueCodec } from "./value-codec.ts";
import { Watch, type WatchOptions } from "./watch-stream.ts";

export interface PutOptions extends CallOptions, LeaseChoice {
  /** Put only if the key does not exist. */
  readonly ifMissing?: boolean | undefined;
  /** Put only if the key has this `version`. A key that was deleted and made again counts from 1 again. */
  readonly ifVersion?: number | undefined;
  /** Put only if the key's last change was this `modRevision`; 0 if it must not exist. */
  readonly ifRevision?: Revision | undefined;
  /** Whether to tell what was there before. */
  readonly prev?: boolean | undefined;
}

export interface WriteResult {
  /** The revision that the write made; the store's revision where there was nothing to write. */
  readonly revision: Revision;
}

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

export interface LeaseOptions extends CallOptions {
  /** The id that the lease is to have; one that nobody has by default. */
  readonly id?: string | undefined;
}

export interface LeaseInfo {
  readonly id: string;
  /** Milliseconds that were granted. */
  readonly ttl: number;
  /** Milliseconds that are left, by this member's count: it may be behind the leader's by as much as its log is. */
  readonly remaining: number;
  /** The keys that hang on it, in order. */
  readonly keys: readonly string[];
}

/**
 * A key-value store with etcd's data model: every write makes a new revision, older ones can be read, watched and
 * compacted away. Text is stored as UTF-8, and keys are in the order of their bytes.
 *
 * Every call takes a `signal` and a `timeout` in milliseconds. A write that fails tells in `outcome` whether it may
 * still have happened; reads are linearizable unless `consistency` says otherwise.
 */
export class Kv<Value> {
  readonly #space: Keyspace<Value>;
  readonly #life: Life;

  /** @internal Use `Kv.over`. */
  constructor(space: Keyspace<Value>, life: Life) {
    this.#space = space;
    this.#life = life;
  }

  /** The store on a running member, whose state machine is `machine`. Values are UTF-8 text by default. */
  static over<Values extends ValuesOption = "utf8">(
    replica: KvReplica,
    machine: KvMachine,
    options: KvLimits & { readonly values?: Values } = {},
  ): Kv<CodecValue<Values>> {
    const backend = new MachineBackend(new KvHost(replica, machine, options));
    const codec = valueCodec((options.values ?? "utf8") as Values);
    return new Kv(new Keyspace(backend, "", codec), new Life(backend));
  }

  /** The clock that time limits and leases are counted by. */
  get clock(): Clock {
    return this.#space.clock;
  }

  /** The value of a key, or undefined when it does not exist. Throws ERR_DECODE. */
  get(key: string, options: ReadOptions & DecodeOrRaw): Promise<Value | Uint8Array | undefined>;
  get<Other>(
    key: string,
    options: ReadOptions & DecodeOr<Other>,
  ): Promise<Value | Exclude<Other, undefined> | undefined>;
  get(key: string, options?: ReadOptions & DecodeOrSkip): Promise<Value | undefined>;
  async get(key: string, options: ReadOptions & DecodeChoice = {}): Promise<unknown> {
    const found = this.#space.key(key);
    this.#life.check();
    const { version } = await this.#space.backend.get(found, options);
    return version === undefined ? undefined : this.#space.value(version, options.onDecodeError);
  }

  /** A key with its value, revisions, version and lease, or undefined when it does not exist. Throws ERR_DECODE. */
  entry(key: string, options: ReadOptions & DecodeOrRaw): Promise<KvEntry<Value | Uint8Array> | undefined>;
  entry<Other>(
    key: string,
    options: ReadOptions & DecodeOr<Other>,
  ): Promise<KvEntry<Value | Exclude<Other, undefined>> | undefined>;
  entry(key: string, options?: ReadOptions & DecodeOrSkip): Promise<KvEntry<Value> | undefined>;
  async entry(key: string, options: ReadOptions & DecodeChoice = {}): Promise<unknown> {
    const found = this.#space.key(key);
    this.#life.check();
    const { version } = await this.#space.backend.get(found, options);
    return version === undefined ? undefined : this.#space.entry(version, options.onDecodeError);
  }

  /**
   * Sets a key. Throws ERR_CONDITION_FAILED when a condition does not hold, with what the key is now,
   * ERR_LEASE_NOT_FOUND, and ERR_KEY_NOT_FOUND when there is no lease to keep.
   */
  async put(key: string, value: Value, options: PutOptions = {}): Promise<PutOutcome<Value>> {
    const found = this.#space.key(key);
    return this.#put(found, this.#space.codec.encode(value), options);
  }

  /**
   * Puts a key again with the value that it has: a new revision, on the lease that is given or kept, or on none (etcd's
   * ignore_value). Throws ERR_KEY_NOT_FOUND when there is no such key, and what `put` throws.
   */
  async touch(key: string, options: Omit<PutOptions, "ifMissing"> = {}): Promise<PutOutcome<Value>> {
    return this.#put(this.#space.key(key), null, options);
  }

  /** Deletes a key, or all keys of a range, in one revision; a delete that finds nothing makes none. */
  async delete(keyOrRange: string | Range, options: DeleteOptions = {}): Promise<DeleteOutcome<Value>> {
    const range = this.#space.keyOrRange(keyOrRange);
    this.#life.check();
    const { revision, deleted } = await this.#space.propose({ kind: "delete", range }, "delete", options);
    if (options.prev !== true) return { revision, deleted: deleted.length };
    return { revision, deleted: deleted.length, prev: this.#space.deletedEntries(deleted) };
  }

  /** The entries of a range: iterate, or ask for all, the first, or the count. Nothing is read before that. */
  range(options: ScanOptions & DecodeOrRaw): Scan<Value | Uint8Array>;
  range<Other>(options: ScanOptions & DecodeOr<Other>): Scan<Value | Exclude<Other, undefined>>;
  range(options?: ScanOptions & DecodeOrSkip): Scan<Value>;
  range(options: ScanOptions & DecodeChoice = {}): unknown {
    this.#life.check();
    return new Scan(this.#space, options);
  }

  /** Tells the changes of a key or a range, as this member applies them: see `Watch`. */
  watch(range: WatchOptions & DecodeOrRaw): Watch<Value | Uint8Array>;
  watch<Other>(range: WatchOptions & DecodeOr<Other>): Watch<Value | Exclude<Other, undefined>>;
  watch(keyOrRange: string | (WatchOptions & DecodeOrSkip)): Watch<Value>;
  watch(keyOrRange: string | (WatchOptions & DecodeChoice)): unknown {
    this.#life.check();
    const watch = new Watch(this.#space, keyOrRange, (ended) => this.#life.ended(ended));
    return this.#life.begun(watch);
  }

  /** Builds a transaction: claims, and what to do if they hold or not. */
  txn(): TxnBuilder<Value, [], []> {
    this.#life.check();
    return new TxnBuilder(this.#space);
  }

  /** Runs a function that reads and writes, again and again until nobody interfered. */
  async transact<Result>(
    work: (tx: Tx<Value>) => Promise<Result>,
    options: TransactOptions = {},
  ): Promise<Result> {
    this.#life.check();
    return transact(this.#space, work, options);
  }

  /**
   * Grants a lease of `ttlMs` milliseconds that keeps itself alive until it is revoked or the store is closed. Keys put
   * with it are deleted when it ends. Throws ERR_LEASE_EXISTS.
   */
  async lease(ttlMs: number, options: LeaseOptions = {}): Promise<Lease> {
    if (!Number.isSafeInteger(ttlMs) || ttlMs < 1) {
      throw invalidArgument("ttlMs", ttlMs, "ttlMs must be whole milliseconds above 0");
    }
    this.#life.check();
    const askedAt = this.#space.clock.monotonic();
    const command = { kind: "lease-grant", lease: leaseId(options.id), ttlMs } as const;
    const granted = await this.#space.propose(command, "lease-grant", options);
    const lease = new Lease(
      this.#space as Keyspace<unknown>,
      this.#life.renewals,
      { lease: granted.lease, ttlMs: granted.ttlMs, askedAt },
      (ended) => this.#life.ended(ended),
    );
    return this.#life.begun(lease);
  }

  /** Every lease of the store, whoever holds it, in the order in which they were granted. */
  async leases(options: BarrierOptions = {}): Promise<LeaseInfo[]> {
    this.#life.check();
    return (await this.#space.backend.leases(options)).map((lease) => this.#leaseInfo(lease));
  }

  /** What is known of a lease, its keys within this namespace included; undefined when there is none. */
  async leaseInfo(id: string, options: BarrierOptions = {}): Promise<LeaseInfo | undefined> {
    this.#life.check();
    const lease = await this.#space.backend.lease(leaseId(id), options);
    return lease === undefined ? undefined : this.#leaseInfo(lease);
  }

  /** Ends a lease, whoever holds it, and deletes its keys in one revision. Throws ERR_LEASE_NOT_FOUND. */
  async revoke(lease: string | { readonly id: string }, options: CallOptions = {}): Promise<DeleteOutcome> {
    this.#life.check();
    const command = { kind: "lease-revoke", lease: leaseId(lease), renewedAt: null } as const;
    const { revision, deleted } = await this.#space.propose(command, "lease-revoke", options);
    return { revision, deleted: deleted.length };
  }

  /**
   * Begins a client session, or goes on with one: its writes take effect once, however often they are made. Throws
   * ERR_SESSION_EXPIRED when the one to go on with is gone, and ERR_BUSY when there are too many.
   */
  async session(options: SessionOptions = {}): Promise<ClientSession<Kv<Value>>> {
    this.#life.check();
    const opened =
      options.id === undefined
        ? await this.#openSession(options)
        : await this.#findSession(options.id, options);
    return new ClientSession(
      this.#space as Keyspace<unknown>,
      (space: Keyspace<Value>) => new Kv(space, this.#life),
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
  async disarm(options: CallOptions = {}): Promise<void> {
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
  async compact(revision: Revision, options: CallOptions = {}): Promise<void> {
    if (!Number.isSafeInteger(revision) || revision < 0) {
      throw invalidArgument("revision", revision, "revision must be a whole number, 0 or more");
    }
    this.#life.check();
    await this.#space.propose({ kind: "compact", revision }, "done", options);
  }

  /** A checksum of the whole store at a revision, the newest one by default: for comparing members. */
  async hash(revision?: Revision, options: ReadOptions = {}): Promise<StateHash> {
    this.#life.check();
    return this.#space.backend.hash(revision ?? options.revision, options);
  }

  /** The same store seen through a prefix that is put before every key and is not shown; with another codec, if wanted. */
  namespace<Values extends ValuesOption>(
    prefix: string,
    options: { readonly values: Values },
  ): Kv<CodecValue<Values>>;
  namespace(prefix: string): Kv<Value>;
  namespace(prefix: string, { values }: { readonly values?: ValuesOption } = {}): unknown {
    const codec = values === undefined ? this.#space.codec : (valueCodec(values) as ValueCodec<never>);
    return new Kv<unknown>(this.#space.within(toByteString(prefix, "prefix"), codec), this.#life);
  }

  /** Ends watches, stops keeping leases alive, and refuses further calls. The member itself goes on. */
  close(): void {
    this.#life.close();
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
      ttl: ttlMs,
      remaining: Math.max(0, Math.floor(remainingMs)),
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

/** What the machine says of a put. */
type Put = Extract<KvResult, { kind: "put" }>;

const UNCONDITIONAL: readonly Compare[] = [];

function conditions(key: Key, { ifMissing, ifVersion, ifRevision }: PutOptions): readonly Compare[] {
  if (ifMissing === undefined && ifVersion === undefined && ifRevision === undefined) return UNCONDITIONAL;
  const range = singleKey(key);
  const equal = (target: CompareTarget, operand: number): Compare => {
    return { range, target, relation: "equal", operand: wholeNumber(operand) };
  };
  return [
    ...(ifMissing === true ? [equal("createRevision", 0)] : []),
    ...(ifVersion === undefined ? [] : [equal("version", ifVersion)]),
    ...(ifRevision === undefined ? [] : [equal("modRevision", ifRevision)]),
  ];
}
