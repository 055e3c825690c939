import type { Clock } from "../../base/clock.ts";
import { type Outcome, QuorateError } from "../../base/errors.ts";
import type { EntryId } from "../../log/entry.ts";
import type { ProposeResult } from "../../raft/effects.ts";
import type { MembershipChange } from "../../raft/membership.ts";
import type { Raft } from "../../raft/raft.ts";
import type { Refusal, RefusalReason } from "../../raft/refusal.ts";
import { Call, type CallOptions, type Late, type Settle } from "../calls/call.ts";
import type { Requests } from "../calls/requests.ts";
import type { ReplicaLimits } from "../options.ts";

interface Pending {
  readonly change: MembershipChange;
  readonly call: Call<void>;
  /** Under which request it went to the core; null while it has to be proposed, again or for the first time. */
  request: number | null;
  place: EntryId | null;
  sentAtTick: number;
}

/** What may be otherwise in a moment. A change that was refused for one of these is proposed again. */
const PASSING: ReadonlySet<RefusalReason> = new Set([
  "no-leader",
  "not-leader",
  "transferring",
  "over-budget",
  "change-pending",
  "joint",
  "learner-not-ready",
  "superseded",
]);

/**
 * Changes of membership that were asked for here and are not settled yet. To propose one twice does no harm: the second
 * time it changes nothing.
 */
export class MembershipChanges {
  readonly #clock: Clock;
  readonly #limits: ReplicaLimits;
  readonly #requests: Requests;
  #pending: Pending[] = [];
  #tick = 0;
  #hasLeader = false;
  readonly #late: Late = (waitedMs, outcome) =>
    this.#hasLeader ? unconfirmed(waitedMs, outcome) : leaderless(waitedMs, outcome);

  constructor(clock: Clock, limits: ReplicaLimits, requests: Requests) {
    this.#clock = clock;
    this.#limits = limits;
    this.#requests = requests;
  }

  /** Settles once the change is applied here. */
  add(change: MembershipChange, options: CallOptions, settle: Settle<void>): void {
    const { changesMax, callTimeoutMs } = this.#limits;
    if (this.#pending.length >= changesMax) {
      settle(tooManyChanges(changesMax));
      return;
    }
    const call = new Call<void>(this.#clock, options, callTimeoutMs, this.#late, settle);
    this.#pending.push({ change, call, request: null, place: null, sentAtTick: 0 });
  }

  /** Proposes the oldest change, if it is not under way: the core takes one at a time. */
  flush(raft: Raft): void {
    this.#hasLeader = raft.leader !== undefined;
    const [pending] = this.#pending;
    if (pending === undefined || pending.request !== null || raft.leader === undefined) return;
    pending.request = this.#requests.next();
    pending.place = null;
    pending.sentAtTick = this.#tick;
    const refusal = raft.proposeMembership(pending.request, pending.change);
    if (refusal !== undefined) this.#refused(pending, refusal);
    else pending.call.outcome = "unknown";
  }

  proposed({ request, result }: ProposeResult): void {
    const pending = this.#pending.find((candidate) => candidate.request === request);
    if (pending === undefined) return;
    if ("refused" in result) this.#refused(pending, result);
    else pending.place = result;
  }

  /** A membership entry was applied. */
  applied({ index, term }: EntryId): void {
    for (const { place, call } of this.#pending) {
      if (place?.index === index && place.term === term) call.succeed();
    }
    this.#pending = this.#pending.filter(({ call }) => !call.settled);
  }

  /** Proposes again what another leader may know nothing of. */
  resendAll(): void {
    for (const pending of this.#pending) pending.request = null;
  }

  tick(): void {
    this.#tick += 1;
    const now = this.#clock.monotonic();
    for (const pending of this.#pending) {
      pending.call.expire(now);
      if (this.#tick - pending.sentAtTick > 2 * this.#limits.electionTicks) pending.request = null;
    }
    this.#pending = this.#pending.filter(({ call }) => !call.settled);
  }

  failAll(makeError: (outcome: Outcome) => QuorateError): void {
    for (const { call } of this.#pending) call.fail(makeError(call.outcome));
    this.#pending = [];
  }

  /** A passing refusal is met by asking again at a later tick. */
  #refused(pending: Pending, { refused, detail }: Refusal): void {
    if (PASSING.has(refused)) {
      pending.sentAtTick = this.#tick - 2 * this.#limits.electionTicks;
      return;
    }
    pending.call.fail(membershipError(detail === undefined ? refused : `${refused}: ${detail}`));
    this.#pending = this.#pending.filter(({ call }) => !call.settled);
  }
}

export function membershipError(reason: string): QuorateError {
  return new QuorateError("ERR_MEMBERSHIP", reason, { reason });
}

export function tooManyChanges(limit: number): QuorateError {
  const message = `${limit} changes of membership wait already`;
  return new QuorateError("ERR_BUSY", message, { what: "changes", limit }, { retryable: true });
}

/** No leader is known at the end of the wait, as where there is no majority. */
export function leaderless(waitedMs: number, outcome: Outcome): QuorateError {
  const rest = outcome === "none" ? "" : "; the change may still take effect";
  const message = `no leader with a quorum was found in ${waitedMs} ms${rest}`;
  return new QuorateError("ERR_NO_QUORUM", message, { waitedMs }, { outcome, retryable: true });
}

function unconfirmed(waitedMs: number, outcome: Outcome): QuorateError {
  const message = `the change of membership was not confirmed in ${waitedMs} ms`;
  return new QuorateError("ERR_TIMEOUT", message, { timeoutMs: waitedMs }, { outcome, retryable: true });
}
