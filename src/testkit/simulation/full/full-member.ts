import type { MemberId, Term } from "../../../log/entry.ts";
import { EMPTY_MEMBERSHIP, type Membership } from "../../../raft/membership.ts";
import type { Raft } from "../../../raft/raft.ts";
import { CommandRandom } from "../../../replica/command-random.ts";
import { firstClusterId, firstMemberId } from "../../../replica/members/identity.ts";
import { decodeTicket } from "../../../replica/members/ticket.ts";
import { MemoryDisk, POWER_CUTS } from "../../../storage/files/memory-disk.ts";
import type { Identity } from "../../../storage/storage.ts";
import type { ChangeAction, CrashAction, MemberNumber } from "../../scenario.ts";
import type { RandomStream } from "../chance/random-streams.ts";
import type { SimSystem } from "../run/sim-system.ts";
import type { StopKind } from "../seen/sim-event.ts";
import type { Crewmates } from "../world/crewmates.ts";
import { brokenBytes, foreignBytes } from "../world/forgery.ts";
import { MemberClocks } from "../world/member-clocks.ts";
import { SimDisk } from "../world/sim-disk.ts";
import type { SimHost } from "../world/sim-host.ts";
import type { Call, DirectoryCopy, SimMember } from "../world/sim-member.ts";
import type { FullFrame } from "./full-frame.ts";
import { FullProcess, type ProcessHome } from "./full-process.ts";
import { readShadow, refusalOfSecond } from "./shadow.ts";
import type { SimTransport } from "./sim-transport.ts";

/** Share of the finished saves after which the disk is read back as after a power cut. */
const SHADOW_SHARE = 0.01;
/** Whoever looks after the processes starts one again that has ended by itself. */
const SUPERVISOR_MS = 500;
/** By how much the wall clocks of neighbours differ when a run begins. */
const WALL_APART_MS = 600_000;

/** A whole member: replica, storage on a simulated disk, encoded frames, and the state machine under test. */
export class FullMember<Command, Result, Query, Answer> implements SimMember<FullFrame> {
  readonly number: MemberNumber;
  readonly name: string;
  readonly #host: SimHost<FullFrame>;
  readonly #system: SimSystem<Command, Result, Query, Answer>;
  readonly #mates: Crewmates;
  readonly #disk = new SimDisk();
  readonly #clocks: MemberClocks;
  readonly #machineChance: CommandRandom;
  readonly #diskChance: RandomStream;
  readonly #shadowChance: RandomStream;
  #id: MemberId;
  #identity: Identity | null = null;
  #ticket: string | null = null;
  #isEnlisted: boolean;
  #isLost = false;
  #isDamaged = false;
  #lostTerm: Term | undefined = undefined;
  #isRepaired = false;
  /** Whether its directory is one of former times. */
  #isOlder = false;
  /** Its own directory, while it stands on another's. */
  #aside: MemoryDisk | null = null;
  #starts = 0;
  #stores = 0;
  #process: FullProcess<Command, Result, Query, Answer> | null = null;

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
    this.#clocks = new MemberClocks(
      host,
      host.scenario.cluster.driftPermille[number] ?? 0,
      ((number % 3) - 1) * WALL_APART_MS,
    );
    this.#machineChance = new CommandRandom(firstClusterId("", mates.founders));
    this.#diskChance = host.chance.stream("disk", number);
    this.#shadowChance = host.chance.stream("shadow", number);
  }

  get id(): MemberId {
    return this.#id;
  }

  get isUp(): boolean {
    return this.#process !== null;
  }

  get isPaused(): boolean {
    return this.#process?.isPaused === true;
  }

  get isEnlisted(): boolean {
    return this.#isEnlisted;
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  get isDamaged(): boolean {
    return this.#isDamaged && !(this.#isRepaired && this.#core?.isRepairing === false);
  }

  get isWhole(): boolean {
    // On another one's directory it stands only for a while.
    return !this.isDamaged && !this.#isOlder && !(this.#isLost && this.#aside === null);
  }

  get hasLease(): boolean {
    return this.#process?.hasLease === true;
  }

  get isLeader(): boolean {
    return this.#core?.role === "leader";
  }

  get membership(): Membership {
    return this.#core?.membership ?? EMPTY_MEMBERSHIP;
  }

  get transport(): SimTransport | null {
    return this.#process?.transport ?? null;
  }

  knows(id: MemberId, name: string): boolean {
    return this.transport?.knows(id, name) === true;
  }

  /** Whether the group has agreed on this member's store, as this one knows. */
  hasAgreedOn(id: MemberId): boolean {
    const record = this.#process?.members.find((member) => member.id === id);
    return record !== undefined && record.store !== undefined;
  }

  start(): void {
    if (this.#process !== null || !this.#isEnlisted || this.#isLost) return;
    this.#starts += 1;
    this.#process = new FullProcess(this.#host, this.#system, this.#home());
    this.#process.open();
  }

  stop(how: CrashAction["how"]): void {
    if (this.#process === null) return;
    this.#end(how);
    if (how !== "kill")
      this.#disk.cutPower(how, this.#host.chance.random("power", this.number, this.#starts));
  }

  pause(): void {
    this.#process?.pause();
  }

  resume(): void {
    this.#process?.resume();
  }

  receive(from: MemberNumber, frame: FullFrame): void {
    if (this.#process === null) this.#host.lost(from, this.number, frame);
    else if (frame.isForged === true) this.#receiveForged(from, frame);
    else this.#process.receive(`n${from + 1}`, frame);
  }

  lost(_to: MemberNumber, { id, message }: FullFrame): void {
    if (message !== null) this.#host.emit({ kind: "lost", ...this.#here, message, id });
  }

  disconnected(from: MemberNumber): void {
    this.#process?.disconnected(`n${from + 1}`);
  }

  connected(name: string): void {
    this.#process?.connected(name);
  }

  call(call: Call): void {
    if (this.#process !== null) this.#process.call(call);
    else this.#host.returned(call, this.#id, { is: "refused", reason: "the member does not run" });
  }

  look(operation: unknown): { readonly answer: unknown } | null {
    return this.#process?.look(operation) ?? null;
  }

  campaign(): void {
    this.#process?.ask((member) => member.core.campaign());
  }

  snapshot(): void {
    this.#process?.ask((member) => member.snapshot());
  }

  transfer(to: MemberNumber): void {
    this.#process?.ask((member) => member.cluster.transfer(`n${to + 1}`, {}, () => {}));
  }

  /** Asks for each change by itself, as an operator would. */
  change(changes: ChangeAction["changes"]): void {
    for (const { kind, member: number } of changes) {
      const name = `n${number + 1}`;
      this.#process?.ask(({ cluster: group }) => {
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
    if (this.#aside !== null) return;
    this.stop("kill");
    if (!this.#disk.rot(place)) return;
    this.#isDamaged = true;
    this.#isRepaired = false;
  }

  jumpClock(ms: number): void {
    this.#clocks.jump(ms);
  }

  /** The directory is gone. What starts there next is not the member that the others know. */
  wipe(): void {
    if (this.#aside !== null) return;
    if (this.#process !== null) this.stop("kill");
    this.#disk.wipe();
    this.#isDamaged = true;
    this.#isRepaired = false;
    this.#lostTerm = undefined;
    this.#host.emit({ kind: "wiped", ...this.#here });
  }

  copyDirectory(): DirectoryCopy | null {
    if (this.#isLost || this.#aside !== null) return null;
    return this.#disk.isTaken ? this.#disk.copy() : null;
  }

  putBack(copy: DirectoryCopy): void {
    if (this.#aside !== null) return;
    this.stop("kill");
    this.#disk.disk = new MemoryDisk(copy);
    this.#isOlder = true;
    this.#host.emit({ kind: "directory-replaced", ...this.#here, by: "older copy" });
  }

  moveInto(copy: DirectoryCopy): void {
    if (!this.#isEnlisted || this.#isLost || this.#aside !== null) return;
    this.stop("kill");
    this.#aside = this.#disk.disk;
    this.#disk.disk = new MemoryDisk(copy);
    this.#host.emit({ kind: "directory-replaced", ...this.#here, by: "copy of another's" });
    this.start();
  }

  moveBack(): void {
    if (this.#aside === null) return;
    this.stop("kill");
    this.#disk.disk = this.#aside;
    this.#aside = null;
    this.#isLost = false;
    this.#host.emit({ kind: "directory-replaced", ...this.#here, by: "its own" });
    this.start();
  }

  forge(frame: FullFrame, chance: RandomStream): FullFrame | null {
    const bytes = chance.happens(0.5) ? foreignBytes(frame.bytes, chance) : brokenBytes(frame.bytes, chance);
    return bytes === null ? null : { id: this.#host.nextFrame(), bytes, message: null, isForged: true };
  }

  enlist(): void {}

  mend(): void {
    this.moveBack();
    this.#disk.mend();
    if (this.isPaused) this.resume();
    this.start();
  }

  unrest(): string | null {
    const core = this.#core;
    if (core === null) return `${this.name} does not run`;
    const { log, role, leader } = core;
    if (role !== "leader" && leader === undefined) return `${this.name} knows no leader`;
    if (log.applied !== log.lastIndex) return `${this.name} has applied ${log.applied} of ${log.lastIndex}`;
    return this.#process?.unrest() ?? null;
  }

  enrol(ticket: string): void {
    const { id, members } = decodeTicket(ticket);
    // Somebody else was added under this name at the same time, and has it.
    if (members.find((member) => member.id === id)?.name !== this.name) return;
    if (this.#isEnlisted && id === this.#id && !this.#isLost) return;
    if (this.#process !== null) this.#end("kill");
    this.#disk.wipe();
    this.#ticket = ticket;
    this.#id = id;
    this.#isEnlisted = true;
    this.#isLost = false;
    this.#isDamaged = false;
    this.#lostTerm = undefined;
    this.#isOlder = false;
    this.#aside = null;
    this.#host.register(id, this.number, this.name);
    this.start();
  }

  get #here() {
    return { at: this.#host.schedule.now, member: this.#id };
  }

  get #core(): Raft | null {
    return this.#process?.core ?? null;
  }

  #home(): ProcessHome {
    return {
      number: this.number,
      name: this.name,
      id: this.#id,
      starts: this.#starts,
      ticket: this.#ticket,
      lostTerm: this.#lostTerm,
      mates: this.#mates,
      disk: this.#disk,
      diskChance: this.#diskChance,
      clocks: this.#clocks,
      machineChance: this.#machineChance,
      mintStoreId: () => this.#mintStoreId(),
      identified: (identity) => {
        this.#identity = identity;
      },
      repaired: (lostTerm) => {
        this.#lostTerm = lostTerm;
        this.#isRepaired = true;
      },
      saved: () => this.#saved(),
      failed: (code, reason) => this.#failed(code, reason),
    };
  }

  #mintStoreId(): string {
    const chance = this.#host.chance.stream("store", this.number, this.#stores++);
    return Array.from({ length: 4 }, () => chance.word().toString(16).padStart(8, "0")).join("");
  }

  #saved(): void {
    if (!this.#shadowChance.happens(SHADOW_SHARE)) return;
    const cut = this.#shadowChance.pick(POWER_CUTS);
    const random = this.#host.chance.random("shadow cut", this.number, this.#shadowChance.word());
    const mintStoreId = () => this.#mintStoreId();
    const shadow = readShadow(this.#disk.disk, this.#identity!, { cut, random, mintStoreId });
    this.#host.emit({ kind: "shadow", ...this.#here, cut, ...shadow });
    const refused = refusalOfSecond(this.#disk.disk, this.#identity!, mintStoreId);
    this.#host.emit({ kind: "second-opening", ...this.#here, refused });
  }

  /** Before the group has agreed on a member's store the first one is believed that speaks in its name. */
  #receiveForged(from: MemberNumber, frame: FullFrame): void {
    const mate = this.#mates.byName(`n${from + 1}`);
    if (mate !== undefined && this.hasAgreedOn(mate.id)) this.#process?.receiveForged(`n${from + 1}`, frame);
  }

  #added(name: string, error: unknown, ticket: string | undefined): void {
    if (error === null && ticket !== undefined) this.#mates.byName(name)?.enrol(ticket);
  }

  #failed(code: string, reason: string): void {
    if (code === "ERR_MEMBERSHIP" || code === "ERR_IDENTITY_MISMATCH" || code === "ERR_CORRUPT")
      this.#isLost = true;
    // It has noticed that it lacks what it once acknowledged.
    if (this.#isOlder && code === "ERR_LOG_LOST") this.#isLost = true;
    this.#end("failed", reason);
    this.#host.schedule.after(SUPERVISOR_MS * 1000, () => this.start());
  }

  #end(how: StopKind, reason?: string): void {
    const ending = this.#process;
    this.#process = null;
    ending?.end(how, reason);
  }
}
