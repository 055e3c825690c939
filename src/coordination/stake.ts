import { invalidArgument, type Outcome, QuorateError } from "../base/errors.ts";
import { type Demands, demand, OptionTable } from "../base/options.ts";
import type { CallLimit } from "./call-limit.ts";
import { persist } from "./persist.ts";
import type { RecipeKv } from "./recipe-kv.ts";
import { SESSION, Session, type SessionOptions } from "./session.ts";

export interface HoldOptions extends SessionOptions {
  /** Hang on this session, and share its lease, instead of one of its own. It has a `ttl` already. */
  readonly session?: Session | undefined;
}

export const HOLD: Demands<HoldOptions> = {
  ...SESSION,
  session: demand(
    "a session, as Coordination.session gives it",
    (value): value is Session => value instanceof Session,
  ),
};

/** What a call that may share a session takes. */
export class HoldTable<Options extends HoldOptions = HoldOptions> extends OptionTable<Options> {
  override check(given: unknown): void {
    super.check(given);
    const { session, ttl } = given as HoldOptions;
    if (session !== undefined && ttl !== undefined)
      throw invalidArgument("ttl", ttl, "session and ttl exclude each other: the session has a ttl already");
  }
}

/** A key of ours that hangs on a session, the caller's or one of its own: what every hold consists of. */
export class Stake {
  readonly kv: RecipeKv<unknown>;
  readonly session: Session;
  readonly key: string;
  readonly #isSessionShared: boolean;

  /** Gives the key its name; to put it is up to the caller. From here on the call ends also with the session. */
  static async under(
    prefix: string,
    kv: RecipeKv<unknown>,
    options: HoldOptions,
    limit: CallLimit,
  ): Promise<Stake> {
    const session = options.session ?? (await Session.open(kv, { ...limit.step, ttl: options.ttl }));
    const stake = new Stake(kv, session, session.nextKey(prefix), options.session !== undefined);
    limit.endWith(session.signal, () => stake.endedWith(session.signal.reason));
    return stake;
  }

  /** Use `Stake.under`. */
  constructor(kv: RecipeKv<unknown>, session: Session, key: string, isSessionShared: boolean) {
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
    await persist(this.kv.clock, signal, () => this.kv.delete(this.key, { signal }));
  }
}
