import type { QuorateError } from "./base/errors.ts";
import { NO_OPTIONS, OptionTable } from "./base/options.ts";
import { takes } from "./base/surplus.ts";
import { Coordination } from "./coordination/coordination.ts";
import type { Election } from "./coordination/election.ts";
import type { Lock } from "./coordination/lock.ts";
import { publishEvents, traced } from "./diagnostics.ts";
import { Keyspace } from "./kv/keyspace.ts";
import { Kv } from "./kv/kv.ts";
import { KvContext, type KvLimits, type MemoryWatch } from "./kv/kv-context.ts";
import type { KvMetrics } from "./kv/kv-metrics.ts";
import { leaseIdOf } from "./kv/lease-choice.ts";
import type { KvAnswer, KvMachine, KvQuery } from "./kv/machine/kv-machine.ts";
import type { KvResult } from "./kv/machine/result.ts";
import { MachineBackend } from "./kv/machine-backend.ts";
import { OpenHandles } from "./kv/open-handles.ts";
import type { Upkeep } from "./kv/upkeep/upkeep.ts";
import type { ValueCodec } from "./kv/value-codec.ts";
import type { CallOptions } from "./replica/calls/call.ts";
import { READ, type ReadOptions } from "./replica/calls/reads.ts";
import type { Cluster } from "./replica/cluster.ts";
import type { ReplicaEvents } from "./replica/events.ts";
import type { Replica } from "./replica/replica.ts";
import type { ReplicaMetrics, ReplicaStatus } from "./replica/status.ts";
import { encodeBackup } from "./storage/snapshots/backup-file.ts";

export type KvMember = Replica<Uint8Array, KvResult, KvQuery, KvAnswer>;

export interface StoreStatus extends ReplicaStatus {
  /** The newest revision that this member has applied. */
  readonly revision: number;
  /** Below this revision history was given up. */
  readonly compactRevision: number;
  /** What this member lets the store hold, in bytes of memory: what was asked for, or what its memory allows. */
  readonly quotaBytes: number;
}

/** The store's numbers and its member's; see `KvMetrics`. */
export interface StoreMetrics extends KvMetrics {
  readonly isLeader: number;
  readonly hasLeader: number;
  /** 1 while this member has no vote, because its disk was damaged and its peers have not yet sent what it lost. */
  readonly isRepairing: number;
  readonly term: number;
  readonly commit: number;
  readonly applied: number;
  /** The index of the newest snapshot. */
  readonly snapshot: number;
  /** Commands that wait here. */
  readonly proposals: number;
  readonly framesRefusedTotal: number;
}

/** Where a store keeps its parts. By a registered symbol, so that copies of this package know each other's stores. */
const PARTS: unique symbol = Symbol.for("quorate.store.parts") as never;

/** What a store is made of, for front doors that speak of bytes and commands, not of values. */
export interface StoreParts {
  readonly host: KvContext;
  readonly upkeep: Upkeep;
  /** What the member's disk and network have counted. */
  metrics(): ReplicaMetrics;
}

/** Returns what this store is made of, or undefined for what is no store. */
export function partsOf(store: object): StoreParts | undefined {
  return (store as { readonly [PARTS]?: StoreParts })[PARTS];
}

const BACKUP_OPTIONS = new OptionTable<ReadOptions>("backup", READ);

/** A key-value store and the member of a cluster that keeps it: what `open` gives. */
export class Store<Value> extends Kv<Value> {
  /** The members, and the ways to change them. */
  readonly cluster: Cluster;
  /** @internal What front doors go through. */
  readonly [PARTS]: StoreParts;
  readonly #replica: KvMember;
  readonly #machine: KvMachine;
  readonly #life: OpenHandles;

  /** @internal Use `open`. */
  constructor(
    replica: KvMember,
    machine: KvMachine,
    codec: ValueCodec<Value>,
    limits: KvLimits,
    memory?: MemoryWatch,
  ) {
    const newLeaseId = () => leaseIdOf(crypto.getRandomValues(new Uint32Array(2)));
    const host = new KvContext(traced(replica), machine, limits, memory, newLeaseId);
    const backend = new MachineBackend(host);
    const life = new OpenHandles(backend);
    super(new Keyspace(backend, "", codec), life);
    this.#replica = replica;
    this.#machine = machine;
    this.#life = life;
    this[PARTS] = { host, upkeep: backend.upkeep, metrics: () => replica.metrics() };
    this.cluster = replica.cluster;
    publishEvents(replica);
    replica.observe((event, [failure]) => {
      if (event === "error") life.close(failure as QuorateError);
    });
  }

  /** The lock of this name: one holder at a time, in the whole cluster. */
  lock(name: string): Lock {
    return new Coordination(this).lock(name);
  }

  /** The election of this name: one of those who campaign leads. */
  election(name: string): Election {
    return new Coordination(this).election(name);
  }

  /** Resolves once a leader is known and this member has caught up with it. Throws ERR_NO_QUORUM. */
  async ready(options: CallOptions = NO_OPTIONS): Promise<void> {
    return this.#replica.ready(options);
  }

  /** Begins a snapshot of this member's state now, whatever the policy says. */
  snapshot(): void {
    this.#replica.snapshot();
  }

  /**
   * The state of the whole cluster, in pieces to be written one after the other to a file, of which `quorate restore` makes
   * another cluster. It shows everything that was committed before the call, or what this member has by `stale`, and
   * nothing of what comes while it is taken. Take it to the end or leave the loop: meanwhile history that is compacted
   * keeps its memory.
   */
  async *backup(options: ReadOptions = NO_OPTIONS): AsyncGenerator<Uint8Array, void, undefined> {
    BACKUP_OPTIONS.check(options);
    await this.#replica.barrier(options);
    const { chunks, ...place } = this.#replica.capture();
    const { revision } = this.#machine.store;
    const state = chunks[Symbol.iterator]();
    try {
      const header = { ...place, backupId: randomId(), kind: "kv", revision };
      for (const piece of encodeBackup(header, { [Symbol.iterator]: () => state })) {
        if (piece.length > 0) yield piece;
        await new Promise<void>((resolve) => this.#replica.clock.soon(resolve));
        options.signal?.throwIfAborted();
      }
    } finally {
      // Whoever leaves before the first chunk has not begun to iterate it.
      state.return?.();
    }
  }

  /** This member's view of itself and of the group, at this moment. */
  status(): StoreStatus {
    const { revision, compactRevision } = this.#machine.store;
    return {
      ...this.#replica.status(),
      revision,
      compactRevision,
      quotaBytes: this[PARTS].host.limits.quotaBytes,
    };
  }

  override metrics(): StoreMetrics {
    const { role, leader, term, commit, applied, snapshot, proposals, framesRefused, isRepairing } =
      this.#replica.status();
    return {
      ...super.metrics(),
      isLeader: Number(role === "leader"),
      hasLeader: Number(leader !== undefined),
      isRepairing: Number(isRepairing),
      ...{ term, commit, applied, snapshot, proposals, framesRefusedTotal: framesRefused },
    };
  }

  on<Event extends keyof ReplicaEvents>(event: Event, listener: ReplicaEvents[Event]): this {
    this.#replica.on(event, listener);
    return this;
  }

  once<Event extends keyof ReplicaEvents>(event: Event, listener: ReplicaEvents[Event]): this {
    this.#replica.once(event, listener);
    return this;
  }

  off<Event extends keyof ReplicaEvents>(event: Event, listener: ReplicaEvents[Event]): this {
    this.#replica.off(event, listener);
    return this;
  }

  /**
   * Ends watches and leases' keep-alive, lets what is under way finish for a while, hands leadership over, and lets go
   * of files, connections and the directory. May be called again.
   */
  override async close(): Promise<void> {
    this.#life.close();
    await this.#replica.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

takes(Store, {
  lock: 1,
  election: 1,
  ready: 1,
  snapshot: 0,
  backup: 1,
  status: 0,
  metrics: 0,
  on: 2,
  once: 2,
  off: 2,
  close: 0,
});

/** 16 bytes in hex. */
function randomId(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("hex");
}
