import type { Clock } from "../../base/clock.ts";
import { type Outcome, QuorateError } from "../../base/errors.ts";
import type { EntryId, Proposal } from "../../log/entry.ts";
import type { ProposeResult } from "../../raft/effects.ts";
import type { Raft } from "../../raft/raft.ts";
import type { Refusal } from "../../raft/refusal.ts";
import { ENVELOPE_BYTES, type Proposer, sealCommands } from "../apply/envelope.ts";
import type { ReplicaLimits } from "../options.ts";
import { Call, type CallOptions, type Late, type Settle } from "./call.ts";
import type { CommandTime } from "./command-time.ts";
import type { Requests } from "./requests.ts";

interface Pending<Result> {
  readonly sequence: number;
  readonly command: Uint8Array;
  readonly call: Call<Result>;
  /** Null while it is queued. */
  batch: Batch<Result> | null;
}

/** Commands that went to the core together, under one request. */
interface Batch<Result> {
  readonly request: number;
  readonly pendings: readonly Pending<Result>[];
  readonly sentAtTick: number;
  /** How many of them are not applied yet. */
  unsettled: number;
}

/**
 * The commands of this member that are not settled yet. Each is settled when it is applied here, and sent again when
 * that may have become impossible: when the leader changes, or when the leader does not answer. `DedupeTable` makes the
 * repetition harmless, so callers never have to know who leads.
 *
 * Invariants:
 * 1. Every unsettled command is either queued or in exactly one batch.
 * 2. Sequences are handed to the core in ascending order, so that a session stays one number most of the time.
 */
export class Proposals<Result> {
  readonly #proposer: Proposer;
  readonly #clock: Clock;
  readonly #time: CommandTime;
  readonly #limits: ReplicaLimits;
  readonly #requests: Requests;
  readonly #pending = new Map<number, Pending<Result>>();
  readonly #batches = new Map<number, Batch<Result>>();
  #queue: Pending<Result>[] = [];
  #nextSequence: number;
  /** What those in `#pending` weigh. */
  #bytes = 0;
  #tick = 0;
  #isHeld = false;
  #hasLeader = false;
  readonly #late: Late = (waitedMs, outcome) =>
    this.#hasLeader && outcome === "unknown" ? unconfirmed(waitedMs) : leaderless(waitedMs, outcome);

  constructor(
    proposer: Proposer,
    firstSequence: number,
    clock: Clock,
    time: CommandTime,
    limits: ReplicaLimits,
    requests: Requests,
  ) {
    this.#requests = requests;
    this.#proposer = proposer;
    this.#nextSequence = firstSequence;
    this.#clock = clock;
    this.#time = time;
    this.#limits = limits;
  }

  get count(): number {
    return this.#pending.size;
  }

  /** Takes a command in; `settle` is told the machine's result for it. */
  add(command: Uint8Array, options: CallOptions, settle: Settle<Result>): void {
    const { proposalsMax, proposalBytesMax, commandBytesMax, callTimeoutMs } = this.#limits;
    if (command.length + ENVELOPE_BYTES > commandBytesMax) {
      settle(tooLarge(command.length, commandBytesMax - ENVELOPE_BYTES));
      return;
    }
    if (this.#pending.size >= proposalsMax) {
      settle(tooMany(`${proposalsMax} commands wait already`, "proposals", proposalsMax));
      return;
    }
    if (this.#bytes + pendingBytes(command) > proposalBytesMax) {
      const message = `the commands that wait take ${proposalBytesMax} bytes already`;
      settle(tooMany(message, "bytes of proposals", proposalBytesMax));
      return;
    }
    const call = new Call<Result>(this.#clock, options, callTimeoutMs, this.#late, settle);
    const pending = { sequence: this.#nextSequence++, command, call, batch: null };
    this.#pending.set(pending.sequence, pending);
    this.#bytes += pendingBytes(command);
    this.#queue.push(pending);
  }

  /** Hands what is queued to the core, if somebody leads, in messages of a bounded size. */
  flush(raft: Raft): void {
    this.#hasLeader = raft.leader !== undefined;
    while (this.#queue.length > 0 && raft.leader !== undefined && !this.#isHeld) {
      const pendings = this.#takeQueued();
      if (pendings.length === 0) continue;
      const request = this.#requests.next();
      const refusal = raft.propose(request, this.#seal(pendings));
      if (refusal !== undefined) {
        this.#hold(pendings);
        return;
      }
      const batch = { request, pendings, sentAtTick: this.#tick, unsettled: pendings.length };
      this.#batches.set(request, batch);
      for (const pending of pendings) {
        pending.batch = batch;
        pending.call.outcome = "unknown";
      }
    }
  }

  /** What the core says of a request: a place in the log, or a refusal. */
  proposed({ request, result }: ProposeResult): void {
    const batch = this.#batches.get(request);
    if (batch === undefined || isPlace(result)) return;
    this.#batches.delete(request);
    this.#hold(batch.pendings);
  }

  /** Settles a command that was applied here. */
  settle(sequence: number, result: Result): void {
    this.#takeApplied(sequence)?.call.succeed(result);
  }

  /** Fails a command that was agreed on and that the machine refused, here as everywhere. */
  refuse(sequence: number, error: QuorateError): void {
    this.#takeApplied(sequence)?.call.fail(error);
  }

  /** Queues every command in flight again: another leader may know nothing of them. */
  resendAll(): void {
    this.#isHeld = false;
    this.#resend([...this.#batches.keys()]);
  }

  /** Ends what is late, and sends again what a leader has left unanswered for an election timeout. */
  tick(): void {
    this.#tick += 1;
    this.#isHeld = false;
    const now = this.#clock.monotonic();
    for (const { call } of this.#pending.values()) call.expire(now);
    this.#forgetSettled();

    const silentSince = this.#tick - 2 * this.#limits.electionTicks;
    const silent = [...this.#batches].filter(([, batch]) => batch.sentAtTick < silentSince);
    if (silent.length > 0) this.#resend(silent.map(([request]) => request));
  }

  /** Fails everything that waits, for good. */
  failAll(makeError: (outcome: Outcome) => QuorateError): void {
    for (const { call } of this.#pending.values()) call.fail(makeError(call.outcome));
    this.#pending.clear();
    this.#bytes = 0;
    this.#batches.clear();
    this.#queue = [];
  }

  /** A batch goes with the last of its commands: what is forgotten at once costs the garbage collector nothing. */
  #takeApplied(sequence: number): Pending<Result> | undefined {
    const pending = this.#pending.get(sequence);
    if (pending === undefined) return undefined;
    this.#forget(pending);
    this.#isHeld = false;
    const { batch } = pending;
    if (batch !== null && --batch.unsettled === 0) this.#batches.delete(batch.request);
    return pending;
  }

  /** Some of the queue, oldest first; calls that have ended meanwhile are left out. */
  #takeQueued(): Pending<Result>[] {
    const taken: Pending<Result>[] = [];
    let bytes = 0;
    let count = 0;
    while (count < this.#queue.length && bytes < PROPOSE_BYTES) {
      const pending = this.#queue[count++]!;
      if (pending.call.settled) continue;
      taken.push(pending);
      bytes += pending.command.length + ENVELOPE_BYTES;
    }
    this.#queue = count === this.#queue.length ? [] : this.#queue.slice(count);
    return taken;
  }

  #seal(pendings: readonly Pending<Result>[]): Proposal[] {
    const shared = { ...this.#proposer, settledBelow: this.#oldestPending(), time: this.#time.now() };
    return sealCommands(shared, pendings).map((data) => ({ kind: "command", data }));
  }

  #oldestPending(): number {
    for (const sequence of this.#pending.keys()) return sequence;
    return this.#nextSequence;
  }

  /**
   * Nothing of the batch entered a log this time. It is kept for the next tick, or for the next command that is
   * settled: then the budget that was full has room, or another leader is known.
   */
  #hold(pendings: readonly Pending<Result>[]): void {
    this.#isHeld = true;
    this.#requeue(pendings);
  }

  #resend(requests: readonly number[]): void {
    const pendings = requests.flatMap((request) => this.#batches.get(request)!.pendings);
    for (const request of requests) this.#batches.delete(request);
    this.#requeue(pendings);
  }

  // Invariant 2.
  #requeue(pendings: readonly Pending<Result>[]): void {
    const unsettled = pendings.filter(({ sequence, call }) => this.#pending.has(sequence) && !call.settled);
    if (unsettled.length === 0) return;
    for (const pending of unsettled) pending.batch = null;
    this.#queue = [...unsettled, ...this.#queue].sort((left, right) => left.sequence - right.sequence);
  }

  #forget({ sequence, command }: Pending<Result>): void {
    this.#pending.delete(sequence);
    this.#bytes -= pendingBytes(command);
  }

  #forgetSettled(): void {
    for (const pending of this.#pending.values()) if (pending.call.settled) this.#forget(pending);
    for (const [request, batch] of this.#batches) {
      if (batch.pendings.every(({ sequence }) => !this.#pending.has(sequence))) this.#batches.delete(request);
    }
  }
}

/** Commands go to the core in groups of about this many bytes: a follower forwards each group as one frame. */
const PROPOSE_BYTES = 512 * 1024;

function isPlace(result: EntryId | Refusal): result is EntryId {
  return "index" in result;
}

function tooLarge(size: number, limit: number): QuorateError {
  return new QuorateError("ERR_TOO_LARGE", `a command of ${size} bytes is over the limit of ${limit}`, {
    what: "command",
    size,
    limit,
  });
}

function tooMany(message: string, what: string, limit: number): QuorateError {
  return new QuorateError("ERR_BUSY", message, { what, limit }, { retryable: true });
}

/** What the objects around a command that waits weigh, its caller's promise included, about. */
const PENDING_OBJECT_BYTES = 1024;

function pendingBytes(command: Uint8Array): number {
  return command.length + PENDING_OBJECT_BYTES;
}

/** No leader is known. What was given to one before is in doubt: another may find it in its log. */
function leaderless(waitedMs: number, outcome: Outcome): QuorateError {
  const rest = outcome === "none" ? "" : "; the write may still take effect";
  const message = `no leader with a quorum was found in ${waitedMs} ms${rest}`;
  return new QuorateError("ERR_NO_QUORUM", message, { waitedMs }, { outcome, retryable: true });
}

function unconfirmed(waitedMs: number): QuorateError {
  return new QuorateError(
    "ERR_TIMEOUT",
    `the write was not confirmed in ${waitedMs} ms`,
    { timeoutMs: waitedMs },
    { outcome: "unknown", retryable: true },
  );
}
