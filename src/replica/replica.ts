import type { Done } from "../base/callback.ts";
import type { Clock, Timer } from "../base/clock.ts";
import { Emitter } from "../base/emitter.ts";
import { type Outcome, QuorateError } from "../base/errors.ts";
import type { MemberId } from "../log/entry.ts";
import type { RoleKind, Save, SoftState } from "../raft/effects.ts";
import type { Message } from "../raft/message.ts";
import { Raft } from "../raft/raft.ts";
import type { SnapshotReader, Storage } from "../storage/storage.ts";
import type { Transport } from "../transport/transport.ts";
import { Applier } from "./applier.ts";
import { type CallOptions, checkCallOptions } from "./call.ts";
import { Directory } from "./directory.ts";
import { DiskWatch } from "./disk-watch.ts";
import { Duties } from "./duties.ts";
import type { ReplicaEvents } from "./events.ts";
import { Failover } from "./failover.ts";
import { Group } from "./group.ts";
import { Handovers } from "./handovers.ts";
import { storeTag } from "./identity.ts";
import { MembershipChanges } from "./membership-changes.ts";
import { type OpenedStorage, openStorage } from "./opening.ts";
import { type ReplicaLimits, type ReplicaOptions, replicaLimits } from "./options.ts";
import { Peers, replacedError } from "./peers.ts";
import { Proposals } from "./proposals.ts";
import { Reads } from "./reads.ts";
import { chunksOf } from "./recovery.ts";
import { Requests } from "./requests.ts";
import { Snapshotter } from "./snapshotter.ts";
import type { Codec, StateMachine } from "./state-machine.ts";
import type { ReplicaStatus } from "./status.ts";
import { Stores } from "./stores.ts";
import { Turn } from "./turn.ts";

export interface ReadOptions extends CallOptions {
  /**
   * `linearizable`, the default: shows everything that was committed before the call, anywhere. `stale`: answers at
   * once from what this member has applied.
   */
  readonly consistency?: "linearizable" | "stale" | undefined;
}

/**
 * One running member: a core, a storage, a transport and a state machine, and the promises of those who wait for them.
 * Every member takes commands and reads; who leads is the replica's concern, not the caller's.
 */
export class Replica<Command, Result, Query = void, Answer = unknown> extends Emitter<ReplicaEvents> {
  readonly name: string;
  readonly id: MemberId;
  readonly clusterId: string;
  readonly clock: Clock;
  /** The members, and the ways to change them. */
  readonly group: Group;
  readonly #codec: Codec<Command>;
  readonly #machine: StateMachine<Command, Result, Query, Answer>;
  readonly #storage: Storage;
  readonly #transport: Transport;
  readonly #limits: ReplicaLimits;
  readonly #directory: Directory;
  readonly #stores: Stores;
  readonly #raft: Raft;
  readonly #proposals: Proposals<Result>;
  readonly #reads: Reads;
  readonly #changes: MembershipChanges;
  readonly #handovers: Handovers;
  readonly #duties: Duties;
  readonly #applier: Applier<Command, Result, Query, Answer>;
  readonly #snapshotter: Snapshotter<Command, Result, Query, Answer>;
  readonly #peers: Peers;
  readonly #turn: Turn<Command, Result, Query, Answer>;
  #state: ReplicaStatus["state"] = "open";
  #failure: QuorateError | null = null;
  #softState: SoftState;
  #ticker: Timer | null = null;
  #closing: Promise<void> | null = null;
  #released: Promise<void> | null = null;

  /**
   * Opens the storage, recovers what it holds (or founds the cluster, when it is new), and starts to take part.
   * Resolves when the member is listening; wait for `ready` to know that somebody leads.
   *
   * Throws what `Storage.open` and `Transport.start` report, and ERR_INVALID_ARGUMENT.
   */
  static async open<Command, Result, Query, Answer>(
    options: ReplicaOptions<Command, Result, Query, Answer>,
  ): Promise<Replica<Command, Result, Query, Answer>> {
    const opened = await promised<OpenedStorage>((done) => openStorage(options, done));
    try {
      const replica = new Replica(options, opened);
      await promised<void>((done) => replica.#start(done));
      return replica;
    } catch (error) {
      await promised<void>((done) => options.storage.close(() => done(null)));
      throw error;
    }
  }

  /** Use `open`. */
  constructor(options: ReplicaOptions<Command, Result, Query, Answer>, opened: OpenedStorage) {
    super();
    const { enrolment, recovered, snapshot } = opened;
    this.name = enrolment.self.name;
    this.id = enrolment.self.id;
    this.clusterId = enrolment.clusterId;
    this.clock = options.clock;
    this.#codec = options.codec;
    this.#machine = options.machine;
    this.#storage = options.storage;
    this.#transport = options.transport;
    this.#limits = replicaLimits(options.limits);

    this.#directory = new Directory(new Map(Object.entries(options.peers)));
    for (const member of enrolment.members) this.#directory.put(member);
    const disk = new DiskWatch();
    this.#stores = new Stores(this.id, storeTag(recovered.storeId), this.#directory);
    const requests = new Requests(recovered.bootEpoch);
    this.#proposals = new Proposals(this.id, recovered.bootEpoch, this.clock, this.#limits, requests);
    this.#changes = new MembershipChanges(this.clock, this.#limits, requests);
    this.#handovers = new Handovers(this.clock, this.#limits);
    this.#reads = new Reads(this.clock, this.#limits);
    const { machine, codec } = options;
    this.#applier = new Applier(this.id, machine, codec, this.#directory, this.#proposals, (entry) => {
      this.#changes.applied(entry);
      this.#onMembers();
    });
    const newest = snapshot?.snapshot.metadata ?? null;
    if (snapshot !== null) this.#restore(snapshot);

    this.#snapshotter = new Snapshotter(
      {
        machine: this.#machine,
        applier: this.#applier,
        storage: this.#storage,
        limits: this.#limits,
        onTaken: (taken) => this.emit("snapshot", taken),
        onFailure: (error) => this.#fail(error),
      },
      newest,
    );
    this.#raft = new Raft(
      { id: this.id, electionTicks: this.#limits.electionTicks },
      {
        hardState: recovered.hardState,
        snapshot: newest,
        entries: recovered.entries,
        applied: this.#applier.index,
      },
      { random: options.random, latestSnapshot: () => this.#snapshotter.newest },
    );
    this.#duties = new Duties({
      raft: this.#raft,
      stores: this.#stores,
      disk,
      electionTicks: this.#limits.electionTicks,
      isDiskFull: () => this.#storage.isFull === true,
      // A snapshot lets the log and the WAL give up what it covers, whatever the policy says.
      onFullDisk: () => this.#snapshotter.take(this.#raft),
      onSlowDisk: (ticks) => this.emit("slow", "disk", ticks * this.#limits.tickMs),
    });
    this.group = new Group({
      clusterId: this.clusterId,
      raft: this.#raft,
      directory: this.#directory,
      changes: this.#changes,
      handovers: this.#handovers,
      random: options.random,
      checkOpen: () => this.#checkOpen(),
      wake: () => this.#turn.wake(),
    });
    this.#softState = { role: this.#raft.role, leader: this.#raft.leader, term: this.#raft.term };

    this.#peers = new Peers({
      self: {
        clusterId: this.clusterId,
        name: this.name,
        id: this.id,
        storeId: recovered.storeId,
        bootEpoch: recovered.bootEpoch,
        address: options.peers[this.name] ?? enrolment.self.address,
      },
      transport: this.#transport,
      storage: this.#storage,
      directory: this.#directory,
      stores: this.#stores,
      applied: () => this.#applier.index,
      onMessage: (message) => this.#turn.received(message),
      onUp: (peer) => {
        this.#turn.foundConnection();
        this.emit("peer", peer, "up");
      },
      onDown: (peer) => this.#onPeerDown(peer),
      onReplaced: () => this.#fail(replacedError(this.name)),
      onRefused: (reason) => this.emit("refused", reason),
      onSnapshotSent: (peer, succeeded) => {
        this.#raft.reportSnapshot(peer, succeeded);
        this.#turn.wake();
      },
    });
    this.#turn = new Turn({
      raft: this.#raft,
      storage: this.#storage,
      disk,
      clock: this.clock,
      proposals: this.#proposals,
      reads: this.#reads,
      changes: this.#changes,
      applier: this.#applier,
      snapshotter: this.#snapshotter,
      failover: new Failover(),
      inboxFramesMax: this.#limits.inboxFramesMax,
      send: (messages: readonly Message[]) => this.#peers.send(messages),
      install: (save) => this.#install(save),
      onState: (softState) => this.#onState(softState),
      onFailure: (error) => this.#fail(error),
    });
  }

  get isLeader(): boolean {
    return this.#raft.role === "leader";
  }

  get role(): RoleKind {
    return this.#raft.role;
  }

  /**
   * Has the command agreed on and applied, on a majority's disks, and gives the machine's result. From any member.
   * The command takes effect once, however many leaders it takes. An aborted or late call may still take effect: see
   * the error's `outcome`; a call that ends by its `signal` rejects with the signal's reason.
   *
   * Throws ERR_NO_QUORUM, ERR_TIMEOUT, ERR_BUSY, ERR_TOO_LARGE, ERR_NO_SPACE, ERR_CLOSED, ERR_DISK.
   */
  async propose(command: Command, options: CallOptions = {}): Promise<Result> {
    this.#checkOpen();
    checkCallOptions(options);
    if (this.#storage.isFull === true) throw noSpace();
    const result = this.#proposals.add(this.#codec.encode(command), options);
    this.#turn.wake();
    return result;
  }

  /** Resolves once this member's state shows everything that was committed, anywhere, before the call (ReadIndex). */
  async barrier(options: ReadOptions = {}): Promise<void> {
    this.#checkOpen();
    checkCallOptions(options);
    if (options.consistency === "stale") return;
    const confirmed = this.#reads.add(options);
    this.#turn.wake();
    return confirmed;
  }

  /** Asks the machine, after a barrier. */
  async query(query: Query, options: ReadOptions = {}): Promise<Answer> {
    await this.barrier(options);
    return this.#machine.query(query);
  }

  /** Resolves once a leader is known and this member has caught up with it. */
  ready(options: CallOptions = {}): Promise<void> {
    return this.barrier(options);
  }

  /** Takes a snapshot now, whatever the policy says. */
  snapshot(): void {
    this.#checkOpen();
    this.#snapshotter.take(this.#raft);
  }

  status(): ReplicaStatus {
    const { role, leader, term } = this.#raft;
    return {
      name: this.name,
      id: this.id,
      clusterId: this.clusterId,
      state: this.#state,
      role,
      leader: this.#directory.nameOf(leader),
      term,
      commit: this.#raft.log.committed,
      applied: this.#applier.index,
      snapshot: this.#snapshotter.newest?.index ?? 0,
      members: this.#directory.members,
      membership: this.#raft.membership,
      proposals: this.#proposals.count,
      framesRefused: this.#peers.framesRefused,
      raft: this.#raft.status(),
    };
  }

  /**
   * Ends the member's part: lets what is under way finish for a while, hands leadership over, closes files and
   * connections, and lets go of the directory. May be called again.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #start(done: Done): void {
    this.#transport.start(this.#peers, (error) => {
      if (error !== null) {
        done(error);
        return;
      }
      this.#peers.connect();
      this.#scheduleTick();
      // Nobody else can be elected, so there is nothing to wait for.
      if (this.#raft.membership.voters.length === 1) this.#raft.campaign();
      this.#turn.wake();
      done(null);
    });
  }

  #scheduleTick(): void {
    this.#ticker = this.clock.after(this.#limits.tickMs, () => {
      this.#peers.tick();
      this.#duties.tick();
      this.#turn.ticked();
      this.#scheduleTick();
    });
  }

  #onState(state: SoftState): void {
    const previous = this.#softState;
    this.#softState = state;
    if (state.role !== previous.role) this.emit("role", state.role, state.term);
    if (state.leader === previous.leader && state.term === previous.term) return;

    this.emit("leader", this.#directory.nameOf(state.leader), state.term);
    this.#handovers.leads(state.leader);
    if (state.leader === null) return;
    this.#proposals.resendAll();
    this.#changes.resendAll();
    this.#reads.resendAll();
    this.#turn.wake();
  }

  #onMembers(): void {
    if (this.#stores.isReplaced) this.#fail(replacedError(this.name));
    if (this.#raft.membership.removed.includes(this.id)) this.#fail(removedError(this.name));
    if (this.#failure !== null) return;
    this.#peers.connect();
    this.emit("members", this.#directory.members);
  }

  #onPeerDown(peer: string): void {
    const id = this.#directory.byName(peer)?.id;
    if (id !== undefined) this.#turn.lostConnection(id);
    this.emit("peer", peer, "down");
  }

  #install(save: Save): void {
    const reader = this.#storage.openSnapshot();
    if (reader === null || reader.snapshot.metadata.index !== save.snapshot?.index) {
      throw new QuorateError("ERR_INTERNAL", "the snapshot that was saved is not there", {});
    }
    const { metadata } = reader.snapshot;
    this.#restore(reader);
    this.#snapshotter.installed(metadata);
    this.#storage.compactTo(metadata.index);
    this.#onMembers();
  }

  #restore(reader: SnapshotReader): void {
    const { metadata, context } = reader.snapshot;
    this.#applier.restore(metadata.index, metadata.term, context, chunksOf(reader));
    reader.close();
  }

  /** After a fault of the disk or of ours nobody knows what holds: the member says so and stops (fail-stop). */
  #fail(error: QuorateError): void {
    if (this.#failure !== null || this.#state === "closed") return;
    this.#failure = error;
    this.#state = "failed";
    this.#halt((outcome) => stopped(error, outcome));
    void this.#release();
    this.emit("error", error);
  }

  async #close(): Promise<void> {
    if (this.#failure === null) await this.#shutDown();
    await this.#release();
  }

  async #shutDown(): Promise<void> {
    this.#state = "closing";
    await this.#drain();
    if (this.#failure !== null) return;
    this.#state = "closed";
    this.#halt((outcome) => new QuorateError("ERR_CLOSED", "the member was closed", {}, { outcome }));
  }

  /** Lets go of everything outside. What the disk says at the end cannot change what was acknowledged. */
  #release(): Promise<void> {
    this.#released ??= new Promise((resolve) => {
      this.#transport.close(() =>
        this.#storage.close(() => {
          this.emit("close");
          resolve();
        }),
      );
    });
    return this.#released;
  }

  /** Waits, for an election timeout at most, until what was proposed here is settled and another member leads. */
  async #drain(): Promise<void> {
    const { tickMs, electionTicks } = this.#limits;
    const { heir } = this.#duties;
    if (heir !== null && this.#raft.transferLeadership(heir) === null) this.#turn.wake();
    const deadline = this.clock.monotonic() + tickMs * electionTicks;
    const isDrained = (): boolean => this.#proposals.count === 0 && (heir === null || !this.isLeader);
    while (!isDrained() && this.#failure === null && this.clock.monotonic() < deadline) {
      await new Promise<void>((resolve) => this.clock.after(DRAIN_POLL_MS, resolve));
    }
  }

  #halt(makeError: (outcome: Outcome) => QuorateError): void {
    this.#ticker?.cancel();
    this.#turn.stop();
    this.#snapshotter.stop();
    this.#peers.stop();
    this.#proposals.failAll(makeError);
    this.#changes.failAll(makeError);
    this.#reads.failAll(() => makeError("none"));
    this.#handovers.failAll(makeError);
  }

  #checkOpen(): void {
    if (this.#failure !== null) throw stopped(this.#failure, "none");
    if (this.#state !== "open") throw new QuorateError("ERR_CLOSED", "the member is closed", {});
  }
}

const DRAIN_POLL_MS = 2;

function promised<Value>(run: (done: (error: unknown, value?: Value) => void) => void): Promise<Value> {
  return new Promise((resolve, reject) => {
    run((error, value) => (error === null ? resolve(value as Value) : reject(error)));
  });
}

function stopped(failure: QuorateError, outcome: Outcome): QuorateError {
  return new QuorateError(failure.code, `the member has stopped: ${failure.message}`, failure.details, {
    outcome,
    cause: failure,
  });
}

function noSpace(): QuorateError {
  return new QuorateError("ERR_NO_SPACE", "the disk is full", {}, { retryable: true });
}

function removedError(name: string): QuorateError {
  return new QuorateError("ERR_MEMBERSHIP", `${name} was removed from the cluster`, { reason: "removed" });
}
