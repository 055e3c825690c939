import { MalformedBytes } from "../../base/bytes.ts";
import type { Clock } from "../../base/clock.ts";
import { QuorateError } from "../../base/errors.ts";
import type { Index, MemberId } from "../../log/entry.ts";
import type { RoleKind, Save, SnapshotMetadata } from "../../raft/effects.ts";
import { EMPTY_MEMBERSHIP, type Membership } from "../../raft/membership.ts";
import type { Message } from "../../raft/message.ts";
import type { Raft } from "../../raft/raft.ts";
import type { Settle } from "../../replica/call.ts";
import { Chance } from "../../replica/chance.ts";
import { firstClusterId, firstMemberId } from "../../replica/identity.ts";
import { Member } from "../../replica/member.ts";
import { decodeTicket } from "../../replica/ticket.ts";
import { DiskStorage } from "../../storage/disk-storage.ts";
import { POWER_CUTS } from "../../storage/memory-disk.ts";
import { MemoryFiles } from "../../storage/memory-files.ts";
import type { Identity, Recovered } from "../../storage/storage.ts";
import { decodePeerFrame } from "../../transport/peer-frame.ts";
import type { ChangeAction, CrashAction, MemberNumber } from "../scenario.ts";
import type { ChanceStream } from "./chance.ts";
import type { Ending, RecoveredState, StopKind } from "./event.ts";
import { Gate } from "./gate.ts";
import type { SimHost } from "./host.ts";
import type { Call, SimMember } from "./member.ts";
import { ObservedMachine, type Placed, type Tagged, taggedCodec } from "./observed-machine.ts";
import { ObservedStorage } from "./observed-storage.ts";
import { MemberClocks } from "./process-clock.ts";
import type { Micros } from "./schedule.ts";
import { SimDisk } from "./sim-disk.ts";
import { SimTransport } from "./sim-transport.ts";
import type { SimSystem } from "./system.ts";

/** A frame on its way, and what of it concerns the core. */
export interface FullFrame {
  readonly id: number;
  readonly bytes: Uint8Array;
  readonly message: Message | null;
}

/** The members of a run, as one of them sees the others. */
export interface Crewmates {
  readonly founders: readonly string[];
  byName(name: string): FullMember<unknown, unknown, unknown, unknown> | undefined;
  /** Somebody wants to reach somebody else than before. */
  review(): void;
}

interface Running<Command, Result, Query, Answer> {
  readonly gate: Gate;
  readonly files: MemoryFiles;
  readonly transport: SimTransport;
  readonly machine: ObservedMachine<Command, Result, Query, Answer>;
  member: Member<Tagged<Command>, Placed<Result>, Query, Answer> | null;
}

/** Share of the finished saves after which the disk is read back as after a power cut. */
const SHADOW_SHARE = 0.01;
const CALL_TIMEOUT_MS = 3_000;
/** Whoever looks after the processes starts one again that has ended by itself. */
const SUPERVISOR_MS = 500;

/** A whole member: replica, storage on a simulated disk, encoded frames, and the state machine under test. */
export class FullMember<Command, Result, Query, Answer> implements SimMember<FullFrame> {
  readonly number: MemberNumber;
  readonly name: string;
  readonly #host: SimHost<FullFrame>;
  readonly #system: SimSystem<Command, Result, Query, Answer>;
  readonly #mates: Crewmates;
  readonly #disk = new SimDisk();
  readonly #clocks: MemberClocks;
  /** As the machine's own, for whoever looks on: what one draws the other does not miss. */
  readonly #chance: Chance;
  readonly #diskChance: ChanceStream;
  readonly #shadowChance: ChanceStream;
  #id: MemberId;
  #identity: Identity | null = null;
  #ticket: string | null = null;
  #isEnlisted: boolean;
  #isLost = false;
  #isDamaged = false;
  #starts = 0;
  #stores = 0;
  #lastDiskEnd: Micros = 0;
  #running: Running<Command, Result, Query, Answer> | null = null;
  #pendingRestore: SnapshotMetadata | null = null;
  #role: RoleKind = "follower";
  #term = 0;
  #leader: MemberId | null = null;
  #committed: Index = 0;
  #applied: Index = 0;
  #membership: Membership = EMPTY_MEMBERSHIP;
  readonly #calls = new Map<number, Call>();

  constructor(
    host: SimHost<FullFrame>,
    system: SimSystem<Command, Result, Query, Answer>,
    number: MemberNumber,
    mates: Crewmates,
  ) {
    this.number = number;
    this.name = `n${number + 1}`;
    this.#host = host;
    this.#system = system;
    this.#mates = mates;
    this.#id = firstMemberId(this.name);
    this.#isEnlisted = mates.founders.includes(this.name);
    this.#clocks = new MemberClocks(host, host.scenario.cluster.driftPermille[number] ?? 0);
    this.#chance = new Chance(firstClusterId("", mates.founders));
    this.#diskChance = host.chance.stream("disk", number);
    this.#shadowChance = host.chance.stream("shadow", number);
  }

  get id(): MemberId {
    return this.#id;
  }

  get isUp(): boolean {
    return this.#running !== null;
  }

  get isPaused(): boolean {
    return this.#running?.gate.isPaused === true;
  }

  get isEnlisted(): boolean {
    return this.#isEnlisted;
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  get isDamaged(): boolean {
    return this.#isDamaged;
  }

  get isLeader(): boolean {
    return this.#core?.role === "leader";
  }

  get membership(): Membership {
    return this.#core?.membership ?? EMPTY_MEMBERSHIP;
  }

  get transport(): SimTransport | null {
    return this.#running?.transport ?? null;
  }

  /** Whether the group has agreed on this member's store, as this one knows. */
  hasAgreedOn(id: MemberId): boolean {
    const record = this.#running?.member?.group.members.find((member) => member.id === id);
    return record !== undefined && record.store !== null;
  }

  knows(id: MemberId): boolean {
    return this.#running?.member?.group.members.some((member) => member.id === id) ?? true;
  }

  start(): void {
    if (this.#running !== null || !this.#isEnlisted || this.#isLost) return;
    this.#starts += 1;
    const gate = new Gate();
    const clock = this.#watched(this.#clocks.ofProcess(gate));
    const files = this.#disk.open(this.#diskClock(clock, gate));
    const transport = new SimTransport({
      send: (to, bytes) => this.#send(to, bytes),
      soon: clock.soon,
      peersChanged: () => this.#mates.review(),
    });
    const machine = new ObservedMachine(this.#system.makeMachine(), {
      executed: ({ index, term, time, command }, result) =>
        this.#host.emit({
          kind: "executed",
          at: this.#now,
          member: this.#id,
          operation: command.operation,
          applied: { index, term, time, command: command.command, random: this.#chance.at(index) },
          result,
        }),
      state: (index, hash) =>
        this.#host.emit({ kind: "state", at: this.#now, member: this.#id, index, hash }),
    });
    const running: Running<Command, Result, Query, Answer> = {
      gate,
      files,
      transport,
      machine,
      member: null,
    };
    this.#running = running;
    this.#forget();
    this.#open(running, clock);
  }

  stop(how: CrashAction["how"]): void {
    const running = this.#running;
    if (running === null) return;
    this.#end(how);
    if (how !== "kill")
      this.#disk.cutPower(how, this.#host.chance.random("power", this.number, this.#starts));
  }

  pause(): void {
    this.#running?.gate.pause();
  }

  resume(): void {
    this.#running?.gate.resume();
  }

  receive(from: MemberNumber, frame: FullFrame): void {
    const running = this.#running;
    if (running === null) {
      this.#host.lost(from, this.number, frame);
      return;
    }
    running.gate.run(() => {
      const { id, message, bytes } = frame;
      if (message !== null)
        this.#host.emit({ kind: "received", at: this.#now, member: this.#id, message, id });
      // Each arrival has memory of its own: a member may write into what it was given.
      running.transport.receive(`n${from + 1}`, bytes.slice());
      this.#host.drain();
    });
  }

  lost(_to: MemberNumber, { id, message }: FullFrame): void {
    if (message !== null) this.#host.emit({ kind: "lost", at: this.#now, member: this.#id, message, id });
  }

  disconnected(from: MemberNumber): void {
    const running = this.#running;
    running?.gate.run(() => running.transport.disconnected(`n${from + 1}`));
  }

  connected(name: string): void {
    const running = this.#running;
    running?.gate.run(() => running.transport.connected(name));
  }

  call(call: Call): void {
    const member = this.#running?.member ?? null;
    if (member === null || this.isPaused) {
      this.#host.returned(call, this.#id, { is: "refused", reason: "the member does not run" });
      return;
    }
    this.#calls.set(call.operation, call);
    try {
      const input = this.#system.read(call.input);
      if ("command" in input) this.#propose(member, call, input.command);
      else this.#ask(member, call, input.query, input.consistency ?? "linearizable");
    } catch (error) {
      this.#return(call, endingOf(error));
    }
  }

  campaign(): void {
    this.#with((member) => member.core.campaign());
  }

  snapshot(): void {
    this.#with((member) => member.snapshot());
  }

  transfer(to: MemberNumber): void {
    this.#with((member) => member.group.transfer(`n${to + 1}`, {}, () => {}));
  }

  /** Asks for each change by itself, as an operator would. */
  change(changes: ChangeAction["changes"]): void {
    for (const { kind, member: number } of changes) {
      const name = `n${number + 1}`;
      this.#with(({ group }) => {
        const isMember = group.members.some((member) => member.name === name);
        if (kind === "remove") group.remove(name, {}, () => {});
        else if (!isMember)
          group.add({ name, address: name }, {}, (error, ticket) => this.#added(name, error, ticket));
        else if (kind === "add-voter") group.promote(name, {}, () => {});
      });
    }
  }

  slowDisk(ms: number): void {
    this.#disk.slowMs = ms;
  }

  fillDisk(isFull: boolean): void {
    this.#disk.isFull = isFull;
  }

  failDisk(operation: "write" | "sync", after: number): void {
    this.#disk.failAfter(operation, after);
  }

  rot(place: number): void {
    this.stop("kill");
    this.#disk.rot(place);
    this.#isDamaged = true;
  }

  jumpClock(ms: number): void {
    this.#clocks.jump(ms);
  }

  /** The directory is gone. What starts there next is not the member that the others know. */
  wipe(): void {
    if (this.#running !== null) this.stop("kill");
    this.#disk.wipe();
    this.#isDamaged = true;
    this.#host.emit({ kind: "wiped", at: this.#now, member: this.#id });
  }

  enlist(): void {}

  mend(): void {
    this.#disk.mend();
    if (this.isPaused) this.resume();
    this.start();
  }

  unrest(): string | null {
    const core = this.#core;
    if (core === null) return `${this.name} does not run`;
    const { log, role, leader } = core;
    if (role !== "leader" && leader === null) return `${this.name} knows no leader`;
    if (log.applied !== log.lastIndex) return `${this.name} has applied ${log.applied} of ${log.lastIndex}`;
    return null;
  }

  /** Becomes the member that a ticket is for, with a directory of its own. */
  enrol(ticket: string): void {
    const { id, members } = decodeTicket(ticket);
    // Somebody else was added under this name at the same time, and has it.
    if (members.find((member) => member.id === id)?.name !== this.name) return;
    if (this.#isEnlisted && id === this.#id && !this.#isLost) return;
    if (this.#running !== null) this.#end("kill");
    this.#disk.wipe();
    this.#ticket = ticket;
    this.#id = id;
    this.#isEnlisted = true;
    this.#isLost = false;
    this.#isDamaged = false;
    this.#host.register(id, this.number, this.name);
    this.start();
  }

  get #now(): Micros {
    return this.#host.schedule.now;
  }

  get #core(): Raft | null {
    return this.#running?.member?.core ?? null;
  }

  #forget(): void {
    this.#pendingRestore = null;
    this.#role = "follower";
    this.#leader = null;
    this.#committed = 0;
    this.#applied = 0;
    this.#lastDiskEnd = 0;
  }

  /** Whatever a process does by its clock, its core is looked at afterwards. */
  #watched(clock: Clock): Clock {
    const watched = (run: () => void) => (): void => {
      run();
      this.#look();
    };
    return {
      ...clock,
      after: (ms, run) => clock.after(ms, watched(run)),
      soon: (run) => clock.soon(watched(run)),
    };
  }

  /** Calls of the disk end one after the other, each after its time. */
  #diskClock(clock: Clock, gate: Gate): Clock {
    const { delayMsMin, delayMsMax } = this.#host.scenario.disk;
    return {
      ...clock,
      soon: (run) => {
        const delayMs =
          delayMsMin + this.#diskChance.fraction() * (delayMsMax - delayMsMin) + this.#disk.slowMs;
        this.#lastDiskEnd = Math.max(this.#now + Math.round(delayMs * 1000), this.#lastDiskEnd);
        this.#host.schedule.at(this.#lastDiskEnd, () =>
          gate.run(() => {
            run();
            this.#look();
          }),
        );
      },
    };
  }

  #open(running: Running<Command, Result, Query, Answer>, clock: Clock): void {
    const { cluster } = this.#host.scenario;
    const storage = new ObservedStorage(new DiskStorage(running.files, { ...this.#diskOptions(), clock }), {
      opened: (recovered) => this.#opened(recovered),
      saving: (save) => this.#saving(save),
      saved: (save) => this.#saved(save),
      saveFailed: (reason) =>
        this.#host.emit({ kind: "save-failed", at: this.#now, member: this.#id, reason }),
      snapshotBegun: ({ metadata }) => this.#snapshotBegun(running, metadata),
      snapshotKept: ({ metadata: snapshot }) =>
        this.#host.emit({ kind: "snapshot-taken", at: this.#now, member: this.#id, snapshot }),
      identified: (identity) => {
        this.#identity = identity;
      },
    });
    const founders = Object.fromEntries(this.#mates.founders.map((name) => [name, name]));
    const settle: Settle<Member<Tagged<Command>, Placed<Result>, Query, Answer>> = (error, member) => {
      if (this.#running !== running) return;
      if (error === null) this.#begun(running, member!, clock);
      else this.#failed(error);
    };
    try {
      Member.open(
        {
          name: this.name,
          peers: this.#ticket === null ? founders : {},
          ...(this.#ticket === null ? {} : { join: this.#ticket }),
          machine: running.machine,
          codec: taggedCodec(this.#system.codec),
          storage,
          transport: running.transport,
          clock,
          random: this.#host.chance.random("member", this.number, this.#starts),
          limits: {
            tickMs: cluster.tickMs,
            electionTicks: cluster.electionTicks,
            snapshotEntries: cluster.snapshotEntries,
            trailingEntries: cluster.trailingEntries,
            callTimeoutMs: CALL_TIMEOUT_MS,
          },
        },
        settle,
      );
    } catch (error) {
      this.#failed(error);
    }
  }

  #diskOptions(): object {
    return {
      segmentBytes: 16_384,
      batchBytesMax: 4_096,
      chunkBytesMax: 1_024,
      reserveBytes: 8_192,
      mintStoreId: () => {
        const chance = this.#host.chance.stream("store", this.number, this.#stores++);
        return Array.from({ length: 4 }, () => chance.word().toString(16).padStart(8, "0")).join("");
      },
    };
  }

  #begun(
    running: Running<Command, Result, Query, Answer>,
    member: Member<Tagged<Command>, Placed<Result>, Query, Answer>,
    clock: Clock,
  ): void {
    running.member = member;
    this.#membership = member.core.membership;
    this.#term = member.core.term;
    this.#applied = member.core.log.applied;
    this.#committed = this.#applied;
    if (this.#applied > 0) {
      const snapshot = { index: this.#applied, term: member.core.log.termAt(this.#applied) ?? 0 };
      this.#host.emit({ kind: "restored", at: this.#now, member: this.#id, snapshot });
      running.machine.look(this.#applied);
    }
    member.on("error", (error) => this.#failed(error));
    this.#system.attend?.(running.machine.machine, {
      id: member.id,
      clock,
      get isLeader() {
        return member.isLeader;
      },
      propose: (command, settle) =>
        member.propose({ operation: 0, command }, {}, (error, placed) =>
          error === null ? settle(null, placed!.result) : settle(error),
        ),
      note: (note) => this.#host.emit({ kind: "noted", at: this.#now, member: this.#id, note }),
      onRole: (listener) => void member.on("role", listener),
    });
    this.#mates.review();
    this.#look();
  }

  #opened({ hardState, snapshot, entries }: Recovered): void {
    const recovered: RecoveredState = { hardState, snapshot: snapshot?.metadata ?? null, entries };
    this.#host.emit({ kind: "started", at: this.#now, member: this.#id, start: this.#starts, recovered });
  }

  #saving(save: Save): void {
    this.#lookAtRole();
    if (save.snapshot !== null) this.#pendingRestore = save.snapshot;
    this.#host.emit({ kind: "saving", at: this.#now, member: this.#id, save, cause: null });
  }

  #saved(save: Save): void {
    this.#host.emit({ kind: "saved", at: this.#now, member: this.#id, save });
    if (this.#shadowChance.happens(SHADOW_SHARE)) this.#readShadow();
  }

  /** The state is looked at when a snapshot of it begins, to be compared with the state of whoever is sent it. */
  #snapshotBegun(
    { machine, member }: Running<Command, Result, Query, Answer>,
    { index }: SnapshotMetadata,
  ): void {
    if (member !== null && index === member.core.log.applied) machine.look(index);
  }

  /** Reads what a power cut would leave now, as the next start would. */
  #readShadow(): void {
    const cut = this.#shadowChance.pick(POWER_CUTS);
    const random = this.#host.chance.random("shadow cut", this.number, this.#shadowChance.word());
    const copy = this.#disk.disk.afterPowerCut(cut, random);
    const clock = { monotonic: () => 0, wall: () => 0, after: () => ({ cancel: () => {} }), soon: () => {} };
    const storage = new DiskStorage(new MemoryFiles(copy, { clock }), { ...this.#diskOptions(), clock });
    const found = this.#tryOpen(storage);
    this.#host.emit({ kind: "shadow", at: this.#now, member: this.#id, cut, recovered: found });
  }

  #tryOpen(storage: DiskStorage): RecoveredState | { readonly refused: string } {
    try {
      const { hardState, snapshot, entries } = storage.open(this.#identity!);
      return { hardState, snapshot: snapshot?.metadata ?? null, entries };
    } catch (error) {
      return { refused: String(error) };
    }
  }

  #send(to: string, bytes: Uint8Array): void {
    const mate = this.#mates.byName(to);
    const message = messageOf(bytes);
    const id = this.#host.nextFrame();
    if (message !== null) {
      this.#lookAtRole();
      this.#host.emit({ kind: "sent", at: this.#now, member: this.#id, message, id });
    }
    if (mate !== undefined) this.#host.send(this.number, mate.number, { id, bytes, message });
  }

  #look(): void {
    const core = this.#core;
    if (core === null) return;
    this.#lookAtRole();
    const { log, membership } = core;
    // A snapshot names its members before it is in force.
    const isChanged = membership !== this.#membership && this.#pendingRestore === null;
    // What was applied was committed before the change; what was committed beyond that may owe it to the change.
    this.#lookAtCommit(core, isChanged ? Math.min(log.applied, log.committed) : log.committed);
    if (log.applied > this.#applied) this.#lookAtApplied(core);
    if (!isChanged) return;
    this.#membership = membership;
    this.#host.emit({ kind: "membership", at: this.#now, member: this.#id, membership });
    this.#lookAtCommit(core, log.committed);
  }

  #lookAtRole(): void {
    const core = this.#core;
    if (core === null) return;
    const { role, term, leader } = core;
    if (role === this.#role && term === this.#term && leader === this.#leader) return;
    this.#role = role;
    this.#term = term;
    this.#leader = leader;
    this.#host.emit({ kind: "role", at: this.#now, member: this.#id, role, term, leader });
  }

  #lookAtCommit({ term, role, log }: Raft, to: Index): void {
    if (to <= this.#committed) return;
    this.#committed = to;
    const [membership, through] = [this.#membership, log.committed];
    this.#host.emit({
      kind: "committed",
      at: this.#now,
      member: this.#id,
      to,
      through,
      term,
      role,
      membership,
    });
  }

  #lookAtApplied({ log }: Raft): void {
    const snapshot = this.#pendingRestore;
    if (snapshot !== null && log.applied >= snapshot.index) {
      this.#pendingRestore = null;
      this.#applied = snapshot.index;
      this.#host.emit({ kind: "restored", at: this.#now, member: this.#id, snapshot });
      if (log.applied === snapshot.index) this.#running!.machine.look(snapshot.index);
    }
    while (this.#applied < log.applied) {
      this.#applied += 1;
      const entry = this.#host.committedEntry(this.#applied) ?? log.entryAt(this.#applied);
      this.#host.emit({ kind: "applied", at: this.#now, member: this.#id, entry });
    }
  }

  #propose(
    member: Member<Tagged<Command>, Placed<Result>, Query, Answer>,
    call: Call,
    command: Command,
  ): void {
    member.propose({ operation: call.operation, command }, {}, (error, placed) => {
      if (error !== null) this.#return(call, endingOf(error));
      else this.#return(call, { is: "answered", output: placed!.result, index: placed!.index });
    });
  }

  #ask(
    member: Member<Tagged<Command>, Placed<Result>, Query, Answer>,
    call: Call,
    query: Query,
    consistency: "linearizable" | "stale",
  ): void {
    member.barrier({ consistency }, (error) => {
      if (error !== null) this.#return(call, endingOf(error));
      else this.#return(call, { is: "answered", output: member.ask(query), index: member.core.log.applied });
    });
  }

  #return(call: Call, ending: Ending): void {
    if (this.#calls.delete(call.operation)) this.#host.returned(call, this.#id, ending);
  }

  #with(deed: (member: Member<Tagged<Command>, Placed<Result>, Query, Answer>) => unknown): void {
    const running = this.#running;
    running?.gate.run(() => {
      if (running.member === null) return;
      try {
        deed(running.member);
      } catch (error) {
        if (!QuorateError.is(error)) throw error; // What makes no sense at the moment is refused, and does nothing.
      }
    });
  }

  #added(name: string, error: unknown, ticket: string | undefined): void {
    if (error === null && ticket !== undefined) this.#mates.byName(name)?.enrol(ticket);
  }

  #failed(error: unknown): void {
    // It may stop in the middle of a turn. What it has committed by then is committed.
    if (this.#core !== null) this.#lookAtCommit(this.#core, this.#core.log.committed);
    const code = QuorateError.is(error) ? error.code : "crash";
    const reason = error instanceof Error ? `${code}: ${error.message}` : String(error);
    if (code === "ERR_MEMBERSHIP" || code === "ERR_IDENTITY_MISMATCH" || code === "ERR_CORRUPT")
      this.#isLost = true;
    this.#end("failed", reason);
    this.#host.schedule.after(SUPERVISOR_MS * 1000, () => this.start());
  }

  #end(how: StopKind, reason?: string): void {
    const running = this.#running;
    if (running === null) return;
    this.#running = null;
    running.gate.end();
    running.files.halt();
    const told = reason === undefined ? {} : { reason };
    this.#host.emit({ kind: "stopped", at: this.#now, member: this.#id, how, ...told });
    for (const call of [...this.#calls.values()])
      this.#return(call, { is: "unknown", reason: "the member stopped" });
  }
}

function messageOf(bytes: Uint8Array): Message | null {
  try {
    const frame = decodePeerFrame(bytes);
    return frame.kind === "message" || frame.kind === "snapshot-begin" ? frame.message : null;
  } catch (error) {
    if (error instanceof MalformedBytes) return null;
    throw error;
  }
}

function endingOf(error: unknown): Ending {
  if (!QuorateError.is(error)) throw error;
  return { is: error.outcome === "none" ? "refused" : "unknown", reason: error.code };
}
