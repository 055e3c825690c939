import { onAbort } from "../base/aborts.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { invalidArgument, QuorateError } from "../base/errors.ts";
import { Random } from "../base/random.ts";
import { checkRevisionNumber } from "../kv/keyspace.ts";
import type {
  BackendRead,
  BackendResult,
  CountAnswer,
  KvBackend,
  KvWatcher,
  LeaseFacts,
  ProposeOptions,
  RangeAnswer,
  RangeRequest,
  ReadKey,
  StateHash,
} from "../kv/kv-backend.ts";
import type { KvMetrics } from "../kv/kv-metrics.ts";
import { leaseIdOf } from "../kv/lease-choice.ts";
import type { Command, DeleteCommand, PutCommand, TxnCommand } from "../kv/machine/command.ts";
import type { LeaseId, Revision } from "../kv/mvcc/key-history.ts";
import { type Key, type KeyRange, singleKey } from "../kv/mvcc/key-range.ts";
import type { WatchRequest } from "../kv/mvcc/watch-hub.ts";
import type { CallOptions } from "../replica/calls/call.ts";
import { RangeRequest as RangeMessage, SORT_ORDERS } from "../wire/kv-messages.ts";
import { ALARM_ACTIONS, ALARM_TYPES } from "../wire/maintenance-messages.ts";
import { METHODS } from "../wire/services.ts";
import type { Channel } from "./channel.ts";
import { keepAlive } from "./keep-alive.ts";
import { isNothing, wireRange } from "./ranges.ts";
import { RemoteWatches } from "./remote-watches.ts";
import { deleteRequest, putRequest, txnRequest } from "./requests.ts";
import { deletedIn, maybeVersion, revisionIn, txnResult, versionOf } from "./results.ts";

/** Keys asked for at once. */
const PART_KEYS = 1_000;
const DESCENDING = SORT_ORDERS.indexOf("DESCEND");
/** What a watch may tell of. */
const CHANGES_KEYS: ReadonlySet<Command["kind"]> = new Set(["put", "delete", "txn", "lease-revoke"]);
/** A lease's id is a number of 64 bits on the wire. */
const LEASE_NUMBER = /^-?[1-9]\d{0,18}$/;

/** A Quorate or etcd cluster elsewhere, as what a store stands on: its commands and reads become calls of etcd's API. */
export class RemoteBackend implements KvBackend {
  readonly clock: Clock = systemClock;
  readonly random = new Random(crypto.getRandomValues(new Uint32Array(1))[0]!);
  readonly #channel: Channel;
  readonly #watches: RemoteWatches;

  constructor(channel: Channel) {
    this.#channel = channel;
    this.#watches = new RemoteWatches(channel);
  }

  newLeaseId(): LeaseId {
    return leaseIdOf(crypto.getRandomValues(new Uint32Array(2)));
  }

  async propose(command: Command, options: ProposeOptions = {}): Promise<BackendResult> {
    const left = CHANGES_KEYS.has(command.kind) ? await this.#afterWatches(options) : options;
    switch (command.kind) {
      case "put":
        return this.#put(command, left);
      case "delete":
        return this.#delete(command, left);
      case "txn":
        return this.#txn(command, left);
      case "lease-grant":
        return this.#grant(command.lease, command.ttlMs, left);
      case "lease-revoke":
        return this.#revoke(command.lease, left);
      case "lease-keep-alive":
        return { kind: "lease-keep-alive", ...(await keepAlive(this.#channel, command.leases, left)) };
      case "compact":
        return this.#compact(command.revision, left);
      case "alarm":
        return this.#disarm(left);
      default:
        throw unsupported(command.kind.startsWith("session") ? "client sessions" : command.kind);
    }
  }

  async get(key: Key, options: BackendRead = {}): Promise<ReadKey> {
    const { versions, revision } = await this.range({ range: singleKey(key), limit: 1 }, options);
    return { version: versions[0], revision };
  }

  async range(request: RangeRequest, options: BackendRead = {}): Promise<RangeAnswer> {
    const { range, limit, reverse, keysOnly } = request;
    if (limit === 0 || isNothing(range))
      return { versions: [], more: false, revision: await this.#revision(options) };
    const message = {
      ...wireRange(range),
      ...readFields(options),
      limit: Math.min(limit, PART_KEYS),
      keysOnly: keysOnly === true,
      sortOrder: reverse === true ? DESCENDING : 0,
    };
    const subject = { isWrite: false, revision: options.revision };
    const response = await this.#channel.call(METHODS.range, RangeMessage.of(message), subject, options);
    const { kvs, more } = response;
    return { versions: kvs.map(versionOf), more, revision: options.revision ?? revisionIn(response) };
  }

  async count(range: KeyRange, options: BackendRead = {}): Promise<CountAnswer> {
    if (isNothing(range)) return { count: 0, revision: await this.#revision(options) };
    const request = RangeMessage.of({ ...wireRange(range), ...readFields(options), countOnly: true });
    const subject = { isWrite: false, revision: options.revision };
    const response = await this.#channel.call(METHODS.range, request, subject, options);
    return { count: response.count, revision: options.revision ?? revisionIn(response) };
  }

  watch(request: WatchRequest, onReady: () => void): KvWatcher {
    return this.#watches.watch(request, onReady);
  }

  async leases(options: CallOptions = {}): Promise<readonly LeaseFacts[]> {
    const { leases } = await this.#channel.call(METHODS.leaseLeases, {}, { isWrite: false }, options);
    const facts = await Promise.all(leases.map(({ id }) => this.lease(id, options)));
    return facts.filter((lease) => lease !== undefined);
  }

  async lease(id: LeaseId, options: CallOptions = {}): Promise<LeaseFacts | undefined> {
    if (!LEASE_NUMBER.test(id)) return undefined;
    const request = { id, keys: true };
    const answer = await this.#channel.call(
      METHODS.leaseTimeToLive,
      request,
      { isWrite: false, lease: id },
      options,
    );
    if (answer.ttl < 0) return undefined;
    return { id, ttlMs: answer.grantedTtl * 1_000, remainingMs: answer.ttl * 1_000, keys: answer.keys };
  }

  async hash(revision: Revision | undefined, options: BackendRead = {}): Promise<StateHash> {
    if (revision !== undefined) checkRevisionNumber(revision);
    const subject = { isWrite: false, revision };
    const answer = await this.#channel.call(METHODS.hashKv, { revision: revision ?? 0 }, subject, options);
    return { revision: answer.hashRevision || (revision ?? revisionIn(answer)), hash: answer.hash };
  }

  async sessionNext(): Promise<never> {
    throw unsupported("client sessions");
  }

  metrics(): KvMetrics {
    throw unsupported("metrics of a store elsewhere: ask its server for /metrics");
  }

  close(): void {
    this.#watches.close();
    this.#channel.close();
  }

  async #put(command: PutCommand, options: ProposeOptions): Promise<BackendResult> {
    checkLease(command.lease);
    const request = putRequest(command, options.prev === true);
    const subject = { isWrite: true, lease: command.lease ?? "" };
    const response = await this.#channel.call(METHODS.put, request, subject, options);
    return { kind: "put", revision: revisionIn(response), previous: maybeVersion(response.prevKv) };
  }

  async #delete(command: DeleteCommand, options: ProposeOptions): Promise<BackendResult> {
    const request = deleteRequest(command, options.prev === true);
    const response = await this.#channel.call(METHODS.deleteRange, request, { isWrite: true }, options);
    return { kind: "delete", revision: revisionIn(response), deleted: deletedIn(response, request.prevKv) };
  }

  async #txn(command: TxnCommand, options: ProposeOptions): Promise<BackendResult> {
    const leases = leasesOf(command);
    for (const lease of leases) checkLease(lease);
    const subject = { isWrite: true, lease: leases[0] };
    const prev = options.prev === true;
    const response = await this.#channel.call(METHODS.txn, txnRequest(command, prev), subject, options);
    return txnResult(command, response, prev);
  }

  async #grant(id: LeaseId, ttlMs: number, options: CallOptions): Promise<BackendResult> {
    if (id !== "" && !LEASE_NUMBER.test(id)) {
      throw invalidArgument("id", id, "a lease's id must be a number here, from 1 on");
    }
    const request = { id, ttl: Math.ceil(ttlMs / 1_000) };
    const response = await this.#channel.call(
      METHODS.leaseGrant,
      request,
      { isWrite: true, lease: id },
      options,
    );
    return {
      kind: "lease-grant",
      revision: revisionIn(response),
      lease: response.id,
      ttlMs: response.ttl * 1_000,
    };
  }

  /**
   * How many keys go with it is what hung on it just before: the server does not tell. A lease that is not there yet may be
   * on its way: the server is asked to revoke it all the same, behind the grant.
   */
  async #revoke(id: LeaseId, options: CallOptions): Promise<BackendResult> {
    const lease = await this.lease(id, options);
    const response = await this.#channel.call(
      METHODS.leaseRevoke,
      { id },
      { isWrite: true, lease: id },
      options,
    );
    return {
      kind: "lease-revoke",
      revision: revisionIn(response),
      deleted: { length: [...(lease?.keys ?? [])].length },
    };
  }

  async #compact(revision: Revision, options: CallOptions): Promise<BackendResult> {
    const response = await this.#channel.call(
      METHODS.compact,
      { revision },
      { isWrite: true, revision },
      options,
    );
    return { kind: "done", revision: revisionIn(response) };
  }

  async #disarm(options: CallOptions): Promise<BackendResult> {
    const [get, off] = [ALARM_ACTIONS.indexOf("GET"), ALARM_ACTIONS.indexOf("DEACTIVATE")];
    const alarm = ALARM_TYPES.indexOf("NOSPACE");
    const subject = { isWrite: true };
    const raised = await this.#channel.call(
      METHODS.alarm,
      { action: get, alarm },
      { isWrite: false },
      options,
    );
    for (const { memberId } of raised.alarms) {
      await this.#channel.call(METHODS.alarm, { action: off, alarm, memberId }, subject, options);
    }
    return { kind: "done", revision: this.#channel.seenRevision };
  }

  /** The revision of the store, where there is nothing else to read. */
  async #revision(options: BackendRead): Promise<Revision> {
    const request = RangeMessage.of({ key: "\0", ...readFields(options), countOnly: true });
    const subject = { isWrite: false, revision: options.revision };
    const response = await this.#channel.call(METHODS.range, request, subject, options);
    return options.revision ?? revisionIn(response);
  }

  /** Lets watches begin first that were begun first. Gives the options with the time that is left. */
  async #afterWatches(options: ProposeOptions): Promise<ProposeOptions> {
    const waiting = this.#watches.unconfirmed;
    if (waiting.length === 0) return options;
    const { timeoutMs: timeout = this.#channel.callTimeoutMs, signal } = options;
    const askedAt = this.clock.monotonic();
    await settledWithin(Promise.all(waiting), timeout, signal);
    const leftMs = timeout - (this.clock.monotonic() - askedAt);
    if (leftMs > 0 || timeout === 0) return { ...options, timeoutMs: Math.max(0, leftMs) };
    signal?.throwIfAborted();
    const message = "no server has confirmed the watches that were begun before this write";
    throw new QuorateError("ERR_NO_QUORUM", message, { waitedMs: timeout }, { retryable: true });
  }
}

function readFields({ consistency, revision }: BackendRead) {
  if (revision !== undefined) checkRevisionNumber(revision);
  return { revision: revision ?? 0, serializable: consistency === "stale" };
}

/** The leases that a transaction puts keys on, at every depth. */
function leasesOf({ success, failure }: TxnCommand): LeaseId[] {
  return [...success, ...failure].flatMap((operation) => {
    if (operation.kind === "txn") return leasesOf(operation);
    return operation.kind === "put" && operation.lease ? [operation.lease] : [];
  });
}

/** A name that the wire has no number for belongs to no lease. */
function checkLease(lease: LeaseId | null): void {
  if (lease === null || lease === "" || LEASE_NUMBER.test(lease)) return;
  throw new QuorateError("ERR_LEASE_NOT_FOUND", `there is no lease ${lease}`, { lease });
}

/** Waits, but not longer than the call itself may: what fails then is the call. */
async function settledWithin(
  waited: Promise<unknown>,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  let end: () => void = () => {};
  const over = new Promise<void>((resolve) => {
    end = resolve;
  });
  const timer = Number.isFinite(timeoutMs) ? systemClock.after(timeoutMs, end) : null;
  const forget = signal === undefined ? undefined : onAbort(signal, end);
  await Promise.race([waited, over]);
  timer?.cancel();
  forget?.();
}

function unsupported(what: string): QuorateError {
  return new QuorateError("ERR_UNSUPPORTED", `etcd's API does not offer ${what}`, { what });
}
