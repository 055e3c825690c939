import { Coordination } from "./coordination/coordination.ts";
import type { Election } from "./coordination/election.ts";
import type { Lock } from "./coordination/lock.ts";
import { Keyspace } from "./kv/keyspace.ts";
import { Kv } from "./kv/kv.ts";
import { KvHost, type KvLimits } from "./kv/kv-host.ts";
import { Life } from "./kv/kv-life.ts";
import type { KvAnswer, KvMachine, KvQuery } from "./kv/kv-machine.ts";
import type { KvResult } from "./kv/result.ts";
import type { ValueCodec } from "./kv/value-codec.ts";
import type { CallOptions } from "./replica/call.ts";
import type { MemberRecord } from "./replica/directory.ts";
import type { ReplicaEvents } from "./replica/events.ts";
import type { Replica } from "./replica/replica.ts";
import type { ReplicaStatus } from "./replica/status.ts";

export type KvMember = Replica<Uint8Array, KvResult, KvQuery, KvAnswer>;

export interface StoreStatus extends ReplicaStatus {
  /** The newest revision that this member has applied. */
  readonly revision: number;
  /** Below this revision history was given up. */
  readonly compactRevision: number;
}

/** The group that a store is a member of. */
export interface Cluster {
  readonly members: readonly MemberRecord[];
  /**
   * Adds a member, which learns at first: it is sent everything and has no vote. Gives the ticket with which it is
   * opened: `open({ dir, name, join: ticket })`, at its first start and at every later one.
   */
  add(member: { readonly name: string; readonly address: string }, options?: CallOptions): Promise<string>;
  /** Makes a voter of a learner, once it has caught up: waits for that, as long as the call may last. */
  promote(name: string, options?: CallOptions): Promise<void>;
  /** Removes a member, which then stops. Its name may be given to another one; its disk may not be used again. */
  remove(name: string, options?: CallOptions): Promise<void>;
  /** Hands leadership to the named member; only the leader can. Resolves when the other leads. */
  transfer(to: string, options?: CallOptions): Promise<void>;
  /** Begins a snapshot of this member's state now, whatever the policy says. */
  snapshot(): void;
}

/** A key-value store and the member of a cluster that keeps it: what `open` gives. */
export class Store<Value> extends Kv<Value> {
  readonly cluster: Cluster;
  readonly #replica: KvMember;
  readonly #machine: KvMachine;
  readonly #life: Life;

  /** Use `open`. */
  constructor(replica: KvMember, machine: KvMachine, codec: ValueCodec<Value>, limits: KvLimits) {
    const host = new KvHost(replica, machine, limits);
    const life = new Life(host);
    super(new Keyspace(host, "", codec), life);
    this.#replica = replica;
    this.#machine = machine;
    this.#life = life;
    this.cluster = {
      get members() {
        return replica.status().members;
      },
      add: (member, options) => replica.addMember(member, options),
      promote: (name, options) => replica.promoteMember(name, options),
      remove: (name, options) => replica.removeMember(name, options),
      transfer: (to, options) => replica.transferLeadership(to, options),
      snapshot: () => replica.snapshot(),
    };
    replica.once("error", () => life.close());
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
  ready(options: CallOptions = {}): Promise<void> {
    return this.#replica.ready(options);
  }

  /** This member's view of itself and of the group, at this moment. */
  status(): StoreStatus {
    const { revision, compactRevision } = this.#machine.store;
    return { ...this.#replica.status(), revision, compactRevision };
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
