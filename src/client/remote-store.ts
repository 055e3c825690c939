import { NO_OPTIONS } from "../base/options.ts";
import { takes } from "../base/surplus.ts";
import { Coordination } from "../coordination/coordination.ts";
import type { Election } from "../coordination/election.ts";
import type { Lock } from "../coordination/lock.ts";
import { Keyspace } from "../kv/keyspace.ts";
import { Kv } from "../kv/kv.ts";
import { OpenHandles } from "../kv/open-handles.ts";
import type { ValueCodec } from "../kv/value-codec.ts";
import { type CallOptions, callOptions } from "../replica/calls/call.ts";
import type { Channel } from "./channel.ts";
import { RemoteBackend } from "./remote-backend.ts";
import { RemoteCluster } from "./remote-cluster.ts";

const READY_OPTIONS = callOptions("ready");

/**
 * A store elsewhere: what `connect` gives. Everything that `Kv` has works alike; what only a member can know or do is
 * not offered and throws ERR_UNSUPPORTED: client sessions and metrics.
 *
 * Leases count in whole seconds, and their ids are numbers. A watch is begun once the server has confirmed it; writes
 * that are made here after it wait for that.
 */
export class RemoteStore<Value> extends Kv<Value> {
  /** The members, and the ways to change them. */
  readonly cluster: RemoteCluster;
  /** The servers, `host:port`, in the order in which they were given. */
  readonly endpoints: readonly string[];
  readonly #life: OpenHandles;

  /** @internal Use `connect`. */
  constructor(channel: Channel, codec: ValueCodec<Value>) {
    const backend = new RemoteBackend(channel);
    const life = new OpenHandles(backend);
    super(new Keyspace(backend, "", codec), life);
    this.#life = life;
    this.cluster = new RemoteCluster(channel);
    this.endpoints = channel.endpoints;
  }

  /** The lock of this name: one holder at a time, among all who use the store. */
  lock(name: string): Lock {
    return new Coordination(this).lock(name);
  }

  /** The election of this name: one of those who campaign leads. */
  election(name: string): Election {
    return new Coordination(this).election(name);
  }

  /** Resolves once a server has answered that has a leader. Throws ERR_NO_QUORUM. */
  async ready(options: CallOptions = NO_OPTIONS): Promise<void> {
    READY_OPTIONS.check(options);
    await this.range({ ...options, all: true, limit: 1 }).keys();
  }

  /** Ends watches, stops keeping leases alive, and lets go of the servers. May be called again. */
  override async close(): Promise<void> {
    this.#life.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

takes(RemoteStore, { lock: 1, election: 1, ready: 1, close: 0 });
