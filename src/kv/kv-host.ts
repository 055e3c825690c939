import type { Clock } from "../base/clock.ts";
import { type Demands, OptionTable, wholeOrInfinity } from "../base/options.ts";
import { Random } from "../base/random.ts";
import type { RoleKind } from "../raft/effects.ts";
import type { CallOptions } from "../replica/call.ts";
import type { ReadOptions as BarrierOptions } from "../replica/reads.ts";
import type { KvMachine } from "./kv-machine.ts";
import type { KvResult } from "./result.ts";

/** What the store needs of the member that it runs on; `Replica` is one. */
export interface KvReplica {
  /** The member's number: members that would otherwise do the same at the same time differ by it. */
  readonly id: number;
  /** Resolves with the machine's result once the command is applied here. Rejections tell the `outcome`. */
  propose(command: Uint8Array, options?: CallOptions): Promise<KvResult>;
  /** Resolves once everything that was committed before the call is applied here, or at once for `stale`. */
  barrier(options?: BarrierOptions): Promise<void>;
  readonly isLeader: boolean;
  on(event: "role", listener: (role: RoleKind, term: number) => void): unknown;
  off(event: "role", listener: (role: RoleKind, term: number) => void): unknown;
  readonly clock: Clock;
}

/** How much a store may hold. The same on every member, or else whoever leads decides. */
export interface KvLimits {
  /**
   * Bytes that keys, values and their history may take, as counted by `metrics().heldBytes`. Beyond that, writes fail
   * with ERR_NO_SPACE until something was deleted and compacted. Default 1 GiB.
   */
  readonly quotaBytes?: number | undefined;
  /**
   * Revisions of history that are kept at least: once twice as many have gathered, the leader compacts the older half.
   * Infinity leaves compaction to you, and with it `disarm` after ERR_NO_SPACE. Default 100,000.
   */
  readonly historyRevisions?: number | undefined;
}

export const KV_LIMITS: Demands<KvLimits> = {
  quotaBytes: wholeOrInfinity(1),
  historyRevisions: wholeOrInfinity(1),
};

const LIMITS_TABLE = new OptionTable<KvLimits>("limits of a store", KV_LIMITS);

/** The defaults with what the caller sets. Throws ERR_INVALID_ARGUMENT. */
export function kvLimits(given: KvLimits): SetKvLimits {
  LIMITS_TABLE.check(given);
  const { quotaBytes = 1024 ** 3, historyRevisions = 100_000 } = given;
  return { quotaBytes, historyRevisions };
}

/** Limits, all of them set. */
export type SetKvLimits = { readonly [Limit in keyof KvLimits]-?: number };

/** What all views of one store share: the member, its state machine, and what was decided when it was opened. */
export class KvHost {
  readonly replica: KvReplica;
  readonly machine: KvMachine;
  readonly limits: SetKvLimits;
  /** Spreads retries. Members draw different numbers. */
  readonly random: Random;

  constructor(replica: KvReplica, machine: KvMachine, limits: KvLimits = {}) {
    this.replica = replica;
    this.machine = machine;
    this.limits = kvLimits(limits);
    this.random = new Random(replica.id);
  }

  get clock(): Clock {
    return this.replica.clock;
  }
}
