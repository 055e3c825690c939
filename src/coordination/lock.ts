import type { KvEntry } from "../kv/keyspace.ts";
import type { CallOptions } from "../replica/call.ts";
import { claim, type Held } from "./hold.ts";
import { type Blocker, everybody, type Line } from "./line.ts";
import type { HoldOptions } from "./stake.ts";

/**
 * A lock that one holder at a time has, anywhere in the cluster. Whoever asks first gets it first. It is free again when
 * its holder releases it, or when nothing was heard of the holder for the time of its lease.
 *
 * No lock can keep a process that stands still from acting when it wakes up, too late. What must not happen twice needs
 * the `fence` besides: see `Held`.
 */
export class Lock {
  readonly #line: Line;
  readonly #value: string;
  readonly #blocker: Blocker;

  /** @internal Use `Store.lock` or `Coordination.lock`. */
  constructor(line: Line, value = "", blocker: Blocker = everybody) {
    this.#line = line;
    this.#value = value;
    this.#blocker = blocker;
  }

  /**
   * Waits for the lock; without a `timeout` or `signal`, for as long as it takes. A call that fails has left the line.
   * Throws ERR_LOCK_LOST when this process was not heard of for so long that it lost its place, and what every write
   * throws.
   */
  async acquire(options: HoldOptions = {}): Promise<Held> {
    return (await claim(this.#line, this.#value, this.#blocker, options, true))!;
  }

  /** The lock, or null when it cannot be had at once. */
  async tryAcquire(options: HoldOptions = {}): Promise<Held | null> {
    const { signal, timeout } = options;
    // Most that find it taken need not join the line to see that.
    if (this.#blocker(await this.#line.standing({ signal, timeout })) !== undefined) return null;
    return claim(this.#line, this.#value, this.#blocker, options, false);
  }

  /**
   * Runs `work` while holding the lock, and gives its result. `timeout` and `signal` limit the waiting, not the work.
   * Rejects with ERR_LOCK_LOST, once `work` has ended, when the lock did not last until then: `work` was perhaps not
   * alone, and should have stopped when `signal` of what is held aborted.
   */
  async run<Result>(
    work: (held: Held) => Promise<Result> | Result,
    options: HoldOptions = {},
  ): Promise<Result> {
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
  async standing(options: CallOptions = {}): Promise<readonly KvEntry<string>[]> {
    return this.#line.standing(options);
  }
}
