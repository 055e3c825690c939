import type { Clock } from "../base/clock.ts";
import { QuorateError } from "../base/errors.ts";
import { NO_OPTIONS } from "../base/options.ts";
import type { Random } from "../base/random.ts";
import type { CallOptions } from "../replica/calls/call.ts";
import type { ReadOptions as BarrierOptions } from "../replica/calls/reads.ts";
import { CallTime } from "./call-time.ts";
import { checkRevisionNumber, compacted } from "./keyspace.ts";
import type {
  BackendRead,
  CountAnswer,
  KvBackend,
  KvWatcher,
  LeaseFacts,
  RangeAnswer,
  RangeRequest,
  ReadKey,
  StateHash,
} from "./kv-backend.ts";
import type { KvContext } from "./kv-context.ts";
import { type KvMetrics, kvMetrics } from "./kv-metrics.ts";
import type { Command, SessionId } from "./machine/command.ts";
import type { LeaseState } from "./machine/lease-table.ts";
import type { KvResult } from "./machine/result.ts";
import type { LeaseId, Revision } from "./mvcc/key-history.ts";
import type { Key, KeyRange } from "./mvcc/key-range.ts";
import type { MvccStore } from "./mvcc/mvcc-store.ts";
import { hashSteps } from "./mvcc/state-hash.ts";
import type { WatchRequest } from "./mvcc/watch-hub.ts";
import { Upkeep } from "./upkeep/upkeep.ts";
import { upkeepMember } from "./upkeep/upkeep-member.ts";

/** Keys read at once; other work gets its turn between two parts. */
const PART_KEYS = 256;

const SHOWN = Promise.resolve();

/** The state machine of a member in this process. */
export class MachineBackend implements KvBackend {
  readonly host: KvContext;
  readonly upkeep: Upkeep;

  constructor(host: KvContext) {
    this.host = host;
    this.upkeep = new Upkeep(upkeepMember(host.replica), host.machine, host.limits, host.memory);
  }

  get clock(): Clock {
    return this.host.clock;
  }

  get random(): Random {
    return this.host.random;
  }

  newLeaseId(): LeaseId {
    return this.host.newLeaseId();
  }

  propose(command: Command, options: CallOptions = NO_OPTIONS): Promise<KvResult> {
    return this.host.propose(command, callOf(options));
  }

  get(key: Key, options: BackendRead = NO_OPTIONS): Promise<ReadKey> {
    // Most reads are these, of the newest state: they go without the turns and copies that the others take.
    const shown = options.isShown === true ? SHOWN : this.host.replica.barrier(barrierOf(options));
    return shown.then(() => {
      const { store } = this.host.machine;
      const { revision } = options;
      if (revision === undefined) return { version: store.get(key), revision: store.revision };
      checkRevision(revision, store);
      return { version: store.getAt(key, revision), revision };
    });
  }

  async range(
    { range, limit, reverse = false }: RangeRequest,
    options: BackendRead = NO_OPTIONS,
  ): Promise<RangeAnswer> {
    const revision = await this.#read(options);
    const { store } = this.host.machine;
    const found = store.range(range, { revision, limit: Math.min(PART_KEYS, limit), reverse });
    return { ...found, revision };
  }

  async count(range: KeyRange, options: BackendRead = NO_OPTIONS): Promise<CountAnswer> {
    const time = new CallTime(this.clock, options);
    let { versions, more, revision } = await this.range({ range, limit: PART_KEYS }, options);
    let count = versions.length;
    while (more) {
      const rest = { from: `${versions.at(-1)!.key}\0`, to: range.to };
      await time.turn();
      const shown = { ...options, revision, isShown: true };
      ({ versions, more, revision } = await this.range({ range: rest, limit: PART_KEYS }, shown));
      count += versions.length;
    }
    return { count, revision };
  }

  watch(request: WatchRequest, onReady: () => void): KvWatcher {
    return this.host.machine.watches.watch(request, onReady);
  }

  async leases(options: BarrierOptions = NO_OPTIONS): Promise<LeaseFacts[]> {
    await this.#read(options);
    return [...this.host.machine.leases.all()].map((lease) => this.#facts(lease));
  }

  async lease(id: LeaseId, options: BarrierOptions = NO_OPTIONS): Promise<LeaseFacts | undefined> {
    await this.#read(options);
    const lease = this.host.machine.leases.get(id);
    return lease === undefined ? undefined : this.#facts(lease);
  }

  async hash(asked: Revision | undefined, options: BackendRead = NO_OPTIONS): Promise<StateHash> {
    const time = new CallTime(this.clock, options);
    const revision = await this.#read({ ...options, revision: asked });
    const steps = hashSteps(this.host.machine.store, revision);
    for (;;) {
      const step = steps.next();
      if (step.done === true) {
        if (step.value === null) throw compacted(revision, this.host.machine.store.compactRevision);
        return { revision, hash: step.value };
      }
      await time.turn();
      checkRevision(revision, this.host.machine.store);
    }
  }

  async sessionNext(id: SessionId, options: BarrierOptions = NO_OPTIONS): Promise<number | undefined> {
    await this.#read(options);
    return this.host.machine.sessions.next(id);
  }

  metrics(): KvMetrics {
    return kvMetrics(this.host);
  }

  close(): void {
    this.host.memory.stop();
    this.upkeep.stop();
  }

  /** Waits until this member may answer, and gives the revision to show. */
  async #read(options: BackendRead): Promise<Revision> {
    const { revision, isShown } = options;
    if (isShown !== true) await this.host.replica.barrier(barrierOf(options));
    const { store } = this.host.machine;
    if (revision === undefined) return store.revision;
    checkRevision(revision, store);
    return revision;
  }

  #facts({ id, ttlMs, keys }: LeaseState): LeaseFacts {
    return { id, ttlMs, remainingMs: this.upkeep.keeper.remainingMs(id) ?? ttlMs, keys };
  }
}

/** Throws unless the revision can be read. */
function checkRevision(revision: Revision, { revision: currentRevision, compactRevision }: MvccStore): void {
  checkRevisionNumber(revision);
  if (revision > currentRevision) {
    const details = { revision, currentRevision };
    throw new QuorateError("ERR_FUTURE_REVISION", `revision ${revision} is not reached yet`, details);
  }
  if (revision < compactRevision) throw compacted(revision, compactRevision);
}

/** What the member takes of the options: it refuses what it does not know. */
function callOf(options: CallOptions): CallOptions {
  return options === NO_OPTIONS ? options : { signal: options.signal, timeoutMs: options.timeoutMs };
}

function barrierOf(options: BarrierOptions): BarrierOptions {
  if (options === NO_OPTIONS) return options;
  return { signal: options.signal, timeoutMs: options.timeoutMs, consistency: options.consistency };
}
