import { ByteReader, ByteWriter } from "../../../base/bytes.ts";
import type { Entry, Index, MemberId } from "../../../log/entry.ts";
import type {
  Effects,
  ProposeResult,
  ReadReady,
  RoleKind,
  Save,
  SnapshotMetadata,
} from "../../../raft/effects.ts";
import { EMPTY_MEMBERSHIP, type Membership } from "../../../raft/membership.ts";
import { decodeMembershipChange } from "../../../raft/membership-codec.ts";
import type { Message } from "../../../raft/message.ts";
import { Raft } from "../../../raft/raft.ts";
import type { ChangeAction, CrashAction, MemberNumber } from "../../scenario.ts";
import type { RandomStream } from "../chance/random-streams.ts";
import type { Appointment, Micros } from "../chance/schedule.ts";
import type { StopKind } from "../seen/sim-event.ts";
import { Gate } from "../world/gate.ts";
import type { SimHost } from "../world/sim-host.ts";
import type { Call, SimMember } from "../world/sim-member.ts";
import { CoreDisk } from "./core-disk.ts";

/** A message on its way, with a number that names it in the story. */
export interface CoreFrame {
  readonly id: number;
  readonly message: Message;
}

interface WaitingRead {
  readonly call: Call;
  readonly beganAt: Micros;
  index: Index | null;
}

/** A core with a disk of objects, and a state machine that only counts: the fast half of the simulator. */
export class CoreMember implements SimMember<CoreFrame> {
  readonly number: MemberNumber;
  readonly id: MemberId;
  readonly name: string;
  readonly #host: SimHost<CoreFrame>;
  readonly #disk: CoreDisk;
  readonly #diskChance: RandomStream;
  #raft: Raft | null = null;
  #gate = new Gate();
  #starts = 0;
  #applied: Index = 0;
  #ticker: Appointment | null = null;
  #missedTicks = 0;
  /** The message that is being taken, for those who want to know why something changed. */
  #cause: Message["kind"] | undefined = undefined;
  #role: RoleKind = "follower";
  #leader: MemberId | undefined = undefined;
  #term = 0;
  #committed: Index = 0;
  #slowMs = 0;
  #savesUntilFailure: number | null = null;
  #lastSaveEnds: Micros = 0;
  /** Calls that wait for their entry, by the number that the entry carries. */
  readonly #writes = new Map<number, Call>();
  readonly #reads = new Map<number, WaitingRead>();
  #isEnlisted: boolean;

  constructor(host: SimHost<CoreFrame>, number: MemberNumber, snapshot: SnapshotMetadata | null) {
    this.number = number;
    this.id = number + 1;
    this.name = `n${number + 1}`;
    this.#host = host;
    this.#disk = new CoreDisk(snapshot);
    this.#diskChance = host.chance.stream("disk", number);
    this.#isEnlisted = snapshot !== null;
  }

  get isUp(): boolean {
    return this.#raft !== null;
  }

  get isPaused(): boolean {
    return this.#gate.isPaused;
  }

  get isEnlisted(): boolean {
    return this.#isEnlisted;
  }

  get isLost(): boolean {
    return false;
  }

  get isDamaged(): boolean {
    return false;
  }

  get isWhole(): boolean {
    return true;
  }

  get isLeader(): boolean {
    return this.#raft?.role === "leader";
  }

  get hasLease(): boolean {
    // Before it answers anything it will be told for how long it stood still.
    return !this.isPaused && this.#raft?.hasLease === true;
  }

  get membership(): Membership {
    return this.#raft?.membership ?? EMPTY_MEMBERSHIP;
  }

  start(): void {
    if (this.#raft !== null || !this.#isEnlisted) return;
    this.#starts += 1;
    this.#gate = new Gate();
    const { schedule, chance, scenario } = this.#host;
    const recovered = this.#disk.recover();
    this.#host.emit({ kind: "started", at: schedule.now, member: this.id, start: this.#starts, recovered });
    this.#raft = new Raft(
      { ...scenario.cluster.core, electionTicks: scenario.cluster.electionTicks, id: this.id },
      recovered,
      { random: chance.random("core", this.number, this.#starts), latestSnapshot: () => this.#disk.snapshot },
    );
    this.#applied = recovered.applied;
    this.#role = "follower";
    this.#leader = undefined;
    this.#term = this.#raft.term;
    this.#committed = 0;
    this.#lastSaveEnds = 0;
    this.#missedTicks = 0;
    this.#scheduleTick();
    this.#settle();
  }

  stop(how: CrashAction["how"]): void {
    this.#end(how, how === "kill" ? this.#disk.waiting.length : this.#survivors(how));
  }

  pause(): void {
    if (!this.isUp || this.isPaused) return;
    this.#gate.pause();
  }

  resume(): void {
    if (!this.isPaused) return;
    const isLeased = this.#host.scenario.cluster.core.leaseReads === true;
    const missed = isLeased ? this.#missedTicks : Math.min(this.#missedTicks, 1);
    this.#missedTicks = 0;
    // A leader with a lease must know how long it was away before it answers any read.
    if (isLeased) this.#ticks(missed);
    this.#gate.resume();
    if (!isLeased) this.#ticks(missed);
  }

  receive(from: MemberNumber, frame: CoreFrame): void {
    const missed = (): void => this.#host.lost(from, this.number, frame);
    if (this.#raft === null) missed();
    else this.#gate.run(() => this.#step(frame), missed);
  }

  lost(_to: MemberNumber, { id, message }: CoreFrame): void {
    this.#host.emit({ kind: "lost", at: this.#now, member: this.id, message, id });
    if (message.kind === "snapshot") this.snapshotEnded(message.to, false);
  }

  snapshotEnded(to: MemberId, succeeded: boolean): void {
    this.#gate.run(() => this.#act((raft) => raft.reportSnapshot(to, succeeded)));
  }

  disconnected(from: MemberNumber): void {
    this.#gate.run(() => this.#act((raft) => raft.reportUnreachable(from + 1)));
  }

  call(call: Call): void {
    if (this.#raft === null || this.isPaused) {
      this.#host.returned(call, this.id, { is: "refused", reason: "the member does not run" });
      return;
    }
    const { kind, bytes = 0 } = call.input as { kind: "write" | "read"; bytes?: number };
    if (kind === "read") this.#read(call);
    else this.#write(call, bytes);
  }

  /** A core has no machine. */
  look(): null {
    return null;
  }

  campaign(): void {
    this.#gate.run(() => this.#act((raft) => raft.campaign()));
  }

  /** Makes a snapshot of what is applied, and gives up the log but for the last entries. */
  snapshot(): void {
    this.#gate.run(() => {
      if (this.#raft !== null) this.#takeSnapshot(this.#raft);
    });
  }

  transfer(to: MemberNumber): void {
    this.#gate.run(() => this.#act((raft) => raft.transferLeadership(to + 1)));
  }

  change(changes: ChangeAction["changes"]): void {
    const named = changes.map(({ kind, member }) => ({ kind, member: member + 1 }));
    const change = { transition: "auto", changes: named, context: new Uint8Array(0) } as const;
    this.#gate.run(() => this.#act((raft) => raft.proposeMembership(UNANSWERED, change)));
  }

  slowDisk(ms: number): void {
    this.#slowMs = ms;
  }

  failDisk(_operation: "write" | "sync", after: number): void {
    if (this.isUp) this.#savesUntilFailure = after;
  }

  fillDisk(): void {}
  rot(): void {}
  jumpClock(): void {}
  wipe(): void {}
  putBack(): void {}
  moveInto(): void {}
  moveBack(): void {}

  copyDirectory(): null {
    return null;
  }

  forge(): null {
    return null;
  }

  /** Cores hear everybody. */
  knows(): boolean {
    return true;
  }

  /** Cores do not know of stores. */
  hasAgreedOn(): boolean {
    return false;
  }

  enlist(): void {
    this.#isEnlisted = true;
  }

  mend(): void {
    this.#slowMs = 0;
    this.#savesUntilFailure = null;
    if (this.isPaused) this.resume();
    this.start();
  }

  unrest(): string | null {
    if (this.#raft === null) return `${this.name} does not run`;
    const { log, role, leader, failure } = this.#raft;
    if (failure !== undefined) return `${this.name} has failed: ${failure.reason}`;
    if (role !== "leader" && leader === undefined) return `${this.name} knows no leader`;
    if (log.applied !== log.lastIndex) return `${this.name} has applied ${log.applied} of ${log.lastIndex}`;
    return null;
  }

  get applied(): Index {
    return this.#applied;
  }

  get #now(): Micros {
    return this.#host.schedule.now;
  }

  #scheduleTick(): void {
    const { tickMs, driftPermille } = this.#host.scenario.cluster;
    const span = Math.round((tickMs * 1_000_000) / (1000 + (driftPermille[this.number] ?? 0)));
    this.#ticker = this.#host.schedule.after(span, () => {
      this.#scheduleTick();
      if (this.isPaused) this.#missedTicks += 1;
      else this.#ticks(1);
    });
  }

  #ticks(count: number): void {
    for (let tick = 0; tick < count; tick++) this.#act((raft) => raft.tick());
  }

  #write(call: Call, bytes: number): void {
    const writer = new ByteWriter(8 + bytes);
    writer.u32(call.operation);
    for (let at = 0; at < bytes; at++) writer.u8(at & 0xff);
    this.#writes.set(call.operation, call);
    this.#act((raft) => {
      const refusal = raft.propose(call.operation, [{ kind: "command", data: writer.take() }]);
      if (refusal !== undefined) this.#refuse(call, refusal.refused);
    });
  }

  #read(call: Call): void {
    this.#reads.set(call.operation, { call, beganAt: this.#now, index: null });
    this.#host.emit({ kind: "read-began", at: this.#now, member: this.id, request: call.operation });
    this.#act((raft) => {
      const refusal = raft.read(call.operation);
      if (refusal === undefined) return;
      this.#reads.delete(call.operation);
      this.#host.returned(call, this.id, { is: "refused", reason: refusal.refused });
    });
  }

  #refuse(call: Call, reason: string): void {
    if (!this.#writes.delete(call.operation)) return;
    this.#host.returned(call, this.id, { is: "refused", reason });
  }

  #step({ id, message }: CoreFrame): void {
    this.#host.emit({ kind: "received", at: this.#now, member: this.id, message, id });
    if (message.kind === "snapshot") this.#host.snapshotEnded(message.from, message.to, true);
    this.#cause = message.kind;
    this.#act((raft) => raft.step(message));
    this.#cause = undefined;
  }

  #act(deed: (raft: Raft) => unknown): void {
    if (this.#raft === null) return;
    deed(this.#raft);
    this.#settle();
  }

  /** Does what the core wants done, until it wants nothing more. */
  #settle(): void {
    const raft = this.#raft!;
    this.#look(raft);
    while (raft.hasEffects()) {
      const effects = raft.takeEffects();
      this.#perform(raft, effects);
      this.#look(raft);
    }
    if (raft.failure !== undefined) this.#end("failed", 0, raft.failure.reason);
  }

  /** Tells of what changed in the core. */
  #look(raft: Raft): void {
    const { role, term, leader } = raft;
    if (role !== this.#role || term !== this.#term || leader !== this.#leader) {
      this.#role = role;
      this.#term = term;
      this.#leader = leader;
      this.#host.emit({ kind: "role", at: this.#now, member: this.id, role, term, leader });
    }
  }

  #lookAtCommit(raft: Raft): void {
    const { committed } = raft.log;
    if (committed === this.#committed) return;
    this.#committed = committed;
    const { term, role, membership } = raft;
    this.#host.emit({
      kind: "committed",
      at: this.#now,
      member: this.id,
      to: committed,
      through: committed,
      term,
      role,
      membership,
    });
  }

  #perform(raft: Raft, { sendNow, save, apply, proposed, reads }: Effects): void {
    const cause = this.#cause;
    if (save !== undefined) this.#host.emit({ kind: "saving", at: this.#now, member: this.id, save, cause });
    this.#lookAtCommit(raft);
    for (const message of sendNow) this.#send(message);
    if (save !== undefined) this.#save(save);
    this.#apply(raft, apply);
    for (const result of proposed) this.#proposed(result);
    for (const read of reads) this.#readReady(read);
    this.#releaseReads();
  }

  #send(message: Message): void {
    const to = this.#host.numberOf(message.to);
    const id = this.#host.nextFrame();
    this.#host.emit({ kind: "sent", at: this.#now, member: this.id, message, id });
    if (to !== undefined) this.#host.send(this.number, to, { id, message });
  }

  #save(save: Save): void {
    const { delayMsMin, delayMsMax } = this.#host.scenario.disk;
    const delayMs = delayMsMin + this.#diskChance.fraction() * (delayMsMax - delayMsMin) + this.#slowMs;
    this.#disk.waiting.push(save);
    this.#lastSaveEnds = Math.max(this.#now + Math.round(delayMs * 1000), this.#lastSaveEnds);
    const gate = this.#gate;
    this.#host.schedule.at(this.#lastSaveEnds, () => {
      // The disk goes on while the process is paused; only the news waits.
      if (!gate.isOver && this.#writeOldest()) gate.run(() => this.#act((raft) => this.#saved(raft, save)));
    });
  }

  /** False when the disk refused, and the member with it. */
  #writeOldest(): boolean {
    if (this.#savesUntilFailure !== null && this.#savesUntilFailure-- <= 0) {
      this.#savesUntilFailure = null;
      this.#host.emit({ kind: "save-failed", at: this.#now, member: this.id, reason: "the disk refused" });
      this.#end("failed", 0);
      return false;
    }
    const save = this.#disk.write()!;
    this.#host.emit({ kind: "saved", at: this.#now, member: this.id, save });
    return true;
  }

  #saved(raft: Raft, save: Save): void {
    const { snapshot } = save;
    if (snapshot !== undefined && snapshot.index > this.#applied) {
      this.#applied = snapshot.index;
      this.#host.emit({ kind: "restored", at: this.#now, member: this.id, snapshot });
    }
    raft.saved(save);
  }

  #apply(raft: Raft, entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    for (const entry of entries) {
      this.#applied = entry.index;
      this.#host.emit({ kind: "applied", at: this.#now, member: this.id, entry });
      if (entry.kind === "membership") {
        const membership = raft.applyMembership(decodeMembershipChange(entry.data));
        this.#host.emit({ kind: "membership", at: this.#now, member: this.id, membership });
      }
      this.#answer(entry);
    }
    raft.applied(this.#applied);
    const { snapshotEntries } = this.#host.scenario.cluster;
    if (this.#applied - (this.#disk.snapshot?.index ?? 0) >= snapshotEntries) this.#takeSnapshot(raft);
  }

  #answer({ kind, data, index }: Entry): void {
    if (kind !== "command" || data.length < 4) return;
    const operation = new ByteReader(data).u32();
    const call = this.#writes.get(operation);
    if (call === undefined) return;
    this.#writes.delete(operation);
    this.#host.returned(call, this.id, { is: "answered", output: null, index });
  }

  #proposed({ request, result }: ProposeResult): void {
    const call = this.#writes.get(request);
    if (call !== undefined && "refused" in result) this.#refuse(call, result.refused);
  }

  #readReady({ request, result }: ReadReady): void {
    const read = this.#reads.get(request);
    if (read === undefined) return;
    if (typeof result !== "number") {
      this.#reads.delete(request);
      this.#host.returned(read.call, this.id, { is: "refused", reason: result.refused });
      return;
    }
    read.index = result;
    const isByLease =
      this.#host.scenario.cluster.core.leaseReads === true && read.beganAt === this.#now && this.isLeader;
    this.#host.emit({
      kind: "read-ended",
      at: this.#now,
      member: this.id,
      request,
      index: result,
      isByLease,
    });
  }

  #releaseReads(): void {
    for (const [request, { call, index }] of this.#reads) {
      if (index === null || index > this.#applied) continue;
      this.#reads.delete(request);
      this.#host.returned(call, this.id, { is: "answered", output: null, index: this.#applied });
    }
  }

  #takeSnapshot(raft: Raft): void {
    const index = this.#applied;
    const term = raft.log.termAt(index);
    if (term === undefined || raft.log.restoring !== undefined || index === 0) return;
    if (this.#disk.snapshot !== undefined && index <= this.#disk.snapshot.index) return;
    // What is not on the disk yet stays in the log.
    const compactTo = Math.max(
      0,
      Math.min(index - this.#host.scenario.cluster.trailingEntries, raft.log.saved),
    );
    if (index > raft.log.saved) return;
    const snapshot = { index, term, membership: raft.membership };
    this.#disk.takeSnapshot(snapshot, compactTo);
    this.#host.emit({ kind: "snapshot-taken", at: this.#now, member: this.id, snapshot });
    raft.compactTo(compactTo);
  }

  #survivors(how: StopKind): number {
    return how === "lose-all" ? 0 : this.#diskChance.between(0, this.#disk.waiting.length);
  }

  #end(how: StopKind, survivors: number, reason?: string): void {
    if (this.#raft === null) return;
    this.#raft = null;
    this.#gate.end();
    this.#ticker?.cancel();
    this.#disk.cut(survivors);
    this.#host.emit({
      kind: "stopped",
      at: this.#now,
      member: this.id,
      how,
      ...(reason === undefined ? {} : { reason }),
    });
    const calls = [...this.#writes.values(), ...[...this.#reads.values()].map(({ call }) => call)];
    this.#writes.clear();
    this.#reads.clear();
    for (const call of calls)
      this.#host.returned(call, this.id, { is: "unknown", reason: "the member stopped" });
  }
}

/** A request whose answer nobody waits for. */
const UNANSWERED = 0;
