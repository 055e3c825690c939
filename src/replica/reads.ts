import type { Clock } from "../base/clock.ts";
import { QuorateError } from "../base/errors.ts";
import type { Index } from "../log/entry.ts";
import type { ReadReady } from "../raft/effects.ts";
import type { Raft } from "../raft/raft.ts";
import { Call, type CallOptions, type Settle } from "./call.ts";
import type { ReplicaLimits } from "./options.ts";

export interface ReadOptions extends CallOptions {
  /**
   * `linearizable`, the default: shows everything that was committed before the call, anywhere. `stale`: answers at
   * once from what this member has applied.
   */
  readonly consistency?: "linearizable" | "stale" | undefined;
}

interface Round {
  readonly calls: readonly Call<void>[];
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
  #confirmed: { readonly index: Index; readonly calls: readonly Call<void>[] }[] = [];
  #queue: Call<void>[] = [];
  #nextRequest = 1;
  #tick = 0;

  constructor(clock: Clock, limits: ReplicaLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Settles once the state here shows everything that was committed before the call. */
  add(options: CallOptions, settle: Settle<void>): void {
    const { readsMax, callTimeoutMs } = this.#limits;
    if (this.#queue.length >= readsMax) settle(tooMany(readsMax));
    else this.#queue.push(new Call<void>(this.#clock, options, callTimeoutMs, tooLate, settle));
  }

  /** Starts a round for those that came since the last one, if somebody leads. */
  flush(raft: Raft): void {
    if (this.#queue.length === 0 || raft.leader === null) return;
    const calls = this.#queue;
    const request = this.#nextRequest++;
    if (raft.read(request) !== null) return; // They stay queued: another turn may find a leader that takes them.
    this.#queue = [];
    this.#rounds.set(request, { calls, sentAtTick: this.#tick });
  }

  confirmed({ request, result }: ReadReady): void {
    const round = this.#rounds.get(request);
    if (round === undefined) return;
    this.#rounds.delete(request);
    if (typeof result === "number") this.#confirmed.push({ index: result, calls: round.calls });
    else this.#queue.push(...round.calls);
  }

  /** Lets go of the reads that the applied state now covers. */
  release(applied: Index): void {
    if (this.#confirmed.length === 0) return;
    const ready = this.#confirmed.filter(({ index }) => index <= applied);
    if (ready.length === 0) return;
    this.#confirmed = this.#confirmed.filter(({ index }) => index > applied);
    for (const { calls } of ready) for (const call of calls) call.succeed();
  }

  /** Asks again for every round in flight: its leader may be gone. */
  resendAll(): void {
    for (const { calls } of this.#rounds.values()) this.#queue.push(...calls);
    this.#rounds.clear();
  }

  /** Ends what is late, and asks again where no answer came for an election timeout. */
  tick(): void {
    this.#tick += 1;
    const now = this.#clock.monotonic();
    for (const [request, { calls, sentAtTick }] of this.#rounds) {
      for (const call of calls) call.expire(now);
      if (this.#tick - sentAtTick <= 2 * this.#limits.electionTicks) continue;
      this.#rounds.delete(request);
      this.#queue.push(...calls);
    }
    for (const { calls } of this.#confirmed) for (const call of calls) call.expire(now);
    for (const call of this.#queue) call.expire(now);
    this.#queue = this.#queue.filter((call) => !call.settled);
  }

  failAll(makeError: () => QuorateError): void {
    const waiting = [...this.#rounds.values(), ...this.#confirmed, { calls: this.#queue }];
    for (const { calls } of waiting) for (const call of calls) call.fail(makeError());
    this.#rounds.clear();
    this.#confirmed = [];
    this.#queue = [];
  }
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
