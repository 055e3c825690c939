import type { Random } from "../base/random.ts";
import type { MemberId, Term } from "../log/entry.ts";
import type { Log } from "../log/log.ts";
import { ForwardedReads } from "./forwarded-reads.ts";
import { changeMembership } from "./members.ts";
import { isOnlyVoter, isVoter, type Membership } from "./membership.ts";
import { decodeMembershipChange } from "./membership-codec.ts";
import type { Settings } from "./options.ts";
import { Outbox } from "./outbox.ts";
import type { Role } from "./role.ts";
import type { SnapshotMetadata } from "./snapshot-metadata.ts";
import type { LogCursors, TraceEvent } from "./trace.ts";

/** What the core takes from its host. Both are called synchronously, and only while a method of `Raft` runs. */
export interface RaftEnvironment {
  /** Seed it differently on every start. */
  readonly random: Random;
  /** The newest snapshot that a follower could be sent; null when there is none just now. */
  latestSnapshot(): SnapshotMetadata | undefined;
  /** Watches every decision. */
  readonly trace?: (event: TraceEvent) => void;
}

/** What a core starts from, once checked. */
export interface CoreState {
  readonly term: Term;
  readonly vote: MemberId | undefined;
  readonly membership: Membership;
  readonly log: Log;
  readonly lostTerm: Term | undefined;
}

/**
 * All that one member knows. It has no behaviour of its own: the files beside it each own one part of the protocol
 * and work on it (`election`, `voter`, `replication`, `follower`, `candidate`, `leader`, `reads`, `reconfiguration`).
 */
export class Core {
  readonly id: MemberId;
  readonly settings: Settings;
  readonly random: Random;
  readonly environment: RaftEnvironment;
  readonly trace: ((event: TraceEvent) => void) | undefined;
  readonly log: Log;
  readonly outbox: Outbox;
  readonly #lostTerm: Term | undefined;

  term: Term;
  /** Whom this member has voted for in this term. */
  vote: MemberId | undefined;
  role: Role;
  membership: Membership;

  /** Ticks since the start. */
  ticks = 0;
  /** Ticks since the leader was last heard from; for a leader, since the quorum was last checked. */
  electionElapsed = 0;
  heartbeatElapsed = 0;
  /** Drawn anew at each change of role, so that members rarely stand at the same time (5.2). */
  electionTimeout = 0;
  /** The tick in which a leader was last heard from; null before that. A leader with a lease counts on our patience since then. */
  heardTick: number | null = null;
  /** Nothing is left to do and everyone knows: no heartbeats, no elections. */
  isAsleep = false;
  /** Names the questions that this member asks others. Begins at random, so that an answer from before a restart fits none. */
  nextQuestion: number;
  /** Messages that no correct member could have sent. */
  refusedMessages = 0;

  constructor(settings: Settings, state: CoreState, environment: RaftEnvironment) {
    this.id = settings.id;
    this.settings = settings;
    this.environment = environment;
    this.random = environment.random;
    this.trace = environment.trace;
    this.term = state.term;
    this.vote = state.vote;
    this.membership = state.membership;
    this.log = state.log;
    this.#lostTerm = state.lostTerm;
    this.outbox = new Outbox(settings.coalesce);
    this.role = { kind: "follower", leader: undefined, reads: new ForwardedReads(), standOnceApplied: null };
    this.nextQuestion = this.random.next() * QUESTIONS_PER_START;
  }

  /** Whom this member takes for the leader. */
  get leader(): MemberId | undefined {
    if (this.role.kind === "leader") return this.id;
    return this.role.kind === "follower" ? this.role.leader : undefined;
  }

  /** Whether this member could lead: it votes, lacks nothing, and is not waiting for a snapshot to be restored. */
  get isPromotable(): boolean {
    return isVoter(this.membership, this.id) && !this.isRepairing && this.log.restoring === undefined;
  }

  /**
   * Whether this member may lack committed entries that it once acknowledged. Whoever is elected without it holds all
   * that was committed in earlier terms; once an entry of such a leader is committed here, so does this member (5.4.3).
   */
  get isRepairing(): boolean {
    const { log } = this;
    return this.#lostTerm !== undefined && log.termAt(log.committed)! <= this.#lostTerm;
  }

  /**
   * Whether a leader with a lease may rely on this member not voting for anyone, itself included (thesis, 6.4.1). It depends
   * only on the time since a leader was last heard from: a newer term, a leader that was forgotten or a change of role
   * does not end the promise. A member that has just started may have given it before.
   */
  get isPatient(): boolean {
    const { leaseReads, leaseGuard, electionTicks } = this.settings;
    if (!leaseReads) return false;
    if (this.heardTick === null) return leaseGuard && this.ticks < electionTicks && !this.isAlone;
    return this.ticks - this.heardTick < electionTicks;
  }

  /**
   * Whether this member is the only voter, by the configuration in force and by all that its log may still bring into
   * force. Then its own disk holds every change of membership that was ever committed, and nobody else can lead.
   */
  get isAlone(): boolean {
    const { id, log } = this;
    let membership = this.membership;
    if (this.#lostTerm !== undefined || log.restoring !== undefined || !isOnlyVoter(membership, id))
      return false;
    for (let index = log.applied + 1; index <= log.lastIndex; index++) {
      const { kind, data } = log.entryAt(index);
      if (kind !== "membership") continue;
      const after = changeMembership(membership, decodeMembershipChange(data));
      if (typeof after === "string" || !isOnlyVoter(after, id)) return false;
      membership = after;
    }
    return true;
  }

  /** Whether an entry of our own term is committed: only then is our commit index as new as that of any earlier leader. */
  get hasCommittedInTerm(): boolean {
    return this.log.termAt(this.log.committed) === this.term;
  }

  cursors(): LogCursors {
    const { last, committed, applying, applied, saving, saved } = this.log;
    return { last, committed, applying, applied, saving, saved };
  }
}

/** Room for 2^20 questions above each of 2^32 starting points; all stay safe integers. */
const QUESTIONS_PER_START = 2 ** 20;
