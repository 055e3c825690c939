import { NO_OPTIONS } from "../base/options.ts";
import { takes } from "../base/surplus.ts";
import type { KvEntry } from "../kv/keyspace.ts";
import { type CallOptions, callOptions } from "../replica/calls/call.ts";
import { claim, type Held } from "./hold.ts";
import { HOLD, type HoldOptions, HoldTable } from "./leased-key.ts";
import { type Blocker, checkWork, everybody, type WaitQueue } from "./wait-queue.ts";

const ACQUIRE_OPTIONS = new HoldTable("lock.acquire", HOLD);
const TRY_OPTIONS = new HoldTable("lock.tryAcquire", HOLD);
const RUN_OPTIONS = new HoldTable("lock.run", HOLD);
const WAITERS_OPTIONS = callOptions("lock.waiters");

/**
 * A lock that one holder at a time has, anywhere in the cluster. Whoever asks first gets it first. It is free again when
 * its holder releases it, or when nothing was heard of the holder for the time of its lease.
 *
 * No lock can keep a process that stands still from acting when it wakes up, too late. What must not happen twice needs
 * the `fence` besides: see `Held`.
 */
export class Lock {
  readonly #line: WaitQueue;
  readonly #value: string;
  readonly #blocker: Blocker;

  /** @internal Use `Store.lock` or `Coordination.lock`. */
  constructor(line: WaitQueue, value = "", blocker: Blocker = everybody) {
    this.#line = line;
    this.#value = value;
    this.#blocker = blocker;
  }

  /**
   * Waits for the lock; without a `timeoutMs` or `signal`, for as long as it takes. A call that fails has left the line.
   * Throws ERR_LOCK_LOST when this process was not heard of for so long that it lost its place, and what every write
   * throws.
   *
   * @example
   * ```ts
   * import { open } from "quorate";
   *
   * const store = await open({});
   * const held = await store.lock("nightly-report").acquire();
   * console.log(held.signal.aborted); // → false
   * await held.release();
   * await store.close();
   * ```
   */
  async acquire(options: HoldOptions = NO_OPTIONS): Promise<Held> {
    ACQUIRE_OPTIONS.check(options);
    return (await claim(this.#line, this.#value, this.#blocker, options, true))!;
  }

  /**
   * Acquires the lock if it is free. Resolves to undefined if it cannot be acquired at once.
   *
   * @example
   * ```ts
   * import { open } from "quorate";
   *
   * const store = await open({});
   * const held = await store.lock("nightly-report").acquire();
   * console.log(await store.lock("nightly-report").tryAcquire()); // → undefined
   * await held.release();
   * await store.close();
   * ```
   */
  async tryAcquire(options: HoldOptions = NO_OPTIONS): Promise<Held | undefined> {
    TRY_OPTIONS.check(options);
    const { signal, timeoutMs: timeout } = options;
    // Most that find it taken need not join the line to see that.
    if (this.#blocker(await this.#line.waiters({ signal, timeoutMs: timeout })) !== undefined)
      return undefined;
    return claim(this.#line, this.#value, this.#blocker, options, false);
  }

  /**
   * Runs `work` while holding the lock, and gives its result. `timeoutMs` and `signal` limit the waiting, not the work.
   * Rejects with ERR_LOCK_LOST, once `work` has ended, when the lock did not last until then: `work` was perhaps not
   * alone, and should have stopped when `signal` of what is held aborted.
   *
   * @example
   * ```ts
   * import { open } from "quorate";
   *
   * const store = await open({});
   * const report = await store.lock("nightly-report").run(() => "done");
   * console.log(report); // → done
   * await store.close();
   * ```
   */
  async run<Result>(
    work: (held: Held) => Promise<Result> | Result,
    options: HoldOptions = NO_OPTIONS,
  ): Promise<Result> {
    RUN_OPTIONS.check(options);
    checkWork(work);
    const held = (await claim(this.#line, this.#value, this.#blocker, options, true))!;
    try {
      const result = await work(held);
      if (held.isLost) throw held.signal.reason;
      return result;
    } finally {
      await held.release();
    }
  }

  /** Who holds the lock or waits for it: their keys, first come first. */
  async waiters(options: CallOptions = NO_OPTIONS): Promise<readonly KvEntry<string>[]> {
    WAITERS_OPTIONS.check(options);
    return this.#line.waiters(options);
  }
}

takes(Lock, { acquire: 1, tryAcquire: 1, run: 2, waiters: 1 });
