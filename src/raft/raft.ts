import { QuorateError } from "../base/errors.ts";
import type { Index, MemberId, Proposal, Term } from "../log/entry.ts";
import type { Log } from "../log/log.ts";
import { Core, type RaftEnvironment } from "./core.ts";
import type { Effects, RoleKind, Save } from "./effects.ts";
import { becomeFollower, campaign, campaignIfWaiting, campaignOrWait } from "./election.ts";
import { HandOut, NO_EFFECTS } from "./hand-out.ts";
import { maybeLeaveJoint, reportSnapshot, reportUnreachable, tickLeader } from "./leader.ts";
import { type Membership, type MembershipChange, sameMembership, voterIds } from "./membership.ts";
import { encodeMembershipChange } from "./membership-codec.ts";
import type { Message } from "./message.ts";
import { type RaftOptions, raftSettings } from "./options.ts";
import { abandonReads, hasLease, readAsFollower, readAsLeader, repeatQuestions } from "./reads.ts";
import { applyChange } from "./reconfiguration.ts";
import type { Refusal } from "./refusal.ts";
import { type RaftState, restoreState } from "./restore-state.ts";
import { wakeOthers, wakeUp } from "./sleep.ts";
import { type RaftStatus, statusOf } from "./status.ts";
import { proposeOrForward, step } from "./step.ts";
import { startTransfer } from "./transfer.ts";
import { complaintAbout } from "./validate.ts";

export type { RaftEnvironment } from "./core.ts";
export type { RaftState } from "./restore-state.ts";

/** Why a core takes nothing more: something happened that cannot happen, or the disk lost what was acknowledged. */
export interface RaftFailure {
  readonly reason: string;
  /** What was thrown. With a code of its own where the disk is to blame, not we. */
  readonly cause: unknown;
  /** The member as it was, for whoever looks for the cause. */
  readonly dump: unknown;
}

/**
 * One member of a Raft group, as a decision without deeds: ticks, messages and requests go in, `takeEffects` says what
 * the host has to do. It knows no time, no disk and no network, and the same inputs give the same effects.
 *
 * The host's duties:
 * 1. Do what the effects say in the order of their fields; hand every save to the disk in the order received.
 * 2. Call `saved` only when a save would survive a power cut. Several saves may be under way.
 * 3. A save with a snapshot: make the snapshot durable and restore the machine from it, then call `saved`. Nothing is
 *    handed out to be applied meanwhile.
 * 4. Apply `effects.apply` in order; at a `membership` entry call `applyMembership` with the decoded change; then call
 *    `applied`.
 *
 * No method throws. What peers send and should not is refused and counted. When something impossible happens here the
 * core fails: `failure` says why, requests are refused, and there are no more effects.
 */
export class Raft {
  readonly #core: Core;
  readonly #handOut: HandOut;
  #failure: RaftFailure | undefined = undefined;

  /** Throws ERR_INVALID_ARGUMENT for options or a state from which nobody could start. */
  constructor(options: RaftOptions, initial: RaftState, environment: RaftEnvironment) {
    const settings = raftSettings(options);
    this.#core = new Core(settings, this.#restore(initial, settings), environment);
    const core = this.#core;
    const { membership, term, trace } = core;
    trace?.({ kind: "membership-switched", membership });
    becomeFollower(core, term, undefined);
    trace?.({ kind: "started", voters: voterIds(membership), term, log: core.cursors() });
    this.#handOut = new HandOut(core);
  }

  /** The id of this member. */
  get id(): MemberId {
    return this.#core.id;
  }

  /** The current term, 0 before the first election (Raft figure 2: currentTerm). */
  get term(): Term {
    return this.#core.term;
  }

  /** The role of this member in its current term. */
  get role(): RoleKind {
    return this.#core.role.kind;
  }

  /** Whom this member takes for the leader; null while it knows none. */
  get leader(): MemberId | undefined {
    return this.#core.leader;
  }

  /** For reading only. */
  get log(): Log {
    return this.#core.log;
  }

  /** As of the last change that was applied. */
  get membership(): Membership {
    return this.#core.membership;
  }

  /** Whether this member neither votes nor stands, because its disk has lost what it may have acknowledged. */
  get isRepairing(): boolean {
    return this.#core.isRepairing;
  }

  /** Whether this member is the only voter, and its log holds nothing that could change that. */
  get isAlone(): boolean {
    return this.#core.isAlone;
  }

  /** Whether a read by lease would be answered at once, as far as this member knows the time (`timeIs`). */
  get hasLease(): boolean {
    const { role } = this.#core;
    return role.kind === "leader" && hasLease(this.#core, role);
  }

  /** Why the core has stopped; undefined while it works. */
  get failure(): RaftFailure | undefined {
    return this.#failure;
  }

  /**
   * Says how many ticks have begun since the start, by the clock: more than came where the process stood still, or its
   * timers ran late. No election comes of it, and no heartbeat: only leases run out, and the patience they rest on.
   */
  timeIs(ticks: number): void {
    const core = this.#core;
    core.ticks = Math.max(core.ticks, ticks);
  }

  /** Lets one tick pass: that of the last `timeIs`, where the host tells the time. The core knows no other time. */
  tick(ticks = this.#core.ticks + 1): void {
    if (this.#failure !== undefined) return;
    try {
      this.timeIs(ticks);
      this.#tick();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Takes a message from a peer, or one of our own `Save.sendAfter` that is addressed to ourselves. */
  step(message: Message): Refusal | undefined {
    if (this.#failure !== undefined) return this.#failed(this.#failure);
    try {
      const complaint = complaintAbout(message, this.#core.id);
      const refusal = complaint === null ? step(this.#core, message) : malformed(complaint);
      if (refusal?.refused === "malformed") this.#count(message, refusal);
      return refusal;
    } catch (error) {
      return this.#fail(error);
    }
  }

  /** Stands for election now. Refused while a committed change of membership waits to be applied: then as soon as it is. */
  campaign(): Refusal | undefined {
    return this.#request(() => campaignOrWait(this.#core, "own"));
  }

  /**
   * Asks for proposals to be agreed on, side by side in the log. Null: they were taken, and `Effects.proposed` will
   * name `request`. On the leader it does with the next effects. On a follower it does when the leader's answer
   * arrives, which may never happen: messages get lost.
   */
  propose(request: number, proposals: readonly Proposal[]): Refusal | undefined {
    return this.#request(() => {
      if (proposals.length === 0) return malformed("proposes nothing");
      const core = this.#core;
      const result = proposeOrForward(core, core.id, request, proposals);
      if (result === undefined) return undefined;
      if ("refused" in result) return result;
      core.outbox.proposed.push({ request, result });
      return undefined;
    });
  }

  /**
   * Asks for a change of membership. With `expected` it is made only if that is the present configuration, which only
   * a leader can tell.
   */
  proposeMembership(request: number, change: MembershipChange, expected?: Membership): Refusal | undefined {
    if (expected !== undefined) {
      if (this.role !== "leader") return { refused: this.leader === undefined ? "no-leader" : "not-leader" };
      if (!sameMembership(expected, this.membership)) return { refused: "configuration-changed" };
    }
    return this.propose(request, [{ kind: "membership", data: encodeMembershipChange(change) }]);
  }

  /** Makes a change effective. To be called when its entry is applied, before `applied`. */
  applyMembership(change: MembershipChange): Membership {
    if (this.#failure === undefined) {
      try {
        return applyChange(this.#core, change);
      } catch (error) {
        this.#fail(error);
      }
    }
    return this.#core.membership;
  }

  /**
   * Asks for a linearizable read: `Effects.reads` will say at which applied index it may be served. With `leaseReads` a
   * leader that has a lease says so at once, unless `byLease` is false.
   */
  read(request: number, byLease = true): Refusal | undefined {
    return this.#request(() => {
      const core = this.#core;
      const { role } = core;
      if (role.kind === "leader") return readAsLeader(core, role, { from: core.id, request }, byLease);
      if (role.kind === "follower") return readAsFollower(core, role, request);
      return { refused: "no-leader" };
    });
  }

  /** Hands over to another voter. A follower asks its leader to. */
  transferLeadership(to: MemberId): Refusal | undefined {
    return this.#request(() => {
      const { role, id: from, leader, term, outbox } = this.#core;
      if (role.kind === "leader") return startTransfer(this.#core, role, to);
      if (leader === undefined) return { refused: "no-leader" };
      outbox.send({ kind: "transfer-leader", from, to: leader, term, target: to });
      return undefined;
    });
  }

  /** Drops the leader without a new term, because the host knows that it is gone: others may be voted for at once. */
  forgetLeader(): Refusal | undefined {
    return this.#guard(() => {
      const { role, settings, term, trace } = this.#core;
      if (role.kind !== "follower") return undefined;
      if (settings.leaseReads) {
        trace?.({ kind: "forgetting-refused" });
        return { refused: "lease" };
      }
      if (role.leader === undefined) return undefined;
      trace?.({ kind: "leader-forgotten", leader: role.leader, term });
      role.leader = undefined;
      abandonReads(this.#core, role);
      return undefined;
    });
  }

  /** A message to the peer could not be delivered. */
  reportUnreachable(peer: MemberId): void {
    this.#guard(() => {
      if (this.#core.role.kind === "leader") reportUnreachable(this.#core, this.#core.role, peer);
      return undefined;
    });
  }

  /** The snapshot to the peer was delivered, or given up. Without this call the peer is sent nothing until it answers. */
  reportSnapshot(peer: MemberId, succeeded: boolean): void {
    this.#guard(() => {
      if (this.#core.role.kind === "leader") reportSnapshot(this.#core, this.#core.role, peer, succeeded);
      return undefined;
    });
  }

  /** The save would survive a power cut. What waited for it may be sent, and what it says to ourselves takes effect. */
  saved(save: Save): void {
    for (const message of save.sendAfter) {
      if (message.to === this.id) this.#stepOwn(message);
      else if (this.#failure === undefined) this.#core.outbox.send(message);
    }
    this.savedLog(save);
  }

  /** The part of `saved` that concerns the log, for hosts that deliver `Save.sendAfter` themselves. */
  savedLog(save: Save): void {
    if (this.#failure !== undefined) return;
    try {
      this.#savedLog(save);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Everything that was handed out up to `index` is applied. */
  applied(index: Index): void {
    if (this.#failure !== undefined) return;
    try {
      this.#applied(index);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** A durable snapshot covers the entries up to `index`; how many stay for followers that lag is for the host to choose. */
  compactTo(index: Index): void {
    this.#guard(() => {
      this.#core.log.compactTo(index);
      return undefined;
    });
  }

  hasEffects(): boolean {
    return this.#failure === undefined && this.#handOut.hasEffects();
  }

  /** What is to be done now. Each effect is handed out once. */
  takeEffects(): Effects {
    if (this.#failure !== undefined) return NO_EFFECTS;
    try {
      return this.#handOut.take();
    } catch (error) {
      this.#fail(error);
      return NO_EFFECTS;
    }
  }

  status(): RaftStatus {
    return statusOf(this.#core);
  }

  /** Sets when this follower stands for election, until its next change of role. For tests and simulators. */
  overrideElectionTimeout(ticks: number): void {
    this.#core.electionTimeout = ticks;
  }

  #restore(initial: RaftState, settings: ReturnType<typeof raftSettings>): ReturnType<typeof restoreState> {
    try {
      return restoreState(initial, settings);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new QuorateError("ERR_INVALID_ARGUMENT", reason, { argument: "initial" }, { cause });
    }
  }

  #tick(): void {
    const core = this.#core;
    if (core.isAsleep) return;
    const { role } = core;
    if (role.kind === "leader") {
      tickLeader(core, role);
      return;
    }
    core.electionElapsed += 1;
    if (core.electionElapsed >= core.electionTimeout && core.isPromotable) {
      core.electionElapsed = 0;
      campaign(core, "own");
    } else if (role.kind === "follower") {
      if (role.leader === undefined && core.electionElapsed % core.settings.electionTicks === 0)
        wakeOthers(core);
      repeatQuestions(core, role);
    }
  }

  /** An answer that we gave ourselves: in order by its making, but it may be late like any other. */
  #stepOwn(message: Message): void {
    if (this.#failure !== undefined) return;
    try {
      step(this.#core, message);
    } catch (error) {
      this.#fail(error);
    }
  }

  #savedLog(save: Save): void {
    const { hardState, last, snapshot } = save;
    const { log, term, trace } = this.#core;
    if (hardState !== undefined) log.releaseChanges(hardState.commit);
    if (last !== undefined && save.term < term) {
      // Since that save was made a new term may have replaced its entries, and later ones put the same back: the disk
      // may hold neither yet.
      trace?.({ kind: "save-outdated", save, term });
    } else if (last !== undefined) {
      const news = log.savedTo(last);
      if (news !== "saved") trace?.({ kind: "save-unmatched", last, news, ourTerm: log.termAt(last.index) });
    }
    if (snapshot !== undefined) log.restoredTo(snapshot.index);
  }

  #applied(index: Index): void {
    const core = this.#core;
    const freed = core.log.appliedTo(index);
    const { role } = core;
    if (role.kind === "leader") {
      role.uncommittedBytes -= freed;
      maybeLeaveJoint(core, role);
    } else if (role.kind === "follower") {
      campaignIfWaiting(core, role);
    }
  }

  /** A request of the host: it ends a sleep, since someone wants something. */
  #request(run: () => Refusal | undefined): Refusal | undefined {
    return this.#guard(() => {
      if (this.#core.isAsleep) wakeUp(this.#core);
      return run();
    });
  }

  #guard(run: () => Refusal | undefined): Refusal | undefined {
    if (this.#failure !== undefined) return this.#failed(this.#failure);
    try {
      return run();
    } catch (error) {
      return this.#fail(error);
    }
  }

  #fail(error: unknown): Refusal {
    const detail = error instanceof Error ? error.message : String(error);
    const stack = error instanceof Error ? error.stack : undefined;
    this.#failure = { reason: detail, cause: error, dump: { status: this.status(), stack } };
    return this.#failed(this.#failure);
  }

  #failed({ reason }: RaftFailure): Refusal {
    return { refused: "failed", detail: reason };
  }

  #count(message: Message, { detail = "" }: Refusal): void {
    this.#core.refusedMessages += 1;
    this.#core.trace?.({ kind: "message-refused", message, detail });
  }
}

function malformed(detail: string): Refusal {
  return { refused: "malformed", detail };
}
