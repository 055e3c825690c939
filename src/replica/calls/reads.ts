import type { Clock } from "../../base/clock.ts";
import { QuorateError } from "../../base/errors.ts";
import { type Demands, oneOf } from "../../base/options.ts";
import type { Index } from "../../log/entry.ts";
import type { ReadReady } from "../../raft/effects.ts";
import type { Raft } from "../../raft/raft.ts";
import type { ReplicaLimits } from "../options.ts";
import { CALL, Call, type CallOptions, type Settle } from "./call.ts";

export interface ReadOptions extends CallOptions {
  /**
   * `linearizable`, the default: shows everything that was committed before the call, anywhere. `lease`: the same without
   * a round to the others where this member leads, as long as clocks run about equally fast; every member must have been
   * opened with `leaseReads`. `stale`: answers at once from what this member has applied.
   */
  readonly consistency?: "linearizable" | "lease" | "stale" | undefined;
}

export const READ: Demands<ReadOptions> = {
  ...CALL,
  consistency: oneOf("linearizable", "lease", "stale"),
};

/** A call that waits, and whether a lease is good enough for it. */
interface Read {
  readonly call: Call<void>;
  readonly byLease: boolean;
  /** Where it waits. It leaves when its call ends, however it ends: so nothing is kept for those who wait no longer. */
  among: Set<Read>;
}

/** Reads that were asked for together. */
interface Round {
  readonly reads: Set<Read>;
  readonly sentAtTick: number;
}

/**
 * Linearizable reads that wait: first for the core to say at which index they may be served, then for that index to be
 * applied here (thesis, section 6.4). All that arrive in one turn share a round.
 */
export class Reads {
  readonly #clock: Clock;
  readonly #limits: ReplicaLimits;
  readonly #rounds = new Map<number, Round>();
  /** Confirmed, but not applied up to their index yet. */
  #confirmed: { readonly index: Index; readonly reads: Set<Read> }[] = [];
  #queue = new Set<Read>();
  #nextRequest = 1;
  #count = 0;
  #tick = 0;

  constructor(clock: Clock, limits: ReplicaLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** How many wait, wherever. */
  get count(): number {
    return this.#count;
  }

  /** Settles once the state here shows everything that was committed before the call. */
  add(options: ReadOptions, settle: Settle<void>): void {
    const { readsMax, callTimeoutMs } = this.#limits;
    if (this.#count >= readsMax) {
      settle(tooMany(readsMax));
      return;
    }
    let read: Read | null = null;
    const call = new Call<void>(this.#clock, options, callTimeoutMs, tooLate, (error) => {
      if (read?.among.delete(read)) this.#count -= 1;
      settle(error);
    });
    if (call.settled) return; // Its signal was aborted before.
    read = { call, byLease: options.consistency === "lease", among: this.#queue };
    this.#queue.add(read);
    this.#count += 1;
  }

  /** Starts a round for those that came since the last one, if somebody leads. */
  flush(raft: Raft): void {
    if (this.#queue.size === 0 || raft.leader === undefined) return;
    const queue = [...this.#queue];
    this.#queue.clear();
    for (const byLease of [true, false]) {
      const reads = queue.filter((read) => read.byLease === byLease);
      if (reads.length > 0) this.#ask(raft, reads, byLease);
    }
  }

  #ask(raft: Raft, reads: readonly Read[], byLease: boolean): void {
    const request = this.#nextRequest++;
    // What is refused stays queued: another turn may find a leader that takes it.
    if (raft.read(request, byLease) !== undefined) this.#requeue(reads);
    else this.#rounds.set(request, { reads: moved(reads, new Set()), sentAtTick: this.#tick });
  }

  confirmed({ request, result }: ReadReady): void {
    const round = this.#rounds.get(request);
    if (round === undefined) return;
    this.#rounds.delete(request);
    if (typeof result === "number") this.#confirmed.push({ index: result, reads: round.reads });
    else this.#requeue(round.reads);
  }

  /** Lets go of the reads that the applied state now covers. */
  release(applied: Index): void {
    if (this.#confirmed.length === 0) return;
    const ready = this.#confirmed.filter(({ index }) => index <= applied);
    if (ready.length === 0) return;
    this.#confirmed = this.#confirmed.filter(({ index }) => index > applied);
    for (const { reads } of ready) for (const { call } of reads) call.succeed();
  }

  /** Asks again for every round in flight: its leader may be gone. */
  resendAll(): void {
    for (const { reads } of this.#rounds.values()) this.#requeue(reads);
    this.#rounds.clear();
  }

  /** Ends what is late, and asks again where no answer came for an election timeout. */
  tick(): void {
    this.#tick += 1;
    const now = this.#clock.monotonic();
    for (const reads of this.#everywhere()) for (const { call } of reads) call.expire(now);
    for (const [request, { reads, sentAtTick }] of this.#rounds) {
      if (this.#tick - sentAtTick <= 2 * this.#limits.electionTicks) continue;
      this.#rounds.delete(request);
      this.#requeue(reads);
    }
  }

  failAll(makeError: () => QuorateError): void {
    for (const reads of this.#everywhere()) for (const { call } of reads) call.fail(makeError());
    this.#rounds.clear();
    this.#confirmed = [];
  }

  #everywhere(): Set<Read>[] {
    return [...[...this.#rounds.values(), ...this.#confirmed].map(({ reads }) => reads), this.#queue];
  }

  #requeue(reads: Iterable<Read>): void {
    moved(reads, this.#queue);
  }
}

function moved(reads: Iterable<Read>, to: Set<Read>): Set<Read> {
  for (const read of reads) {
    read.among = to;
    to.add(read);
  }
  return to;
}

function tooMany(limit: number): QuorateError {
  return new QuorateError(
    "ERR_BUSY",
    `${limit} reads wait already`,
    { what: "reads", limit },
    { retryable: true },
  );
}

function tooLate(waitedMs: number): QuorateError {
  return new QuorateError(
    "ERR_NO_QUORUM",
    `no leader with a quorum confirmed the read in ${waitedMs} ms`,
    { waitedMs },
    { retryable: true },
  );
}
