import type { Index } from "../log/entry.ts";
import type { LeaseCheckpoint } from "./command.ts";
import { encodeCommand } from "./command-codec.ts";
import type { LeaseId } from "./key-history.ts";
import type { KvReplica } from "./kv-host.ts";
import type { KvMachine } from "./kv-machine.ts";
import type { LeaseObserver, LeaseState } from "./lease.ts";

/** How exactly expiry is judged. Leases may live this much longer, never shorter. */
export const LEASE_TICK_MS = 200;
/** Revokes under way at once; more leases that expire together wait for their turn. */
const REVOKES_MAX = 64;
/** A revoke that failed is tried again after this. */
const RETRY_MS = 1_000;
/** How often a leader writes down how much time long, quiet leases have left. */
const CHECKPOINT_MS = 5 * 60_000;
/** Leases in one checkpoint. */
const CHECKPOINT_LEASES_MAX = 1_000;

interface Countdown {
  readonly renewedAt: Index;
  readonly since: number;
  readonly deadline: number;
}

/**
 * Counts the time of leases while this member leads, on its monotonic clock, and has those revoked that are over.
 *
 * A new leader gives each lease its whole time again, or what the last checkpoint left: an election lengthens leases
 * and never shortens them. A revoke names the renewal that it found expired, so one that was held up in a former
 * leader does nothing to a lease that was renewed since.
 */
export class LeaseKeeper implements LeaseObserver {
  readonly #replica: KvReplica;
  readonly #machine: KvMachine;
  readonly #countdowns = new Map<LeaseId, Countdown>();
  /** Which leases to look at in which tick. A renewed lease stays where it is, and is moved when its old time comes. */
  readonly #wheel = new Map<number, LeaseId[]>();
  #tick = 0;
  #revokes = 0;
  #isLeading = false;
  #checkpointedAt = 0;

  constructor(replica: KvReplica, machine: KvMachine) {
    this.#replica = replica;
    this.#machine = machine;
    if (replica.isLeader) this.lead();
  }

  /** This member leads from now on. */
  lead(): void {
    this.stop();
    this.#isLeading = true;
    this.#tick = this.#tickAt(this.#now());
    this.#checkpointedAt = this.#now();
    for (const lease of this.#machine.leases.all()) this.renewed(lease);
    this.#machine.observeLeases(this);
  }

  /** This member does not lead any more. */
  stop(): void {
    this.#isLeading = false;
    this.#machine.observeLeases(null);
    this.#countdowns.clear();
    this.#wheel.clear();
  }

  renewed({ id, renewedAt, remainingMs }: LeaseState): void {
    const since = this.#now();
    const deadline = since + remainingMs;
    const isWaiting = this.#countdowns.has(id);
    this.#countdowns.set(id, { renewedAt, since, deadline });
    if (!isWaiting) this.#lookAt(id, deadline);
  }

  gone(id: LeaseId): void {
    this.#countdowns.delete(id);
  }

  /** To be called every `LEASE_TICK_MS` or so. */
  tick(): void {
    if (!this.#isLeading) return;
    const now = this.#now();
    const last = this.#tickAt(now);
    for (; this.#tick <= last; this.#tick++) {
      const due = this.#wheel.get(this.#tick) ?? [];
      this.#wheel.delete(this.#tick);
      for (const id of due) this.#examine(id, now);
    }
    if (now - this.#checkpointedAt >= CHECKPOINT_MS) this.#checkpoint(now);
  }

  #examine(id: LeaseId, now: number): void {
    const countdown = this.#countdowns.get(id);
    if (countdown === undefined) return;
    if (countdown.deadline > now) this.#lookAt(id, countdown.deadline);
    else if (this.#revokes >= REVOKES_MAX) this.#lookAt(id, now + LEASE_TICK_MS);
    else {
      this.#revoke(id, countdown.renewedAt);
      this.#lookAt(id, now + RETRY_MS);
    }
  }

  #revoke(lease: LeaseId, renewedAt: Index): void {
    this.#revokes += 1;
    const done = (): void => {
      this.#revokes -= 1;
    };
    // Whether it worked shows in the table; if not, the lease is looked at again.
    this.#replica.propose(encodeCommand({ kind: "lease-revoke", lease, renewedAt })).then(done, done);
  }

  #checkpoint(now: number): void {
    this.#checkpointedAt = now;
    const checkpoints: LeaseCheckpoint[] = [];
    for (const [lease, { renewedAt, since, deadline }] of this.#countdowns) {
      const remainingMs = Math.max(0, Math.ceil(deadline - now));
      if (now - since >= CHECKPOINT_MS) checkpoints.push({ lease, renewedAt, remainingMs });
    }
    for (let from = 0; from < checkpoints.length; from += CHECKPOINT_LEASES_MAX) {
      const some = checkpoints.slice(from, from + CHECKPOINT_LEASES_MAX);
      const command = encodeCommand({ kind: "lease-checkpoint", checkpoints: some });
      // A checkpoint that fails costs precision, nothing else.
      this.#replica.propose(command).catch(() => {});
    }
  }

  #lookAt(id: LeaseId, time: number): void {
    const tick = Math.max(this.#tickAt(time) + 1, this.#tick + 1);
    const ids = this.#wheel.get(tick);
    if (ids === undefined) this.#wheel.set(tick, [id]);
    else ids.push(id);
  }

  #tickAt(time: number): number {
    return Math.floor(time / LEASE_TICK_MS);
  }

  #now(): number {
    return this.#replica.clock.monotonic();
  }
}
