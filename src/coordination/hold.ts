import { onAbort } from "../base/aborts.ts";
import { QuorateError } from "../base/errors.ts";
import { NO_OPTIONS } from "../base/options.ts";
import { takes } from "../base/surplus.ts";
import { type CallOptions, callOptions } from "../replica/calls/call.ts";
import { CallLimit } from "./call-limit.ts";
import { untilDeleted } from "./key-lifetime.ts";
import { type HoldOptions, LeasedKey } from "./leased-key.ts";
import { retry } from "./retry.ts";
import type { Blocker, WaitQueue } from "./wait-queue.ts";

const PROCLAIM_OPTIONS = callOptions("proclaim");

/** Something held: a lock, or the lead. */
export interface Held extends AsyncDisposable {
  /** The key that stands for the hold. Within the same store, claim in a transaction that its create revision is `fence`. */
  readonly key: string;
  /**
   * A revision, greater than that of everybody who held it before. Pass it along to what the hold protects, and let
   * that refuse whoever comes with a smaller one than it has seen: a process that stood still may act too late, and
   * cannot know.
   */
  readonly fence: number;
  /** Aborts with ERR_LOCK_LOST before anybody else can hold it, or when it is released. Stop at once. */
  readonly signal: AbortSignal;
  /** Lets go. Does not fail: should nobody be reachable, the hold ends with its lease. */
  release(): Promise<void>;
}

/** The lead, won in an election. */
export interface Leadership extends Held {
  /** Changes what others see as the leader's value. Throws ERR_LOCK_LOST when we do not lead any more. */
  proclaim(value: string, options?: CallOptions): Promise<void>;
}

/** A place at the front of a line. */
export class Hold implements Leadership {
  readonly fence: number;
  readonly #line: WaitQueue;
  readonly #stake: LeasedKey;
  readonly #over = new AbortController();
  readonly #forgetSession: () => void;
  #released: Promise<void> | null = null;
  #isLost = false;

  /** Use `claim`. */
  constructor(line: WaitQueue, stake: LeasedKey, createRevision: number) {
    this.#line = line;
    this.#stake = stake;
    this.fence = createRevision;
    const { signal } = stake.session;
    this.#forgetSession = onAbort(signal, () => this.#lose("its session is over", signal.reason));
    void this.#watchKey();
  }

  get key(): string {
    return this.#stake.key;
  }

  get signal(): AbortSignal {
    return this.#over.signal;
  }

  /** Whether it ended in another way than by `release`. */
  get isLost(): boolean {
    return this.#isLost;
  }

  async proclaim(value: string, options: CallOptions = NO_OPTIONS): Promise<void> {
    PROCLAIM_OPTIONS.check(options);
    this.signal.throwIfAborted();
    const { lease } = this.#stake.session;
    const proclaimed = await this.#line.kv
      .txn()
      .when((key) => key(this.key).createRevision.eq(this.fence))
      .do((op) => [op.put(this.key, value, { lease })])
      .commit(options);
    if (!proclaimed.ok) throw this.#lose("its key was deleted");
  }

  release(): Promise<void> {
    this.#released ??= this.#release();
    return this.#released;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  async #release(): Promise<void> {
    this.#end(this.#stake.lost("it was released"));
    await this.#stake.withdraw();
  }

  /** Whoever deletes the key, by whatever way, takes the hold away. */
  async #watchKey(): Promise<void> {
    const { key, fence, signal } = this;
    const life = { key, createRevision: fence, seenAt: fence };
    try {
      await retry(this.#line.kv.clock, signal, () => untilDeleted(this.#line.kv, life, signal));
      this.#lose("its key was deleted");
    } catch (error) {
      // Nothing is known of the key any more, unless the hold had ended already.
      this.#lose("its key cannot be watched", error);
    }
  }

  #lose(reason: string, cause?: unknown): QuorateError {
    const error = this.#stake.lost(reason, cause);
    this.#isLost ||= !this.signal.aborted;
    this.#end(error);
    return error;
  }

  #end(reason: QuorateError): void {
    this.#forgetSession();
    this.#over.abort(reason);
  }
}

takes(Hold, { proclaim: 2, release: 0 });

/**
 * Joins the line with `value` and waits until nobody who blocks us stands ahead; with `isWaiting` false it leaves the
 * line again and gives undefined where it would have to wait. A call that fails leaves the line as well.
 */
export async function claim(
  line: WaitQueue,
  value: string,
  blocker: Blocker,
  options: HoldOptions,
  isWaiting: boolean,
): Promise<Hold | undefined> {
  const limit = new CallLimit(line.kv.clock, options);
  try {
    const stake = await LeasedKey.under(line.prefix, line.kv, options, limit);
    try {
      const joined = await line.join(stake, value, limit.step);
      const standsAlone = blocker(line.in(joined).filter(({ key }) => key !== stake.key)) === undefined;
      if (!isWaiting && !standsAlone) {
        void stake.withdraw();
        return undefined;
      }
      await line.reachFront(stake, joined, blocker, limit);
      limit.signal.throwIfAborted();
      return new Hold(line, stake, joined.entries.get(stake.key)!.createRevision);
    } catch (error) {
      void stake.withdraw();
      if (!QuorateError.is(error, "ERR_LEASE_NOT_FOUND")) throw error;
      throw stake.lost("its session is over", error);
    }
  } finally {
    limit.end();
  }
}
