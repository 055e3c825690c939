import type { Clock } from "../base/clock.ts";
import { QuorateError } from "../base/errors.ts";
import { NO_OPTIONS, OptionTable } from "../base/options.ts";
import { exact, takes } from "../base/surplus.ts";
import type { MemberId } from "../log/entry.ts";
import type { RoleKind } from "../raft/effects.ts";
import { type CallOptions, callOptions } from "./calls/call.ts";
import { READ, type ReadOptions } from "./calls/reads.ts";
import { Cluster } from "./cluster.ts";
import type { ReplicaEvents } from "./events.ts";
import { machineError } from "./failure.ts";
import { Member } from "./member.ts";
import type { ReplicaOptions } from "./options.ts";
import { promised } from "./promised.ts";
import type { CapturedState, ReplicaMetrics, ReplicaStatus } from "./status.ts";

/**
 * A member of a cluster that replicates a state machine. Every member takes commands and reads; who leads is the
 * replica's concern, not the caller's.
 */
export class Replica<Command, Result, Query = void, Answer = unknown> {
  /** The members, and the ways to change them. */
  readonly cluster: Cluster;
  readonly #member: Member<Command, Result, Query, Answer>;
  /** What those wait for together who asked for a barrier since the last turn. */
  #barrier: Promise<void> | null = null;
  #barrierTurn = -1;

  /**
   * Opens the storage, recovers what it holds (or founds the cluster, when it is new), and starts to take part.
   * Resolves when the member is listening; wait for `ready` to know that somebody leads.
   *
   * Throws what `Storage.open` and `Transport.start` report, and ERR_INVALID_ARGUMENT.
   */
  static async open<Command, Result, Query, Answer>(
    options: ReplicaOptions<Command, Result, Query, Answer>,
  ): Promise<Replica<Command, Result, Query, Answer>> {
    return new Replica(await promised((settle) => Member.open(options, settle)));
  }

  /** @internal Use `open`. */
  constructor(member: Member<Command, Result, Query, Answer>) {
    this.#member = member;
    this.cluster = new Cluster(member.cluster);
  }

  /** The name of this member, unique within the cluster. */
  get name(): string {
    return this.#member.name;
  }

  /** The numeric id of this member, as the core uses it. */
  get id(): MemberId {
    return this.#member.id;
  }

  /** The id of the cluster: members of another one are refused. */
  get clusterId(): string {
    return this.#member.clusterId;
  }

  /** The clock of this member: the system's, or the one that was passed as an option. */
  get clock(): Clock {
    return this.#member.clock;
  }

  /** The ids of all who take part, voters and learners. */
  get memberIds(): readonly MemberId[] {
    return this.#member.status().members.map(({ id }) => id);
  }

  /**
   * Whether this member believes that it leads. Another member may have been elected already; a read or write
   * finds out.
   */
  get isLeader(): boolean {
    return this.#member.isLeader;
  }

  /** The role of this member in its current term. */
  get role(): RoleKind {
    return this.#member.role;
  }

  /**
   * Has the command agreed on and applied, on a majority's disks, and gives the machine's result. From any member.
   * The command takes effect once, however many leaders it takes. An aborted or late call may still take effect: see
   * the error's `outcome`; a call that ends by its `signal` rejects with the signal's reason.
   *
   * Throws ERR_INVALID_ARGUMENT for a command that the codec cannot encode and decode again, ERR_NO_QUORUM, ERR_TIMEOUT,
   * ERR_BUSY, ERR_TOO_LARGE, ERR_DISK_FULL, ERR_CLOSED, ERR_DISK, ERR_APPLY.
   */
  propose(command: Command, options: CallOptions = NO_OPTIONS): Promise<Result> {
    // Written out, since most calls are these and `promised` takes a closure more.
    return new Promise((resolve, reject) => {
      PROPOSE_OPTIONS.check(options);
      this.#member.propose(command, options, (error, result) => {
        if (error === null) resolve(result as Result);
        else reject(error);
      });
    });
  }

  /** Resolves once this member's state shows everything that was committed, anywhere, before the call (ReadIndex). */
  barrier(options: ReadOptions = NO_OPTIONS): Promise<void> {
    if (options !== NO_OPTIONS) {
      try {
        BARRIER_OPTIONS.check(options);
      } catch (refusal) {
        return Promise.reject(refusal);
      }
    }
    if (!isPlain(options)) return promised((settle) => this.#member.barrier(options, settle));
    const { turns } = this.#member;
    if (this.#barrier === null || this.#barrierTurn !== turns) {
      this.#barrier = promised((settle) => this.#member.barrier(options, settle));
      this.#barrierTurn = turns;
    }
    return this.#barrier;
  }

  /** Asks the machine, after a barrier. Throws ERR_MACHINE where the machine throws, and what `barrier` throws. */
  async query(query: Query, options: ReadOptions = NO_OPTIONS): Promise<Answer> {
    QUERY_OPTIONS.check(options);
    await this.barrier(options);
    try {
      return await this.#member.ask(query);
    } catch (cause) {
      throw machineError("query", cause);
    }
  }

  /**
   * Resolves once a leader is known and this member has caught up with it. Where that takes too long, ERR_NO_QUORUM names
   * in `details.unreachable` the peers that cannot be reached, and why; its `cause` is why a peer and this member refused
   * each other last, if they did.
   */
  async ready(options: CallOptions = NO_OPTIONS): Promise<void> {
    READY_OPTIONS.check(options);
    try {
      await this.barrier(options);
    } catch (error) {
      if (!QuorateError.is(error, "ERR_NO_QUORUM")) throw error;
      const { refusal, unreachable } = this.#member;
      const reasons = [
        ...(unreachable.length === 0 ? [] : [`cannot reach ${unreachable.join("; ")}`]),
        ...(refusal === null ? [] : [`a peer and this member refused each other: ${refusal.message}`]),
      ];
      if (reasons.length === 0) throw error;
      const message = [error.message, ...reasons].join("; ");
      const details = unreachable.length === 0 ? error.details : { ...error.details, unreachable };
      throw new QuorateError(error.code, message, details, { retryable: true, cause: refusal ?? error });
    }
  }

  /**
   * The state as this member has applied it, for a backup; after `barrier` it shows everything that was committed before.
   * The chunks may be taken at leisure, as with `StateMachine.snapshot`.
   */
  capture(): CapturedState {
    return this.#member.capture();
  }

  /** Takes a snapshot now, whatever the policy says. */
  snapshot(): void {
    this.#member.snapshot();
  }

  status(): ReplicaStatus {
    return this.#member.status();
  }

  /** What its disk and its network have counted. */
  metrics(): ReplicaMetrics {
    return this.#member.metrics();
  }

  on<Event extends keyof ReplicaEvents>(event: Event, listener: ReplicaEvents[Event]): this {
    this.#member.on(event, listener);
    return this;
  }

  once<Event extends keyof ReplicaEvents>(event: Event, listener: ReplicaEvents[Event]): this {
    this.#member.once(event, listener);
    return this;
  }

  off<Event extends keyof ReplicaEvents>(event: Event, listener: ReplicaEvents[Event]): this {
    this.#member.off(event, listener);
    return this;
  }

  /** @internal Tells the observer of every event; see `Emitter.observe`. */
  observe(observer: (event: keyof ReplicaEvents, args: readonly unknown[]) => void): void {
    this.#member.observe(observer);
  }

  /**
   * Ends the member's part: lets what is under way finish for a while, hands leadership over, closes files and
   * connections, and lets go of the directory. May be called again. Throws ERR_STORAGE where a storage of your own does
   * not close.
   */
  close(): Promise<void> {
    return promised((settle) => this.#member.close(settle));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

Replica.open = exact("Replica.open", 1, Replica.open);
takes(
  Replica,
  {
    propose: 2,
    barrier: 1,
    query: 2,
    ready: 1,
    capture: 0,
    snapshot: 0,
    status: 0,
    metrics: 0,
    on: 2,
    once: 2,
    off: 2,
    observe: 1,
    close: 0,
  },
  ["propose", "barrier", "close"],
);

const PROPOSE_OPTIONS = callOptions("propose");
const BARRIER_OPTIONS = new OptionTable<ReadOptions>("barrier", READ);
const QUERY_OPTIONS = new OptionTable<ReadOptions>("query", READ);
const READY_OPTIONS = callOptions("ready");

/** Whether a read wants nothing of its own, so that it may wait together with others. */
function isPlain({ signal, timeoutMs: timeout, consistency = "linearizable" }: ReadOptions): boolean {
  return signal === undefined && timeout === undefined && consistency === "linearizable";
}
