import { assert } from "../../src/base/assert.ts";
import { Random } from "../../src/base/random.ts";
import type { EntryId, Index, MemberId, Proposal } from "../../src/log/entry.ts";
import type { Effects, Save, SnapshotMetadata } from "../../src/raft/effects.ts";
import { EMPTY_MEMBERSHIP, type MemberChange, type Membership } from "../../src/raft/membership.ts";
import { decodeMembershipChange } from "../../src/raft/membership-codec.ts";
import type { Message } from "../../src/raft/message.ts";
import type { RaftOptions } from "../../src/raft/options.ts";
import { Raft } from "../../src/raft/raft.ts";
import type { Refusal } from "../../src/raft/refusal.ts";
import type { TraceEvent } from "../../src/raft/trace.ts";
import { Invariants } from "./invariants.ts";
import { PureDisk } from "./pure-disk.ts";

export interface ClusterOptions {
  readonly voters: readonly MemberId[];
  readonly learners?: readonly MemberId[];
  readonly seed?: number;
  readonly options?: Partial<RaftOptions>;
  /** Saves wait until `save` is called. Otherwise they are durable at once. */
  readonly slowDisks?: boolean;
  /** How long a tick of each member's clock takes, in the units of `pass`. With it hosts tell their cores the time, as they do. */
  readonly tickLengths?: (member: MemberId) => number;
  readonly trace?: (member: MemberId, event: TraceEvent) => void;
}

/** One member: the core, its disk, and a state machine that remembers the entries it was given. */
export interface PureMember {
  readonly id: MemberId;
  raft: Raft;
  readonly disk: PureDisk;
  isDown: boolean;
  starts: number;
  /** When it was started last. */
  startedAt: number;
  /** The last tick of its clock that its core was given. */
  ticked: number;
  /** Up to where the state machine has come since its last restore. */
  applied: Index;
  /** What the host learnt of its requests. */
  readonly outcomes: Map<number, Index | EntryId | Refusal>;
}

/**
 * A group of pure cores with a network and disks of memory, where nothing happens by itself: a test says which message
 * is delivered, lost or repeated, which save finishes and who crashes. After each step all invariants are checked.
 */
export class PureCluster {
  readonly members = new Map<MemberId, PureMember>();
  /** Messages under way, oldest first. */
  network: Message[] = [];
  readonly invariants = new Invariants();
  readonly random: Random;
  readonly #options: ClusterOptions;
  /** True time, for members whose ticks have a length. */
  #now = 0;
  /** Pairs of members that do not hear each other, as `from>to`. */
  readonly #cuts = new Set<string>();
  #nextRequest = 1;

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.random = new Random(options.seed ?? 1);
    const membership = { ...EMPTY_MEMBERSHIP, voters: options.voters, learners: options.learners ?? [] };
    const first: SnapshotMetadata = { index: 1, term: 1, membership };
    this.invariants.begin(first);
    for (const id of [...options.voters, ...(options.learners ?? [])]) this.add(id, first);
  }

  /** Starts another member: one that founds the group with `snapshot`, or one that knows nothing. */
  add(id: MemberId, snapshot: SnapshotMetadata | undefined = undefined): PureMember {
    const disk = new PureDisk(snapshot);
    if (snapshot !== undefined)
      disk.hardState = { term: snapshot.term, vote: undefined, commit: snapshot.index };
    const raft = this.#start(id, disk, 1);
    const member = {
      id,
      raft,
      disk,
      isDown: false,
      starts: 1,
      startedAt: this.#now,
      ticked: 0,
      applied: snapshot?.index ?? 0,
      outcomes: new Map(),
    };
    this.members.set(id, member);
    return member;
  }

  member(id: MemberId): PureMember {
    const member = this.members.get(id);
    assert(member !== undefined, `there is no member ${id}`);
    return member;
  }

  raft(id: MemberId): Raft {
    return this.member(id).raft;
  }

  get running(): PureMember[] {
    return [...this.members.values()].filter(({ isDown }) => !isDown);
  }

  /** The leader of the newest term that runs, if there is one. */
  get leader(): PureMember | null {
    const leaders = this.running.filter(({ raft }) => raft.role === "leader");
    return leaders.sort((left, right) => right.raft.term - left.raft.term)[0] ?? null;
  }

  tick(id: MemberId): void {
    this.#act(id, (raft) => raft.tick());
  }

  /**
   * Lets true time pass. A member whose clock has begun another tick gets one, however many it were; those who are `late`
   * get it with a later call.
   */
  pass(units: number, late: readonly MemberId[] = []): void {
    this.#now += units;
    for (const member of this.running) {
      const ticks = this.#ticksOf(member);
      if (ticks <= member.ticked || late.includes(member.id)) continue;
      member.ticked = ticks;
      this.#act(member.id, (raft) => raft.tick(ticks));
    }
  }

  /** Those who would answer a read by lease at this moment. */
  get leased(): PureMember[] {
    return this.running.filter(({ id, raft }) => {
      if (raft.role !== "leader") return false;
      this.#act(id, () => {});
      return raft.hasLease;
    });
  }

  campaign(id: MemberId): Refusal | undefined {
    return this.#act(id, (raft) => raft.campaign());
  }

  /** Proposes a command of so many bytes; returns the number of the request. */
  propose(id: MemberId, text: string): number {
    return this.#request(id, (raft, request) => raft.propose(request, [command(text)]));
  }

  proposeChange(id: MemberId, changes: readonly MemberChange[], expected?: Membership): number {
    const change = { transition: "auto", changes, context: new Uint8Array(0) } as const;
    return this.#request(id, (raft, request) => raft.proposeMembership(request, change, expected));
  }

  read(id: MemberId): number {
    return this.#request(id, (raft, request) => {
      // Before it is made: a read by lease ends at once.
      this.invariants.readBegan(id, request);
      return raft.read(request);
    });
  }

  transfer(id: MemberId, to: MemberId): Refusal | undefined {
    return this.#act(id, (raft) => raft.transferLeadership(to));
  }

  /** Delivers the message at a place in the network, unless its receiver is down or cut off. */
  deliver(at = 0): void {
    const [message] = this.network.splice(at, 1);
    if (message !== undefined) this.#receive(message);
  }

  /** Delivers the message and leaves it in the network: it will arrive again. */
  repeat(at: number): void {
    const message = this.network[at];
    if (message !== undefined) this.#receive(message);
  }

  drop(at: number): void {
    this.network.splice(at, 1);
  }

  /** Finishes the oldest save of a member, if one waits. */
  save(id: MemberId): void {
    const member = this.member(id);
    if (member.isDown) return;
    const save = member.disk.write();
    if (save !== undefined) this.#act(id, () => this.#saved(member, save));
  }

  /** Cuts a member's power; of its waiting saves the first few may have been written all the same. */
  crash(id: MemberId, survivors = 0): void {
    const member = this.member(id);
    member.disk.cut(survivors);
    member.isDown = true;
    this.invariants.forget(id);
  }

  /** Lets a member that is down lose all but the first `kept` entries of its log, or its snapshot besides. */
  damage(id: MemberId, kept: number, losesSnapshot = false): void {
    const member = this.member(id);
    assert(member.isDown, "a disk is damaged while the member is down");
    member.disk.damage(kept, losesSnapshot);
  }

  restart(id: MemberId): void {
    const member = this.member(id);
    assert(member.isDown, "only a member that is down can start");
    member.isDown = false;
    member.starts += 1;
    member.startedAt = this.#now;
    member.ticked = 0;
    member.raft = this.#start(id, member.disk, member.starts);
    member.applied = member.disk.snapshot?.index ?? 0;
    this.#settle(member);
  }

  /** Makes a snapshot of what is applied, and gives up the log but for the last `trailing` entries. */
  snapshot(id: MemberId, trailing = 0): void {
    const member = this.member(id);
    const { raft, disk, applied: index } = member;
    const term = raft.log.termAt(index);
    if (member.isDown || term === undefined || raft.log.restoring !== undefined || index === 0) return;
    if (disk.snapshot !== undefined && index <= disk.snapshot.index) return;
    const compactTo = Math.max(Math.min(index - trailing, raft.log.saved), 0);
    disk.takeSnapshot({ index, term, membership: raft.membership }, compactTo);
    this.#act(id, () => raft.compactTo(compactTo));
  }

  /** Stops messages between the members of different groups. */
  partition(...groups: readonly MemberId[][]): void {
    this.heal();
    for (const group of groups) {
      for (const other of groups) {
        if (group !== other)
          for (const from of group) for (const to of other) this.#cuts.add(`${from}>${to}`);
      }
    }
  }

  isolate(id: MemberId): void {
    this.partition(
      [id],
      [...this.members.keys()].filter((other) => other !== id),
    );
  }

  heal(): void {
    this.#cuts.clear();
  }

  /** Delivers and saves until nothing is left to do. Time stands still. */
  stabilize(): void {
    for (let steps = 0; ; steps++) {
      assert(steps < STEPS_MAX, "the cluster finds no rest");
      const saving = this.running.find(({ disk }) => disk.waiting.length > 0);
      if (saving !== undefined) this.save(saving.id);
      else if (this.network.length > 0) this.deliver();
      else return;
    }
  }

  /** Lets time pass for all, with everything delivered and saved at once. */
  run(ticks: number): void {
    for (let tick = 0; tick < ticks; tick++) {
      for (const { id } of this.running) this.tick(id);
      this.stabilize();
    }
  }

  /** Makes a member the leader. */
  elect(id: MemberId): void {
    this.campaign(id);
    this.stabilize();
    assert(this.raft(id).role === "leader", `member ${id} was not elected`);
  }

  #start(id: MemberId, disk: PureDisk, starts: number): Raft {
    const { options, seed = 1, trace } = this.#options;
    const random = new Random(seed * 1_000_003 + id * 1009 + starts);
    const watch = trace === undefined ? {} : { trace: (event: TraceEvent) => trace(id, event) };
    return new Raft({ ...options, id }, disk.recover(), {
      random,
      latestSnapshot: () => disk.snapshot,
      ...watch,
    });
  }

  #request(id: MemberId, ask: (raft: Raft, request: number) => Refusal | undefined): number {
    const request = this.#nextRequest++;
    const refusal = this.#act(id, (raft) => ask(raft, request));
    if (refusal !== undefined) this.member(id).outcomes.set(request, refusal);
    return request;
  }

  #receive(message: Message): void {
    const { from, to } = message;
    if (this.#cuts.has(`${from}>${to}`) || this.members.get(to)?.isDown !== false) return;
    this.#act(to, (raft) => raft.step(message));
  }

  #act<Result>(id: MemberId, act: (raft: Raft) => Result): Result {
    const member = this.member(id);
    assert(!member.isDown, `member ${id} is down`);
    if (this.#options.tickLengths !== undefined) member.raft.timeIs(this.#ticksOf(member));
    const result = act(member.raft);
    this.#settle(member);
    return result;
  }

  /** How many ticks of its own clock have begun since the member was started. */
  #ticksOf({ id, startedAt }: PureMember): number {
    return Math.floor((this.#now - startedAt) / (this.#options.tickLengths?.(id) ?? 1));
  }

  /** Does what the core wants done, until it wants nothing more. */
  #settle(member: PureMember): void {
    const { raft } = member;
    this.invariants.check(this, member);
    while (raft.hasEffects()) {
      const effects = raft.takeEffects();
      this.invariants.check(this, member);
      this.#perform(member, effects);
    }
    this.invariants.check(this, member);
  }

  #perform(member: PureMember, effects: Effects): void {
    this.#send(effects.sendNow);
    if (effects.save !== undefined) this.#keep(member, effects.save);
    this.#apply(member, effects);
    for (const { request, result } of effects.proposed) member.outcomes.set(request, result);
    for (const { request, result } of effects.reads) {
      member.outcomes.set(request, result);
      this.invariants.readEnded(member.id, request, result);
    }
  }

  #send(messages: readonly Message[]): void {
    for (const message of messages) {
      this.invariants.sent(message);
      this.network.push(message);
    }
    // A network that is full loses what has waited longest.
    if (this.network.length > NETWORK_MAX) this.network.splice(0, this.network.length - NETWORK_MAX);
  }

  #keep(member: PureMember, save: Save): void {
    this.invariants.logged(member.id, save, member.raft);
    member.disk.waiting.push(save);
    if (this.#options.slowDisks === true) return;
    member.disk.write();
    this.#saved(member, save);
  }

  #saved(member: PureMember, save: Save): void {
    if (save.snapshot !== undefined) member.applied = Math.max(member.applied, save.snapshot.index);
    member.raft.saved(save);
  }

  #apply(member: PureMember, { apply }: Effects): void {
    for (const entry of apply) {
      assert(
        entry.index === member.applied + 1,
        `member ${member.id} skips from ${member.applied} to ${entry.index}`,
      );
      this.invariants.applied(member.id, entry);
      if (entry.kind === "membership") member.raft.applyMembership(decodeMembershipChange(entry.data));
      member.applied = entry.index;
    }
    if (apply.length > 0) member.raft.applied(member.applied);
  }
}

const STEPS_MAX = 100_000;
const NETWORK_MAX = 1000;

export function command(text: string): Proposal {
  return { kind: "command", data: new TextEncoder().encode(text) };
}
