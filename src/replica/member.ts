import type { Done } from "../base/callback.ts";
import type { Clock, Timer } from "../base/clock.ts";
import { Emitter } from "../base/emitter.ts";
import { invalidArgument, type Outcome, QuorateError, stoppedError } from "../base/errors.ts";
import { warnUnheard } from "../base/uncaught.ts";
import type { Index, MemberId } from "../log/entry.ts";
import type { RoleKind, Save, SnapshotMetadata, SoftState } from "../raft/effects.ts";
import { isMember } from "../raft/membership.ts";
import type { Message } from "../raft/message.ts";
import { Raft } from "../raft/raft.ts";
import type { Snapshot, Storage } from "../storage/storage.ts";
import type { Transport } from "../transport/transport.ts";
import { Agreement } from "./agreement.ts";
import { Applier } from "./apply/applier.ts";
import { Checkpoints } from "./apply/checkpoints.ts";
import { Execution } from "./apply/execution.ts";
import type { CallOptions, Settle } from "./calls/call.ts";
import { CommandTime } from "./calls/command-time.ts";
import { Proposals } from "./calls/proposals.ts";
import { type ReadOptions, Reads } from "./calls/reads.ts";
import { Requests } from "./calls/requests.ts";
import { checkedCodec } from "./checked-codec.ts";
import { CommandRandom } from "./command-random.ts";
import { DiskWatch } from "./disk-watch.ts";
import { Duties } from "./duties.ts";
import { REPLICA_EVENTS, type ReplicaEvents } from "./events.ts";
import { Failover } from "./failover.ts";
import { failureBy } from "./failure.ts";
import { GuardedStorage } from "./guarded-storage.ts";
import { Directory } from "./members/directory.ts";
import { isProvisionalName, storeTag } from "./members/identity.ts";
import { StoreTags } from "./members/store-tags.ts";
import { ClusterChanges } from "./membership/cluster-changes.ts";
import { Handovers } from "./membership/handovers.ts";
import { MembershipChanges } from "./membership/membership-changes.ts";
import { type OpenedStorage, openStorage } from "./opening.ts";
import { type ReplicaLimits, type ReplicaOptions, replicaLimits } from "./options.ts";
import { Contacts } from "./peers/contacts.ts";
import { Departure } from "./peers/departure.ts";
import { GuardedTransport } from "./peers/guarded-transport.ts";
import { Peers, replacedError } from "./peers/peers.ts";
import { Roster } from "./peers/roster.ts";
import { Installation, type Installed, restoreMachine } from "./snapshots/installation.ts";
import { Snapshotter } from "./snapshots/snapshotter.ts";
import type { Codec, StateMachine } from "./state-machine.ts";
import type { CapturedState, ReplicaMetrics, ReplicaStatus } from "./status.ts";
import { Turn } from "./turn.ts";

/**
 * One running member: a core, a storage, a transport and a state machine, and the calls of those who wait for them. It
 * promises what `Replica` promises, by completion callbacks: nothing in it awaits, so that a simulation runs the very
 * code that ships. Calls that make no sense, or come too late, are thrown at once; everything else is told to `settle`.
 */
export class Member<Command, Result, Query = void, Answer = unknown> extends Emitter<ReplicaEvents> {
  readonly name: string;
  readonly id: MemberId;
  readonly clusterId: string;
  readonly clock: Clock;
  /** The members, and the ways to change them. */
  readonly cluster: ClusterChanges;
  readonly #codec: Codec<Command>;
  readonly #machine: StateMachine<Command, Result, Query, Answer>;
  readonly #storage: Storage;
  readonly #transport: Transport;
  readonly #limits: ReplicaLimits;
  readonly #hasLeaseReads: boolean;
  readonly #directory: Directory;
  readonly #contacts: Contacts;
  readonly #stores: StoreTags;
  readonly #raft: Raft;
  readonly #time: CommandTime;
  readonly #proposals: Proposals<Result>;
  readonly #reads: Reads;
  readonly #changes: MembershipChanges;
  readonly #handovers: Handovers;
  readonly #duties: Duties;
  readonly #checkpoints: Checkpoints;
  readonly #applier: Applier<Command, Result, Query, Answer>;
  readonly #snapshotter: Snapshotter<Command, Result, Query, Answer>;
  readonly #roster: Roster;
  readonly #peers: Peers;
  readonly #turn: Turn<Command, Result, Query, Answer>;
  #state: ReplicaStatus["state"] = "open";
  #failure: QuorateError | null = null;
  #refusal: QuorateError | null = null;
  #softState: SoftState;
  #ticker: Timer | null = null;
  #drainer: Timer | null = null;
  #installation: Installation | null = null;
  /** Set once this member was removed. */
  #departure: Departure | null = null;
  /** What this start has repaired. */
  readonly #damage: QuorateError | undefined;
  /** When the disk was found full, by the clock that counts on; null while it is not. */
  #fullSince: number | null = null;
  #isRepairing: boolean;
  /** The peers to which a connection stands, where the transport tells. */
  readonly #connected = new Set<string>();
  #hasHeardOfPeers = false;
  #isReleasing = false;
  #isHalted = false;
  /** Whether something that the world has brought about is being dealt with. */
  #isInside = false;
  #isTelling = false;
  /** Events that listeners have not been told yet. */
  readonly #untold: (() => void)[] = [];
  #isReleased = false;
  /** Those who asked to close, until that is done. */
  #closers: Done[] = [];

  /**
   * Opens the storage, recovers what it holds (or founds the cluster, when it is new), and starts to take part. Settles
   * when the member is listening, or with what `Storage.open` and `Transport.start` report, or ERR_INVALID_ARGUMENT.
   */
  static open<Command, Result, Query, Answer>(
    options: ReplicaOptions<Command, Result, Query, Answer>,
    settle: Settle<Member<Command, Result, Query, Answer>>,
  ): void {
    const storage = new GuardedStorage(options.storage, options.clock);
    const fail = (error: unknown): void => storage.close(() => settle(error));
    openStorage({ ...options, storage }, (openError, opened) => {
      if (openError !== null) {
        settle(openError);
        return;
      }
      restoreMachine(options, opened!.snapshot, (restoreError) => {
        if (restoreError !== null) {
          fail(restoreError);
          return;
        }
        try {
          const member = new Member(options, opened!, storage);
          member.#start((error) => (error === null ? settle(null, member) : fail(error)));
        } catch (error) {
          fail(error);
        }
      });
    });
  }

  /** Use `open`, which has brought the snapshot into the machine before. */
  constructor(
    options: ReplicaOptions<Command, Result, Query, Answer>,
    opened: OpenedStorage,
    storage: GuardedStorage,
  ) {
    super(REPLICA_EVENTS);
    storage.enterBy((run) => this.#enter(run));
    const { enrolment, recovered, snapshot } = opened;
    this.name = enrolment.self.name;
    this.id = enrolment.self.id;
    this.clusterId = enrolment.clusterId;
    this.clock = options.clock;
    this.#codec = checkedCodec(options.codec);
    this.#machine = options.machine;
    this.#storage = storage;
    this.#transport = new GuardedTransport(options.transport, options.clock, (run) => this.#enter(run));
    this.#limits = replicaLimits(options.limits);
    this.#hasLeaseReads = options.leaseReads === true;

    this.#directory = new Directory(new Map(Object.entries(options.peers)));
    for (const member of enrolment.members) this.#directory.put(member);
    this.#contacts = new Contacts(this.#directory, () => this.#applier.index);
    const disk = new DiskWatch();
    this.#stores = new StoreTags(this.id, storeTag(recovered.storeId), this.#directory);
    const requests = new Requests(recovered.bootEpoch);
    this.#time = new CommandTime(this.clock);
    const proposer = { origin: this.id, epoch: recovered.bootEpoch };
    const { firstSequence = 0 } = options;
    this.#proposals = new Proposals(proposer, firstSequence, this.clock, this.#time, this.#limits, requests);
    this.#changes = new MembershipChanges(this.clock, this.#limits, requests);
    this.#handovers = new Handovers(this.clock, this.#limits);
    this.#reads = new Reads(this.clock, this.#limits);
    const { machine } = options;
    const codec = this.#codec;
    const chance = new CommandRandom(this.clusterId);
    const execution = new Execution(machine, codec, chance, options.onApplyError ?? "stop");
    this.#checkpoints = new Checkpoints({
      id: this.id,
      clock: { after: (ms, run) => this.clock.after(ms, () => this.#enter(run)) },
      everyEntries: this.#limits.checkpointEntries,
      electionTicks: this.#limits.electionTicks,
      beginHash: () => machine.beginHash?.(),
      onDiverged: (error) => this.#fail(error),
      onOtherDiverged: (member, index) => this.#tell("diverged", member, index),
    });
    this.#applier = new Applier(
      proposer,
      machine,
      execution,
      this.#directory,
      this.#proposals,
      this.#checkpoints,
      (entry) => {
        this.#changes.applied(entry);
        this.#onMembers(entry.index);
      },
    );
    const newest = snapshot?.snapshot.metadata;
    if (snapshot !== undefined) this.#restored(snapshot.snapshot);

    this.#snapshotter = new Snapshotter(
      {
        machine: this.#machine,
        clock: this.clock,
        applier: this.#applier,
        storage: this.#storage,
        limits: this.#limits,
        headStart: this.#directory.shareBefore(this.id),
        onTaken: (taken) => this.#tell("snapshot", taken),
        onFailure: (error) => this.#fail(error),
      },
      newest,
    );
    this.#raft = new Raft(
      {
        id: this.id,
        electionTicks: this.#limits.electionTicks,
        leaseReads: options.leaseReads ?? false,
        committedBytesMax: APPLY_BYTES,
        uncommittedBytesMax: Math.min(UNCOMMITTED_BYTES, this.#limits.proposalBytesMax),
      },
      {
        hardState: recovered.hardState,
        snapshot: newest,
        entries: recovered.entries,
        applied: this.#applier.index,
        lostTerm: recovered.lostTerm,
      },
      { random: options.random, latestSnapshot: () => this.#snapshotToSend() },
    );
    this.#duties = new Duties({
      raft: this.#raft,
      stores: this.#stores,
      directory: this.#directory,
      disk,
      electionTicks: this.#limits.electionTicks,
      hasSnapshotToSend: () => this.#snapshotToSend() !== undefined,
      takeSnapshot: () => this.#snapshotter.take(this.#raft),
      isDiskFull: () => this.#storage.isFull === true,
      // A snapshot lets the log and the WAL give up what it covers, whatever the policy says.
      onFullDisk: () => this.#snapshotter.take(this.#raft),
      onDiskFull: (isFull) => {
        this.#fullSince = isFull ? this.clock.monotonic() : null;
        this.#tell("diskFull", isFull);
      },
      onSlowDisk: (ticks) => this.#tell("slow", "disk", ticks * this.#limits.tickMs),
    });
    this.cluster = new ClusterChanges({
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
    storage.onFault((fault) => this.#fail(fault));
    this.#isRepairing = this.#raft.isRepairing;
    this.#damage = recovered.damage;

    const self = {
      clusterId: this.clusterId,
      name: this.name,
      id: this.id,
      storeId: recovered.storeId,
      bootEpoch: recovered.bootEpoch,
      address: options.peers[this.name] ?? enrolment.self.address,
    };
    const agreement = new Agreement({
      leaseReads: this.#hasLeaseReads,
      onApplyError: options.onApplyError ?? "stop",
      codec: codec.name,
      machineKind: machine.kind ?? "",
      limits: this.#limits,
    });
    this.#roster = new Roster({
      self,
      transport: this.#transport,
      directory: this.#directory,
      contacts: this.#contacts,
      stores: this.#stores,
      agreement,
      electionTicks: this.#limits.electionTicks,
    });
    this.#peers = new Peers({
      self,
      transport: this.#transport,
      storage: this.#storage,
      contacts: this.#contacts,
      roster: this.#roster,
      stores: this.#stores,
      agreement,
      applied: () => this.#applier.index,
      onMessage: (message) => this.#turn.received(message),
      onUp: (peer) => {
        this.#connected.add(peer);
        this.#hasHeardOfPeers = true;
        this.#turn.foundConnection();
        this.#tell("peer", peer, "up");
      },
      onDown: (peer) => this.#onPeerDown(peer),
      onReplaced: () => this.#fail(replacedError(this.name)),
      isRestoring: () => this.#raft.log.restoring !== undefined,
      onDiskFailure: (error) => this.#fail(error),
      onNewcomer: (newcomer, settle) => this.cluster.enrol(newcomer, settle),
      onRefused: (reason) => {
        this.#refusal = reason;
        this.#tell("refused", reason);
      },
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
      time: this.#time,
      proposals: this.#proposals,
      reads: this.#reads,
      changes: this.#changes,
      applier: this.#applier,
      snapshotter: this.#snapshotter,
      failover: new Failover(),
      tickMs: this.#limits.tickMs,
      inboxFramesMax: this.#limits.inboxFramesMax,
      send: (messages: readonly Message[]) => this.#peers.send(messages),
      install: (save, done) => this.#install(save, done),
      installed: () => this.#installed(),
      onState: (softState) => this.#onState(softState),
      enter: (run) => this.#enter(run),
      onFailure: (error) => this.#fail(error),
    });
  }

  get isLeader(): boolean {
    return this.#raft.role === "leader";
  }

  /** Whether this member would answer a read by lease at this moment, without asking others. */
  get hasLease(): boolean {
    return this.#turn.hasLease;
  }

  get role(): RoleKind {
    return this.#raft.role;
  }

  /** The core as it is now. For reading only: a simulation looks at it after each event. */
  get core(): Raft {
    return this.#raft;
  }

  /** Why a peer and this member refused each other last, if they ever did. */
  get refusal(): QuorateError | null {
    return this.#refusal;
  }

  /** The peers to which no connection stands, each with where it should be and why it is not reached, as far as is known. */
  get unreachable(): readonly string[] {
    const traffic = new Map(this.#transport.metrics?.().map((peer) => [peer.name, peer]));
    // A transport that never tells of connections may well have them.
    if (traffic.size === 0 && !this.#hasHeardOfPeers) return [];
    const others = this.#contacts.members.filter(
      ({ id, name }) => id !== this.id && !isProvisionalName(name),
    );
    return others.flatMap(({ name, address }) => {
      const { isUp = this.#connected.has(name), trouble = "not connected" } = traffic.get(name) ?? {};
      return isUp ? [] : [`${name}${address === "" ? "" : ` (${address})`}: ${trouble}`];
    });
  }

  /** See `Turn.count`. */
  get turns(): number {
    return this.#turn.count;
  }

  propose(command: Command, options: CallOptions, settle: Settle<Result>): void {
    this.#checkOpen();
    if (this.#storage.isFull === true) throw this.#diskFull();
    this.#proposals.add(this.#codec.encode(command), options, settle);
    this.#turn.wake();
  }

  barrier(options: ReadOptions, settle: Settle<void>): void {
    this.#checkOpen();
    if (options.consistency === "stale") {
      settle(null);
      return;
    }
    if (options.consistency === "lease" && !this.#hasLeaseReads) throw noLeases();
    this.#reads.add(options, settle);
    this.#turn.wake();
  }

  /** Asks the machine as it is now. Throws what it throws. */
  ask(query: Query): Answer {
    return this.#machine.query(query);
  }

  /** The applied state of this moment, as a backup needs it. */
  capture(): CapturedState {
    this.#checkOpen();
    return { clusterId: this.clusterId, ...this.#applier.capture() };
  }

  /** Takes a snapshot now, whatever the policy says. */
  snapshot(): void {
    this.#checkOpen();
    this.#enter(() => this.#snapshotter.take(this.#raft));
  }

  metrics(): ReplicaMetrics {
    return {
      storage: this.#storage.metrics?.(),
      peers: this.#transport.metrics?.() ?? [],
      strangers: this.#transport.strangers?.(),
    };
  }

  status(): ReplicaStatus {
    const { role, leader, term } = this.#raft;
    return {
      name: this.name,
      id: this.id,
      clusterId: this.clusterId,
      state: this.#state,
      role,
      leader: this.#contacts.nameOf(leader),
      term,
      commit: this.#raft.log.committed,
      applied: this.#applier.index,
      snapshot: this.#snapshotter.newest?.index ?? 0,
      members: this.#directory.members,
      membership: this.#raft.membership,
      isRepairing: this.#raft.isRepairing,
      isDiskFull: this.#storage.isFull === true,
      proposals: this.#proposals.count,
      framesRefused: this.#peers.framesRefused,
      raft: this.#raft.status(),
    };
  }

  /** Told ERR_STORAGE where the storage did not let go, so that the directory may still be taken. */
  close(done: Done): void {
    if (this.#isReleased) {
      done(null);
      return;
    }
    this.#closers.push(done);
    if (this.#state === "open" || this.#state === "leaving") this.#drain();
  }

  #start(done: Done): void {
    this.#transport.start(this.#peers, (error) => {
      if (error !== null) {
        done(error);
        return;
      }
      this.#enter(() => {
        this.#roster.changed(this.#applier.index);
        if (this.#isRemoved) this.#leave(this.#applier.index);
        this.#scheduleTick();
        this.#leadAlone();
        this.#turn.wake();
        if (this.#isRepairing) this.clock.soon(() => this.#tell("repairing", this.#damage));
      });
      done(this.#failure);
    });
  }

  /** Where nobody else can be elected there is nothing to wait for. */
  #leadAlone(): void {
    if (this.#raft.role === "follower" && this.#raft.isAlone) this.#raft.campaign();
  }

  #scheduleTick(): void {
    if (this.#isHalted) return;
    this.#ticker = this.clock.after(this.#limits.tickMs, () => this.#enter(() => this.#onTick()));
  }

  #onTick(): void {
    this.#peers.tick();
    this.#duties.tick();
    this.#checkpoints.tick(this.#raft);
    this.#turn.ticked();
    this.#noteRepair();
    this.#scheduleTick();
    this.#depart();
  }

  /**
   * Runs what the world has brought about. What is thrown stops the member. Listeners are told when it is over: they are
   * code of the application's own, and may call anything.
   */
  #enter(run: () => void): void {
    const isOutermost = !this.#isInside;
    this.#isInside = true;
    try {
      run();
    } catch (cause) {
      this.#fail(failureBy(cause));
    }
    if (!isOutermost) return;
    this.#isInside = false;
    this.#tellAll();
  }

  #tell<Event extends keyof ReplicaEvents>(event: Event, ...args: Parameters<ReplicaEvents[Event]>): void {
    this.#untold.push(() => this.emit(event, ...args));
    if (!this.#isInside) this.#tellAll();
  }

  /** In order: what comes to pass while a listener runs is told after it. */
  #tellAll(): void {
    if (this.#isTelling) return;
    this.#isTelling = true;
    for (let tell = this.#untold.shift(); tell !== undefined; tell = this.#untold.shift()) tell();
    this.#isTelling = false;
  }

  #noteRepair(): void {
    if (!this.#isRepairing || this.#raft.isRepairing) return;
    this.#isRepairing = false;
    this.#tell("repaired");
  }

  #onState(state: SoftState): void {
    const previous = this.#softState;
    this.#softState = state;
    if (state.role !== previous.role) this.#tell("role", state.role, state.term);
    if (state.leader === previous.leader && state.term === previous.term) return;

    this.#tell("leader", this.#contacts.nameOf(state.leader), state.term);
    this.#handovers.leads(state.leader);
    if (state.leader === undefined) return;
    this.#proposals.resendAll();
    this.#changes.resendAll();
    this.#reads.resendAll();
    this.#turn.wake();
  }

  /** The directory is as of `index` now. */
  #onMembers(index: Index): void {
    if (this.#stores.isReplaced) this.#fail(replacedError(this.name));
    if (this.#failure !== null) return;
    this.#roster.changed(index);
    if (this.#isRemoved) this.#leave(index);
    this.#tell("members", this.#directory.members);
  }

  get #isRemoved(): boolean {
    return this.#raft.membership.removed.includes(this.id);
  }

  /** From now on this member is there for the others only: see `Departure`. */
  #leave(index: Index): void {
    if (this.#departure !== null) return;
    this.#departure = new Departure(index, this.#limits.electionTicks);
    if (this.#state === "open") this.#state = "leaving";
    this.#failCalls((outcome) => stoppedError(removedError(this.name), outcome));
  }

  #depart(): void {
    if (this.#departure === null) return;
    this.#departure.tick(this.#raft.membership, (id) => this.#roster.toldBy(id));
    if (this.#departure.isOver && this.#state === "leaving") this.#fail(removedError(this.name));
  }

  #onPeerDown(peer: string): void {
    this.#connected.delete(peer);
    this.#hasHeardOfPeers = true;
    const id = this.#contacts.byName(peer)?.id;
    if (id !== undefined) this.#turn.lostConnection(id);
    this.#tell("peer", peer, "down");
  }

  /**
   * The newest snapshot, if it can be sent. Whoever took one from before our own admission would not know us, and hear
   * nothing more of us: not even what it needs to know us.
   */
  #snapshotToSend(): SnapshotMetadata | undefined {
    const { newest } = this.#snapshotter;
    return newest !== undefined && isMember(newest.membership, this.id) ? newest : undefined;
  }

  #install(save: Save, done: Installed): void {
    const reader = this.#storage.openSnapshot();
    if (reader === undefined || reader.snapshot.metadata.index !== save.snapshot?.index) {
      throw new QuorateError("ERR_INTERNAL", "the snapshot that was saved is not there", {});
    }
    this.#installation = new Installation(reader, this.#machine, this.clock, done);
  }

  /** Continues from a snapshot, whose state the machine shows. */
  #restored(snapshot: Snapshot): void {
    this.#applier.restored(snapshot);
    this.#time.agreed(this.#applier.time);
  }

  #installed(): void {
    const { snapshot } = this.#installation!;
    this.#installation = null;
    this.#restored(snapshot);
    this.#snapshotter.installed(snapshot.metadata);
    this.#storage.compactTo(snapshot.metadata.index);
    this.#onMembers(snapshot.metadata.index);
  }

  /** After a fault of the disk or of ours nobody knows what holds: the member says so and stops (fail-stop). */
  #fail(error: QuorateError): void {
    if (this.#failure !== null || this.#state === "closed") return;
    this.#failure = error;
    this.#state = "failed";
    this.#halt((outcome) => stoppedError(error, outcome));
    this.#release();
    this.#untold.push(() => {
      if (!this.emit("error", error)) warnUnheard(error);
    });
    if (!this.#isInside) this.#tellAll();
  }

  /** Waits, for an election timeout at most, until what was proposed here is settled and others do without this member. */
  #drain(): void {
    this.#state = "closing";
    const deadline = this.clock.monotonic() + this.#limits.tickMs * this.#limits.electionTicks;
    // Not in the middle of something: it may be a state machine or a listener that closes the member.
    if (this.#isInside) this.#drainer = this.clock.after(0, () => this.#handOver(deadline));
    else this.#handOver(deadline);
  }

  #handOver(deadline: number): void {
    const { heir } = this.#duties;
    if (heir !== null && this.#raft.transferLeadership(heir) === undefined) this.#turn.wake();
    const look = (): void => {
      const isSettled = this.#proposals.count === 0 && (heir === null || !this.isLeader);
      const isDrained = isSettled && this.#departure?.isOver !== false;
      if (isDrained || this.clock.monotonic() >= deadline) this.#shutDown();
      else this.#drainer = this.clock.after(DRAIN_POLL_MS, () => this.#enter(look));
    };
    this.#enter(look);
  }

  #shutDown(): void {
    this.#state = "closed";
    this.#halt((outcome) => new QuorateError("ERR_CLOSED", "the member was closed", {}, { outcome }));
    this.#release();
  }

  /** Lets go of everything outside. What the disk says at the end cannot change what was acknowledged. */
  #release(): void {
    if (this.#isReleasing) return;
    this.#isReleasing = true;
    this.#transport.close(() =>
      this.#storage.close((error) => {
        const stuck = QuorateError.is(error, "ERR_STORAGE") ? error : null;
        this.#isReleased = true;
        this.#tell("close");
        for (const done of this.#closers) done(stuck);
        this.#closers = [];
      }),
    );
  }

  #halt(makeError: (outcome: Outcome) => QuorateError): void {
    this.#isHalted = true;
    this.#ticker?.cancel();
    this.#drainer?.cancel();
    this.#turn.stop();
    this.#installation?.stop();
    this.#checkpoints.stop();
    this.#snapshotter.stop();
    this.#peers.stop();
    this.#failCalls(makeError);
  }

  #failCalls(makeError: (outcome: Outcome) => QuorateError): void {
    this.#proposals.failAll(makeError);
    this.#changes.failAll(makeError);
    this.#reads.failAll(() => makeError("none"));
    this.#handovers.failAll(makeError);
  }

  #diskFull(): QuorateError {
    const fullForMs = this.#fullSince === null ? 0 : this.clock.monotonic() - this.#fullSince;
    const text = `the disk of ${this.name} is full: free some space, and writes are taken again by themselves`;
    return new QuorateError("ERR_DISK_FULL", text, { member: this.name, fullForMs }, { retryable: true });
  }

  #checkOpen(): void {
    if (this.#failure !== null) throw stoppedError(this.#failure, "none");
    if (this.#departure !== null) throw stoppedError(removedError(this.name), "none");
    if (this.#state !== "open") throw new QuorateError("ERR_CLOSED", "the member is closed", {});
  }
}

const DRAIN_POLL_MS = 2;

/** What one turn applies: some milliseconds' worth. At a start there may be a hundred times as much to do. */
const APPLY_BYTES = 1024 * 1024;

/** What a leader takes into its log before a quorum has confirmed what it took before; less where memory is short. */
const UNCOMMITTED_BYTES = 64 * 1024 * 1024;

function noLeases(): QuorateError {
  return invalidArgument("consistency", "lease", "reads by lease need leaseReads on every member");
}

function removedError(name: string): QuorateError {
  return new QuorateError("ERR_MEMBERSHIP", `${name} was removed from the cluster`, { reason: "removed" });
}
