import type { Timer } from "../base/clock.ts";
import { Emitter } from "../base/emitter.ts";
import { QuorateError } from "../base/errors.ts";
import type { CallOptions } from "../replica/call.ts";
import type { Keyspace } from "./keyspace.ts";

export type LeaseEvents = {
  /** The lease is gone, or may be: it could not be kept alive in time. The last event. */
  lost: (error: QuorateError) => void;
};

/** The share of its time after which a lease that was not confirmed again counts as lost: clocks may differ by the rest. */
const TRUSTED_SHARE = 0.9;
/** How soon a failed keep-alive is tried again, as a share of the lease's time. */
const RETRY_SHARE = 1 / 20;

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
  readonly ttl: number;
  readonly #space: Keyspace<unknown>;
  readonly #ended = new AbortController();
  readonly #onEnd: (lease: Lease) => void;
  #expiry: Timer;
  #renewal: Timer;

  /** Use `Kv.lease`. */
  constructor(
    space: Keyspace<unknown>,
    granted: { readonly id: string; readonly ttlMs: number; readonly askedAt: number },
    onEnd: (lease: Lease) => void,
  ) {
    super();
    this.#space = space;
    this.id = granted.id;
    this.ttl = granted.ttlMs;
    this.#onEnd = onEnd;
    this.#expiry = this.#expireAt(granted.askedAt);
    this.#renewal = this.#renewAfter(this.ttl / 3);
  }

  /** Aborts when the lease can no longer be relied on: it was revoked, or was not confirmed in time. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  get isOver(): boolean {
    return this.signal.aborted;
  }

  /** Ends the lease and deletes its keys, in one revision. */
  async revoke(options: CallOptions = {}): Promise<void> {
    this.close();
    try {
      await this.#space.propose(
        { kind: "lease-revoke", lease: this.id, renewedAt: null },
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
    this.#end(new QuorateError("ERR_LEASE_NOT_FOUND", "the lease was given up", { lease: this.id }));
  }

  async #renew(): Promise<void> {
    const askedAt = this.#space.clock.monotonic();
    const command = { kind: "lease-keep-alive", leases: [this.id] } as const;
    try {
      const { ttlsMs } = await this.#space.propose(command, "lease-keep-alive", { signal: this.signal });
      if (ttlsMs[0] === 0) return this.#lose(notFound(this.id));
      if (this.signal.aborted) return;
      this.#expiry.cancel();
      this.#expiry = this.#expireAt(askedAt);
      this.#renewal = this.#renewAfter(this.ttl / 3);
    } catch {
      if (!this.signal.aborted) this.#renewal = this.#renewAfter(this.ttl * RETRY_SHARE);
    }
  }

  #renewAfter(ms: number): Timer {
    return this.#space.clock.after(ms, () => void this.#renew());
  }

  #expireAt(confirmedAt: number): Timer {
    const trustedMs = confirmedAt + this.ttl * TRUSTED_SHARE - this.#space.clock.monotonic();
    const details = { timeoutMs: this.ttl * TRUSTED_SHARE };
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
    this.#ended.abort(reason);
    this.#onEnd(this);
    return true;
  }
}

function notFound(lease: string): QuorateError {
  return new QuorateError("ERR_LEASE_NOT_FOUND", `the lease ${lease} expired or was revoked`, { lease });
}
