import type { Clock } from "../base/clock.ts";
import { QuorateError } from "../base/errors.ts";
import { type Demands, OptionTable, wholeOrInfinity } from "../base/options.ts";
import { Random } from "../base/random.ts";
import type { RoleKind } from "../raft/effects.ts";
import type { CallOptions } from "../replica/calls/call.ts";
import type { ReadOptions as BarrierOptions } from "../replica/calls/reads.ts";
import { type Command, grows } from "./machine/command.ts";
import { encodeCommand } from "./machine/command-codec.ts";
import type { KvMachine } from "./machine/kv-machine.ts";
import type { KvResult } from "./machine/result.ts";
import { type LeaseId, NO_LEASE } from "./mvcc/key-history.ts";

/** What the store needs of the member that it runs on; `Replica` is one. */
export interface KvReplica {
  /** The member's number: members that would otherwise do the same at the same time differ by it. */
  readonly id: number;
  /** Resolves with the machine's result once the command is applied here. Rejections tell the `outcome`. */
  propose(command: Uint8Array, options?: CallOptions): Promise<KvResult>;
  /** Resolves once everything that was committed before the call is applied here, or at once for `stale`. */
  barrier(options?: BarrierOptions): Promise<void>;
  readonly isLeader: boolean;
  /** Everybody who takes part. Where it is not told, the alarms of others wait for them, or for `disarm`. */
  readonly memberIds?: readonly number[];
  on(event: "role", listener: (role: RoleKind, term: number) => void): unknown;
  off(event: "role", listener: (role: RoleKind, term: number) => void): unknown;
  readonly clock: Clock;
}

/** How much a store may hold. Where members differ, the one with the least room decides. */
export interface KvLimits {
  /**
   * Bytes that keys, values, their history, leases and client sessions may take in memory, as counted by
   * `metrics().heldBytes`. Beyond that, writes fail with ERR_NO_SPACE until something was deleted and compacted. Default 1 GiB,
   * or what fits into the heap and the container of this process, where that is less.
   */
  readonly quotaBytes?: number | undefined;
  /**
   * Revisions of history that are kept at least: once twice as many have gathered, the leader compacts the older half.
   * Infinity leaves compaction to you, and with it `disarm` after ERR_NO_SPACE. Default 100,000.
   */
  readonly historyRevisions?: number | undefined;
}

/** The default quota where memory allows it. */
export const QUOTA_BYTES = 1024 ** 3;

export const KV_LIMITS: Demands<KvLimits> = {
  quotaBytes: wholeOrInfinity(1),
  historyRevisions: wholeOrInfinity(1),
};

const LIMITS_TABLE = new OptionTable<KvLimits>("limits of a store", KV_LIMITS);

/** The defaults with what the caller sets. Throws ERR_INVALID_ARGUMENT. */
export function kvLimits(given: KvLimits): SetKvLimits {
  LIMITS_TABLE.check(given);
  const { quotaBytes = QUOTA_BYTES, historyRevisions = 100_000 } = given;
  return { quotaBytes, historyRevisions };
}

/** Limits, all of them set. */
export type SetKvLimits = { readonly [Limit in keyof KvLimits]-?: number };

/** Watches the memory of the process that a store lives in. */
export interface MemoryWatch {
  /** Whether the next writes might end the process. */
  readonly isShort: boolean;
  stop(): void;
}

const UNWATCHED: MemoryWatch = { isShort: false, stop() {} };

/** What all views of one store share: the member, its state machine, and what was decided when it was opened. */
export class KvContext {
  readonly replica: KvReplica;
  readonly machine: KvMachine;
  readonly limits: SetKvLimits;
  readonly memory: MemoryWatch;
  /** Spreads retries. Members draw different numbers. */
  readonly random: Random;
  /** Draws ids for leases from the world's own chance; the empty one leaves it to the machine. */
  readonly newLeaseId: () => LeaseId;

  constructor(
    replica: KvReplica,
    machine: KvMachine,
    limits: KvLimits = {},
    memory: MemoryWatch = UNWATCHED,
    newLeaseId: () => LeaseId = () => NO_LEASE,
  ) {
    this.newLeaseId = newLeaseId;
    this.replica = replica;
    this.machine = machine;
    this.limits = kvLimits(limits);
    this.memory = memory;
    this.random = new Random(replica.id);
  }

  /** The clock of the member, which the simulator replaces. */
  get clock(): Clock {
    return this.replica.clock;
  }

  /**
   * Has a command agreed on and carried out. What would grow the store is refused at once while this process is short of
   * memory: the alarm that makes all members refuse it may be on its way still.
   */
  propose(command: Command, options?: CallOptions): Promise<KvResult> {
    if (this.memory.isShort && grows(command)) return Promise.reject(shortOfMemory());
    return this.replica.propose(encodeCommand(command), options);
  }
}

function shortOfMemory(): QuorateError {
  const message = "this process is short of memory: delete and compact, or give it more memory";
  return new QuorateError("ERR_NO_SPACE", message, {}, { outcome: "none" });
}
