import type { Index } from "../../log/entry.ts";
import type { LeaseCheckpoint } from "../machine/command.ts";
import { encodeCommand } from "../machine/command-codec.ts";
import type { KvMachine } from "../machine/kv-machine.ts";
import type { LeaseObserver, LeaseState, LeaseTable } from "../machine/lease-table.ts";
import type { LeaseId } from "../mvcc/key-history.ts";
import type { UpkeepMember } from "./upkeep-member.ts";

/** How exactly expiry is judged. Leases may live this much longer, never shorter. */
export const LEASE_TICK_MS = 200;
/** Revokes under way at once; more leases that expire together wait for their turn. */
const REVOKES_MAX = 64;
/** A revoke that failed is tried again after this. */
const RETRY_MS = 1_000;
/** How much of a lease's time may be forgotten when every member restarts, as a share of the whole … */
const CHECKPOINT_SHARE = 1 / 8;
/** … once so much has passed since its last renewal: a lease that is kept alive needs no checkpoints. */
const CHECKPOINT_AFTER_SHARE = 1 / 2;
const CHECKPOINT_AFTER_MS_MAX = 60_000;
/** Leases in one checkpoint. */
const CHECKPOINT_LEASES_MAX = 1_000;
/** The share of a lease's time that a new leader gives at most: its holder could ask nobody during the election … */
const GRACE_SHARE = 1 / 3;
/** … and the share of what was left when that was last written down. It is written down anew, so graces do not add up. */
const GRACE_SHARE_OF_REST = 1 / 2;

interface Countdown {
  readonly renewedAt: Index;
  readonly ttlMs: number;
  deadline: number;
  /** In which tick the leader looks at it; null while it does not. */
  tick: number | null;
}

/**
 * Counts the time of leases on this member's monotonic clock, and while the member leads has those revoked that are over.
 *
 * Every member counts from when it applied a renewal, which is after the holder asked for it: so whoever leads next
 * goes on counting, and no lease ends early. Only a restart or a snapshot begins anew, from what the last checkpoint
 * left. A revoke names the renewal that it found expired, so one that was held up in a former leader does nothing to
 * a lease that was renewed since (etcd-io/etcd#15247).
 *
 * Nor does a lease live on because leaders change: each new leader has written down at once what is left, its own grace
 * included, and the next one gives half of that at most. All graces together are two thirds of the lease's time.
 */
export class LeaseKeeper implements LeaseObserver {
  readonly #member: UpkeepMember;
  readonly #machine: KvMachine;
  readonly #countdowns = new Map<LeaseId, Countdown>();
  /**
   * Which leases to look at in which tick: each countdown that has a tick is there once, and nothing else. A renewed lease
   * stays where it is, and is moved when its old time comes.
   */
  readonly #wheel = new Map<number, Set<LeaseId>>();
  #tick: number;
  #revokes = 0;
  #isLeading = false;

  constructor(member: UpkeepMember, machine: KvMachine) {
    this.#member = member;
    this.#machine = machine;
    this.#tick = this.#tickAt(this.#now());
    machine.observeLeases(this);
    this.replaced(machine.leases);
    if (member.isLeader) this.lead();
  }

  /** How many entries the wheel holds: at most one for each lease. */
  get looks(): number {
    let looks = 0;
    for (const ids of this.#wheel.values()) looks += ids.size;
    return looks;
  }

  /** This member leads from now on. */
  lead(): void {
    this.#isLeading = true;
    const now = this.#now();
    this.#tick = this.#tickAt(now);
    this.#wheel.clear();
    const checkpoints: LeaseCheckpoint[] = [];
    for (const [id, countdown] of this.#countdowns) {
      const { remainingMs, ttlMs } = this.#machine.leases.get(id)!;
      const graceMs = Math.min(ttlMs * GRACE_SHARE, remainingMs * GRACE_SHARE_OF_REST);
      const leftMs = countdown.deadline - now;
      countdown.deadline = Math.max(countdown.deadline, now + graceMs);
      if (leftMs < graceMs || remainingMs - leftMs >= ttlMs * CHECKPOINT_SHARE)
        checkpoints.push(checkpointOf(id, countdown, now));
      countdown.tick = null;
      this.#lookAt(id, countdown, nextLook(countdown, now));
    }
    this.#writeDown(checkpoints);
  }

  /** This member does not lead any more. */
  follow(): void {
    this.#isLeading = false;
    this.#wheel.clear();
  }

  stop(): void {
    this.follow();
    this.#machine.observeLeases(undefined);
    this.#countdowns.clear();
  }

  /** Milliseconds that a lease has left, by this member's count; below 0 while it waits to be revoked. */
  remainingMs(id: LeaseId): number | undefined {
    const countdown = this.#countdowns.get(id);
    return countdown === undefined ? undefined : countdown.deadline - this.#now();
  }

  renewed({ id, renewedAt, ttlMs, remainingMs }: LeaseState): void {
    const now = this.#now();
    const tick = this.#countdowns.get(id)?.tick ?? null;
    const countdown = { renewedAt, ttlMs, deadline: now + remainingMs, tick };
    this.#countdowns.set(id, countdown);
    if (this.#isLeading && tick === null) this.#lookAt(id, countdown, nextLook(countdown, now));
  }

  checkpointed({ id, remainingMs }: LeaseState): void {
    const now = this.#now();
    const countdown = this.#countdowns.get(id);
    if (countdown === undefined || countdown.deadline <= now + remainingMs) return;
    countdown.deadline = now + remainingMs;
    if (this.#isLeading) this.#lookAt(id, countdown, nextLook(countdown, now));
  }

  gone(id: LeaseId): void {
    const countdown = this.#countdowns.get(id);
    if (countdown !== undefined) this.#lookAway(id, countdown);
    this.#countdowns.delete(id);
  }

  /** Leases that were not renewed in between are counted on. */
  replaced(leases: LeaseTable): void {
    for (const id of this.#countdowns.keys()) if (!leases.has(id)) this.gone(id);
    for (const lease of leases.all()) {
      if (this.#countdowns.get(lease.id)?.renewedAt === lease.renewedAt) this.checkpointed(lease);
      else this.renewed(lease);
    }
  }

  /** To be called every `LEASE_TICK_MS` or so. */
  tick(): void {
    if (!this.#isLeading) return;
    const now = this.#now();
    const checkpoints: LeaseCheckpoint[] = [];
    for (const last = this.#tickAt(now); this.#tick <= last; this.#tick++) {
      const due = this.#wheel.get(this.#tick) ?? [];
      this.#wheel.delete(this.#tick);
      for (const id of due) this.#examine(id, now, checkpoints);
    }
    this.#writeDown(checkpoints);
  }

  #examine(id: LeaseId, now: number, checkpoints: LeaseCheckpoint[]): void {
    const countdown = this.#countdowns.get(id);
    if (countdown === undefined) return;
    countdown.tick = null;
    if (countdown.deadline > now) {
      if (this.#isWorthACheckpoint(id, countdown, now)) checkpoints.push(checkpointOf(id, countdown, now));
      this.#lookAt(id, countdown, nextLook(countdown, now));
    } else if (this.#revokes >= REVOKES_MAX) this.#lookAt(id, countdown, now + LEASE_TICK_MS);
    else this.#revoke(id, countdown);
  }

  #isWorthACheckpoint(id: LeaseId, countdown: Countdown, now: number): boolean {
    if (now < firstLook(countdown)) return false;
    const { remainingMs, ttlMs } = this.#machine.leases.get(id)!;
    return remainingMs - (countdown.deadline - now) >= ttlMs * CHECKPOINT_SHARE;
  }

  /** Whether it worked shows in the table; if not, the lease is looked at again. */
  #revoke(lease: LeaseId, countdown: Countdown): void {
    this.#revokes += 1;
    const command = encodeCommand({ kind: "lease-revoke", lease, renewedAt: countdown.renewedAt });
    this.#member.propose(command, () => {
      this.#revokes -= 1;
      if (this.#isLeading && this.#countdowns.get(lease) === countdown)
        this.#lookAt(lease, countdown, this.#now() + RETRY_MS);
    });
  }

  #writeDown(checkpoints: readonly LeaseCheckpoint[]): void {
    for (let from = 0; from < checkpoints.length; from += CHECKPOINT_LEASES_MAX) {
      const some = checkpoints.slice(from, from + CHECKPOINT_LEASES_MAX);
      const command = encodeCommand({ kind: "lease-checkpoint", checkpoints: some });
      // A checkpoint that fails costs precision, nothing else.
      this.#member.propose(command, () => {});
    }
  }

  #lookAt(id: LeaseId, countdown: Countdown, time: number): void {
    this.#lookAway(id, countdown);
    const tick = Math.max(this.#tickAt(time) + 1, this.#tick + 1);
    countdown.tick = tick;
    const ids = this.#wheel.get(tick);
    if (ids === undefined) this.#wheel.set(tick, new Set([id]));
    else ids.add(id);
  }

  #lookAway(id: LeaseId, { tick }: Countdown): void {
    const ids = tick === null ? undefined : this.#wheel.get(tick);
    if (ids?.delete(id) === true && ids.size === 0) this.#wheel.delete(tick!);
  }

  #tickAt(time: number): number {
    return Math.floor(time / LEASE_TICK_MS);
  }

  #now(): number {
    return this.#member.clock.monotonic();
  }
}

function checkpointOf(lease: LeaseId, { renewedAt, deadline }: Countdown, now: number): LeaseCheckpoint {
  return { lease, renewedAt, remainingMs: Math.ceil(deadline - now) };
}

function firstLook({ deadline, ttlMs }: Countdown): number {
  return deadline - ttlMs + Math.min(ttlMs * CHECKPOINT_AFTER_SHARE, CHECKPOINT_AFTER_MS_MAX);
}

/** When a lease may be worth a checkpoint, or is over. */
function nextLook(countdown: Countdown, now: number): number {
  const first = firstLook(countdown);
  return now < first ? first : Math.min(countdown.deadline, now + countdown.ttlMs * CHECKPOINT_SHARE);
}
