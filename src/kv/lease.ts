import type { Timer } from "../base/clock.ts";
import { Emitter } from "../base/emitter.ts";
import { QuorateError } from "../base/errors.ts";
import { NO_OPTIONS } from "../base/options.ts";
import { takes } from "../base/surplus.ts";
import { type CallOptions, callOptions } from "../replica/calls/call.ts";
import { fromByteString } from "./byte-text.ts";
import type { Keyspace } from "./keyspace.ts";
import type { LeaseId } from "./mvcc/key-history.ts";
import type { Renewals } from "./upkeep/renewals.ts";

/** Events of a `Lease`. */
export type LeaseEvents = {
  /** The lease is gone, or may be: it could not be kept alive in time. The last event. */
  lost: (error: QuorateError) => void;
};

const REVOKE_OPTIONS = callOptions("lease.revoke");

/** The share of its time after which a lease that was not confirmed again counts as lost: clocks may differ by the rest. */
const TRUSTED_SHARE = 0.9;
/** How soon a failed keep-alive is tried again, as a share of the lease's time. */
const RETRY_SHARE = 1 / 20;

/** The view of a store that keeps the lease. */
interface LeaseView {
  /** Why the view is over, with all its leases; null while it is not. */
  readonly over: QuorateError | null;
  ended(lease: Lease): void;
}

/**
 * A lease that keeps itself alive, a third of its time after each confirmation. Keys that are put with it live as
 * long as it does.
 *
 * `signal` aborts before the lease can expire: the time is counted from before each keep-alive was sent, on this
 * process's own clock, and less than the whole of it is trusted. But a process that stands still cannot notice in
 * time; what must not happen twice needs a fence besides, such as the revision of a key that hangs on the lease.
 */
export class Lease extends Emitter<LeaseEvents> implements AsyncDisposable {
  readonly id: string;
  /** Milliseconds, as granted: very short leases are made longer. */
  readonly ttlMs: number;
  readonly #space: Keyspace<unknown>;
  readonly #lease: LeaseId;
  readonly #ended = new AbortController();
  readonly #view: LeaseView;
  readonly #renewals: Renewals;
  /** When the renewal under way was begun. */
  #askedAt: number;
  #expiry: Timer;
  #renewal: Timer;

  /** @internal Use `Kv.lease`. */
  constructor(
    space: Keyspace<unknown>,
    renewals: Renewals,
    granted: { readonly lease: LeaseId; readonly ttlMs: number; readonly askedAt: number },
    view: LeaseView,
  ) {
    super({ lost: true });
    this.#space = space;
    this.#renewals = renewals;
    this.#lease = granted.lease;
    this.id = fromByteString(granted.lease);
    this.ttlMs = granted.ttlMs;
    this.#view = view;
    this.#askedAt = granted.askedAt;
    this.#expiry = this.#expireAt(this.#askedAt);
    this.#renewal = this.#renewAfter(this.ttlMs / 3);
  }

  /** Aborts when the lease can no longer be relied on: it was revoked, or was not confirmed in time. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** Whether the lease can no longer be relied on, as `signal.aborted`. */
  get isOver(): boolean {
    return this.signal.aborted;
  }

  /** Ends the lease and deletes its keys, in one revision. */
  async revoke(options: CallOptions = NO_OPTIONS): Promise<void> {
    REVOKE_OPTIONS.check(options);
    this.close();
    try {
      await this.#space.propose(
        { kind: "lease-revoke", lease: this.#lease, renewedAt: null },
        "lease-revoke",
        options,
      );
    } catch (error) {
      if (!QuorateError.is(error, "ERR_LEASE_NOT_FOUND")) throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.revoke();
  }

  /** Stops keeping it alive: it expires by itself, and its keys with it. */
  close(): void {
    const givenUp = (): QuorateError =>
      new QuorateError("ERR_LEASE_NOT_FOUND", "the lease was given up", { lease: this.id });
    this.#end(this.#view.over ?? givenUp());
  }

  /** @internal The store has failed: nobody keeps the lease alive any more. */
  fail(reason: QuorateError): void {
    this.#lose(reason);
  }

  #renewAfter(ms: number): Timer {
    return this.#space.clock.after(ms, () => {
      this.#askedAt = this.#space.clock.monotonic();
      this.#renewals.add(this.#lease, (error, ttlMs) => this.#renewed(error, ttlMs));
    });
  }

  #renewed(error: QuorateError | null, ttlMs: number): void {
    if (this.signal.aborted) return;
    if (error !== null) {
      this.#renewal = this.#renewAfter(this.ttlMs * RETRY_SHARE);
    } else if (ttlMs === 0) {
      this.#lose(notFound(this.id));
    } else {
      this.#expiry.cancel();
      this.#expiry = this.#expireAt(this.#askedAt);
      this.#renewal = this.#renewAfter(this.ttlMs / 3);
    }
  }

  #expireAt(confirmedAt: number): Timer {
    const trustedMs = confirmedAt + this.ttlMs * TRUSTED_SHARE - this.#space.clock.monotonic();
    const details = { timeoutMs: this.ttlMs * TRUSTED_SHARE };
    return this.#space.clock.after(Math.max(0, trustedMs), () => {
      this.#lose(new QuorateError("ERR_TIMEOUT", "the lease could not be kept alive in time", details));
    });
  }

  #lose(error: QuorateError): void {
    if (this.#end(error)) this.emit("lost", error);
  }

  #end(reason: QuorateError): boolean {
    if (this.signal.aborted) return false;
    this.#expiry.cancel();
    this.#renewal.cancel();
    this.#renewals.drop(this.#lease);
    this.#ended.abort(reason);
    this.#view.ended(this);
    return true;
  }
}

takes(Lease, { revoke: 1, close: 0 });

function notFound(lease: string): QuorateError {
  return new QuorateError("ERR_LEASE_NOT_FOUND", `the lease ${lease} expired or was revoked`, { lease });
}
