import { invalidArgument } from "../base/errors.ts";
import { describe, having } from "../base/options.ts";
import { takes } from "../base/surplus.ts";
import { Barrier } from "./barrier.ts";
import { DoubleBarrier } from "./double-barrier.ts";
import { Election } from "./election.ts";
import { LeaseSession, type LeaseSessionOptions } from "./lease-session.ts";
import { Lock } from "./lock.ts";
import { Queue } from "./queue.ts";
import { ReadWriteLock } from "./read-write-lock.ts";
import type { RecipeKv } from "./recipe-kv.ts";
import { Registry } from "./registry.ts";
import { WaitQueue } from "./wait-queue.ts";

const STORE = having<RecipeKv<unknown>>(
  "a store",
  ...(["entry", "range", "put", "delete", "watch", "txn", "lease", "namespace"] as const),
);

/**
 * Recipes for working together, on a store or on a namespace of one. Each lives in keys under the name that it is given:
 * whoever uses the same name in the same store means the same thing.
 */
export class Coordination<Value> {
  readonly #kv: RecipeKv<Value>;

  /** Throws ERR_INVALID_ARGUMENT for what is neither a store nor a namespace of one. */
  constructor(kv: RecipeKv<Value>) {
    if (!STORE.isMet(kv)) {
      const message = `Coordination works on a store or on a namespace of one, not on ${describe(kv)}`;
      throw invalidArgument("kv", undefined, message);
    }
    this.#kv = kv;
  }

  /** A lease for several holds: pass it to them as `session`. */
  session(options?: LeaseSessionOptions): Promise<LeaseSession> {
    return LeaseSession.open(this.#kv, options);
  }

  /**
   * Returns the lock of this name. Nothing is sent before it is acquired; all who use the name share the
   * lock.
   */
  lock(name: string): Lock {
    return new Lock(new WaitQueue(this.#kv, name));
  }

  /** Returns the read-write lock of this name: many readers or one writer. */
  readWriteLock(name: string): ReadWriteLock {
    return new ReadWriteLock(new WaitQueue(this.#kv, name));
  }

  /** Returns the election of this name. Nothing is sent before a candidate campaigns or someone observes. */
  election(name: string): Election {
    return new Election(new WaitQueue(this.#kv, name));
  }

  /** Returns the barrier of this name. */
  barrier(name: string): Barrier {
    return new Barrier(this.#kv, name);
  }

  /** A barrier for `count` participants. */
  doubleBarrier(name: string, count: number): DoubleBarrier {
    return new DoubleBarrier(new WaitQueue(this.#kv, name), count);
  }

  /** Returns the first-in-first-out queue of this name. Its items are encoded as the values of the store. */
  queue(name: string): Queue<Value> {
    return new Queue(this.#kv, name);
  }

  /** The services registered under `root`; "services" by default. */
  registry(root?: string): Registry {
    return new Registry(this.#kv, root);
  }
}

takes(
  Coordination,
  { session: 1, lock: 1, readWriteLock: 1, election: 1, barrier: 1, doubleBarrier: 2, queue: 1, registry: 1 },
  ["session"],
);
