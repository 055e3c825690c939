import { invalidArgument, type Outcome, QuorateError } from "../base/errors.ts";
import { type Demands, demand, OptionTable } from "../base/options.ts";
import type { CallLimit } from "./call-limit.ts";
import { LeaseSession, type LeaseSessionOptions, SESSION } from "./lease-session.ts";
import type { RecipeKv } from "./recipe-kv.ts";
import { retry } from "./retry.ts";

export interface HoldOptions extends LeaseSessionOptions {
  /** Hang on this session, and share its lease, instead of one of its own. It has a `ttlMs` already. */
  readonly session?: LeaseSession | undefined;
}

export const HOLD: Demands<HoldOptions> = {
  ...SESSION,
  session: demand(
    "a session, as Coordination.session gives it",
    (value): value is LeaseSession => value instanceof LeaseSession,
  ),
};

/** What a call that may share a session takes. */
export class HoldTable<Options extends HoldOptions = HoldOptions> extends OptionTable<Options> {
  override check(given: unknown): void {
    super.check(given);
    const { session, ttlMs: ttl } = given as HoldOptions;
    if (session !== undefined && ttl !== undefined)
      throw invalidArgument(
        "ttlMs",
        ttl,
        "session and ttlMs exclude each other: the session has its own ttlMs",
      );
  }
}

/** A key of ours that hangs on a session, the caller's or one of its own: what every hold consists of. */
export class LeasedKey {
  readonly kv: RecipeKv<unknown>;
  readonly session: LeaseSession;
  readonly key: string;
  readonly #isSessionShared: boolean;

  /** Gives the key its name; to put it is up to the caller. From here on the call ends also with the session. */
  static async under(
    prefix: string,
    kv: RecipeKv<unknown>,
    options: HoldOptions,
    limit: CallLimit,
  ): Promise<LeasedKey> {
    const session = options.session ?? (await LeaseSession.open(kv, { ...limit.step, ttlMs: options.ttlMs }));
    const stake = new LeasedKey(kv, session, session.nextKey(prefix), options.session !== undefined);
    limit.endWith(session.signal, () => stake.endedWith(session.signal.reason));
    return stake;
  }

  /** Use `LeasedKey.under`. */
  constructor(kv: RecipeKv<unknown>, session: LeaseSession, key: string, isSessionShared: boolean) {
    this.kv = kv;
    this.session = session;
    this.key = key;
    this.#isSessionShared = isSessionShared;
  }

  /**
   * Takes the key away. Resolves when that is done, or when the session is over and the key goes with it. Never fails:
   * what cannot be deleted now ends with the lease, whose time is limited.
   */
  async withdraw(): Promise<void> {
    const wasOver = this.session.signal.aborted;
    const gone = this.#remove().catch(() => {});
    if (!wasOver) await gone;
  }

  /**
   * The error of a call whose session is over: that the hold is lost, or, where the whole store is over, why. What is on its
   * way then may be written, for as long as the lease lasts.
   */
  endedWith(reason: unknown): QuorateError {
    const isStores =
      QuorateError.is(reason) && reason.code !== "ERR_LEASE_NOT_FOUND" && reason.code !== "ERR_TIMEOUT";
    if (!isStores) return this.lost("its session is over", reason, "unknown");
    const { code, message, details } = reason;
    return new QuorateError(code, message, details, { outcome: "unknown", cause: reason });
  }

  /** The error of a hold that is over. */
  lost(reason: string, cause?: unknown, outcome: Outcome = "none"): QuorateError<"ERR_LOCK_LOST"> {
    const details = { key: this.key, reason };
    return new QuorateError("ERR_LOCK_LOST", `the hold of ${this.key} is over: ${reason}`, details, {
      outcome,
      retryable: true,
      cause,
    });
  }

  async #remove(): Promise<void> {
    if (!this.#isSessionShared) {
      await this.session.close();
      return;
    }
    const { signal } = this.session;
    await retry(this.kv.clock, signal, () => this.kv.delete(this.key, { signal }));
  }
}
