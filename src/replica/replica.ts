import { EMPTY_BYTES } from "../base/bytes.ts";
import type { Done } from "../base/callback.ts";
import type { Clock, Timer } from "../base/clock.ts";
import { Emitter } from "../base/emitter.ts";
import { type Outcome, QuorateError } from "../base/errors.ts";
import type { Random } from "../base/random.ts";
import type { MemberId } from "../log/entry.ts";
import type { RoleKind, Save, SoftState } from "../raft/effects.ts";
import type { MemberChange } from "../raft/membership.ts";
import type { Message } from "../raft/message.ts";
import { Raft } from "../raft/raft.ts";
import type { SnapshotReader, Storage } from "../storage/storage.ts";
import type { Transport } from "../transport/transport.ts";
import { Applier, packMembers } from "./applier.ts";
import { Call, type CallOptions, checkCallOptions } from "./call.ts";
import { DecodedMachine } from "./decoded-machine.ts";
import { Directory, type MemberRecord } from "./directory.ts";
import { DiskWatch } from "./disk-watch.ts";
import type { ReplicaEvents } from "./events.ts";
import { Failover } from "./failover.ts";
import { checkMemberNames, randomMemberId, storeTag } from "./identity.ts";
import { MembershipChanges, membershipError } from "./membership-changes.ts";
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
import { encodeTicket } from "./ticket.ts";
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
  readonly #codec: Codec<Command>;
  readonly #machine: StateMachine<Uint8Array, Result, Query, Answer>;
  readonly #storage: Storage;
  readonly #transport: Transport;
  readonly #limits: ReplicaLimits;
  readonly #random: Random;
  readonly #directory: Directory;
  readonly #disk = new DiskWatch();
  readonly #stores: Stores;
  readonly #raft: Raft;
  readonly #proposals: Proposals<Result>;
  readonly #reads: Reads;
  readonly #changes: MembershipChanges;
  readonly #applier: Applier<Result, Query, Answer>;
  readonly #snapshotter: Snapshotter<Result, Query, Answer>;
  readonly #peers: Peers;
  readonly #turn: Turn<Result, Query, Answer>;
  #state: ReplicaStatus["state"] = "open";
  #failure: QuorateError | null = null;
  #softState: SoftState;
  #ticker: Timer | null = null;
  #handovers: { readonly to: MemberId; readonly call: Call<void> }[] = [];
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
    this.#machine = new DecodedMachine(options.machine, options.codec);
    this.#storage = options.storage;
    this.#transport = options.transport;
    this.#limits = replicaLimits(options.limits);

    this.#random = options.random;
    this.#directory = new Directory(new Map(Object.entries(options.peers)));
    for (const member of enrolment.members) this.#directory.put(member);
    this.#stores = new Stores(this.id, storeTag(recovered.storeId), this.#directory);
    const requests = new Requests();
    this.#proposals = new Proposals(this.id, recovered.bootEpoch, this.clock, this.#limits, requests);
    this.#changes = new MembershipChanges(this.clock, this.#limits, requests);
    this.#reads = new Reads(this.clock, this.#limits);
    this.#applier = new Applier(this.id, this.#machine, this.#directory, this.#proposals, (entry) => {
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
      disk: this.#disk,
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
   * Throws ERR_NO_QUORUM, ERR_TIMEOUT, ERR_BUSY, ERR_TOO_LARGE, ERR_CLOSED, ERR_DISK.
   */
  async propose(command: Command, options: CallOptions = {}): Promise<Result> {
    this.#checkOpen();
    checkCallOptions(options);
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

  /** Hands leadership to the named member. Only the leader can. Resolves when the other leads. */
  async transferLeadership(name: string, options: CallOptions = {}): Promise<void> {
    this.#checkOpen();
    const target = this.#member(name);
    if (this.#raft.leader === target.id) return;
    const refusal = this.#raft.transferLeadership(target.id);
    if (refusal !== null) throw membershipError(refusal.detail ?? refusal.refused);

    const { callTimeoutMs } = this.#limits;
    const call = new Call<void>(
      this.clock,
      { timeout: callTimeoutMs, ...options },
      callTimeoutMs,
      (timeoutMs) => {
        return new QuorateError(
          "ERR_TIMEOUT",
          `${name} did not take over`,
          { timeoutMs },
          { retryable: true },
        );
      },
    );
    this.#handovers.push({ to: target.id, call });
    this.#turn.wake();
    return call.promise;
  }

  /**
   * Adds a member, which learns at first: it is sent everything and has no vote. Gives the ticket with which the new
   * member is opened (`join`). Make a voter of it with `promote`.
   */
  async addMember(
    member: { readonly name: string; readonly address: string },
    options: CallOptions = {},
  ): Promise<string> {
    const { name, address } = member;
    checkMemberNames([name]);
    if (this.#directory.byName(name) !== undefined) throw membershipError(`there is a member named ${name}`);
    const id = randomMemberId(this.#random);
    const added = { id, name, address, store: null };
    await this.#change({ kind: "add-learner", member: id }, packMembers([added]), options);
    return encodeTicket({ clusterId: this.clusterId, id, members: this.#directory.members });
  }

  /** Makes a voter of a learner, once it has caught up: waits for that, as long as the call may last. */
  async promoteMember(name: string, options: CallOptions = {}): Promise<void> {
    await this.#change({ kind: "add-voter", member: this.#member(name).id }, EMPTY_BYTES, options);
  }

  /** Removes a member, whose name and number then mean nobody. A leader may remove itself: it hands over. */
  async removeMember(name: string, options: CallOptions = {}): Promise<void> {
    await this.#change({ kind: "remove", member: this.#member(name).id }, EMPTY_BYTES, options);
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

  #member(name: string): MemberRecord {
    const member = this.#directory.byName(name);
    if (member === undefined) throw membershipError(`there is no member named ${name}`);
    return member;
  }

  #change(change: MemberChange, context: Uint8Array, options: CallOptions): Promise<void> {
    this.#checkOpen();
    checkCallOptions(options);
    const settled = this.#changes.add({ transition: "auto", changes: [change], context }, options);
    this.#turn.wake();
    return settled;
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
      this.#recordStore();
      this.#leaveStalledDisk();
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
    this.#handovers = this.#handovers.filter(({ to, call }) => {
      if (to === state.leader) call.succeed();
      return !call.settled;
    });
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

  /** A leader whose disk stands still hands over, for as long as that lasts. */
  #leaveStalledDisk(): void {
    this.#disk.tick();
    const { waitedTicks } = this.#disk;
    if (waitedTicks < this.#limits.electionTicks) return;
    if (waitedTicks === this.#limits.electionTicks)
      this.emit("slow", "disk", waitedTicks * this.#limits.tickMs);
    const heir = this.#heir();
    if (heir !== null) this.#raft.transferLeadership(heir);
  }

  /** The leader has the group agree on the stores that it hears, one at a time. */
  #recordStore(): void {
    const member = this.isLeader ? this.#stores.next() : null;
    if (member === null) return;
    const changes = [{ kind: "update", member: member.id }] as const;
    this.#raft.proposeMembership(0, { transition: "auto", changes, context: packMembers([member]) });
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
    const heir = this.#heir();
    if (heir !== null && this.#raft.transferLeadership(heir) === null) this.#turn.wake();
    const deadline = this.clock.monotonic() + tickMs * electionTicks;
    const isDrained = (): boolean => this.#proposals.count === 0 && (heir === null || !this.isLeader);
    while (!isDrained() && this.#failure === null && this.clock.monotonic() < deadline) {
      await new Promise<void>((resolve) => this.clock.after(DRAIN_POLL_MS, resolve));
    }
  }

  /** The voter that is furthest in the log, if we lead and there is one. */
  #heir(): MemberId | null {
    if (!this.isLeader) return null;
    const others = this.#raft.status().progress.filter(({ id, isLearner }) => id !== this.id && !isLearner);
    others.sort((left, right) => right.matched - left.matched);
    return others[0]?.id ?? null;
  }

  #halt(makeError: (outcome: Outcome) => QuorateError): void {
    this.#ticker?.cancel();
    this.#turn.stop();
    this.#snapshotter.stop();
    this.#peers.stop();
    this.#proposals.failAll(makeError);
    this.#changes.failAll(makeError);
    this.#reads.failAll(() => makeError("none"));
    for (const { call } of this.#handovers) call.fail(makeError("none"));
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

function removedError(name: string): QuorateError {
  return new QuorateError("ERR_MEMBERSHIP", `${name} was removed from the cluster`, { reason: "removed" });
}
