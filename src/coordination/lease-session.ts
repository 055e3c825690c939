import { type Demands, NO_OPTIONS, OptionTable, whole } from "../base/options.ts";
import { takes } from "../base/surplus.ts";
import { LEASE_TTL_MAX_MS, LEASE_TTL_MIN_MS } from "../kv/machine/lease-table.ts";
import { CALL, type CallOptions } from "../replica/calls/call.ts";
import type { RecipeKv, RecipeLease } from "./recipe-kv.ts";

export interface LeaseSessionOptions extends CallOptions {
  /**
   * Milliseconds after which others may take over when nothing is heard of this process any more; 15,000 by default.
   * Short times notice a crash soon, and take a pause or a short cut of the network for one; 500 is the shortest.
   */
  readonly ttlMs?: number | undefined;
}

export const SESSION: Demands<LeaseSessionOptions> = {
  ...CALL,
  ttlMs: whole(LEASE_TTL_MIN_MS, LEASE_TTL_MAX_MS),
};

const SESSION_OPTIONS = new OptionTable<LeaseSessionOptions>("session", SESSION);

export const SESSION_TTL_MS = 15_000;

/**
 * A lease that several holds share, kept alive by itself until it is closed. When it ends, all its holds end, in one
 * revision.
 */
export class LeaseSession implements AsyncDisposable {
  readonly #lease: RecipeLease;
  #keys = 0;

  /** Grants the lease. Throws what every write throws. */
  static async open(kv: RecipeKv<unknown>, options: LeaseSessionOptions = NO_OPTIONS): Promise<LeaseSession> {
    SESSION_OPTIONS.check(options);
    const { ttlMs: ttl = SESSION_TTL_MS, ...call } = options;
    return new LeaseSession(await kv.lease(ttl, call));
  }

  /** @internal Use `LeaseSession.open`. */
  constructor(lease: RecipeLease) {
    this.#lease = lease;
  }

  /** The id of the lease. */
  get lease(): string {
    return this.#lease.id;
  }

  /** Aborts before the lease can have ended: it was closed, revoked, or not confirmed in time. */
  get signal(): AbortSignal {
    return this.#lease.signal;
  }

  /** A key under `prefix` that nobody else has and that this session gives once. The first is the one etcd would take. */
  nextKey(prefix: string): string {
    this.#keys += 1;
    const key = prefix + leaseText(this.lease);
    return this.#keys === 1 ? key : `${key}-${this.#keys}`;
  }

  /** Ends the session and all that hangs on it. */
  async close(): Promise<void> {
    await this.#lease.revoke();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

takes(LeaseSession, { nextKey: 1, close: 0 });

/** A lease's id as etcd's recipes write it into keys: hexadecimal. */
export function leaseText(lease: string): string {
  return /^-?\d+$/.test(lease) ? BigInt(lease).toString(16) : lease;
}
