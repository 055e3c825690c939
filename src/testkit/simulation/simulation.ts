import type { Entry, Index, MemberId } from "../../log/entry.ts";
import { isMember, type Membership } from "../../raft/membership.ts";
import { quorumSize } from "../../raft/quorum.ts";
import { type Check, Violation, Watchmen } from "../check.ts";
import { valueWords } from "../report/words.ts";
import {
  type Action,
  type ExpectAction,
  LEADER,
  type MemberNumber,
  type OldBackupAction,
  type Scenario,
} from "../scenario.ts";
import { equalStructure, structureKey } from "../structure.ts";
import { fromText } from "../written.ts";
import { Chance } from "./chance.ts";
import type { Ending, SimEvent } from "./event.ts";
import type { SimHost } from "./host.ts";
import type { Call, SimMember } from "./member.ts";
import { SimNetwork } from "./network.ts";
import { Picture } from "./picture.ts";
import { Probes } from "./probes.ts";
import { Promised } from "./promised.ts";
import { type Appointment, type Micros, Schedule } from "./schedule.ts";
import { SentFrames } from "./sent-frames.ts";
import type { SimClient } from "./system.ts";
import { TraceHash } from "./trace-hash.ts";

/** Makes the members of a run. */
export type Crew<Frame> = (host: SimHost<Frame>) => readonly SimMember<Frame>[];

export interface RunOptions {
  readonly checks: readonly Check[];
  /** Clients that only do what the scenario says, where this is missing. */
  readonly makeClient?: (() => SimClient) | undefined;
  /** Told of every event, in order. */
  readonly onEvent?: ((event: SimEvent) => void) | undefined;
  /** The run ends after so many steps, whatever the time. */
  readonly stepsMax?: number | undefined;
  /** Given what ends an action that says that it lasts for ever. */
  readonly onLasting?: ((end: () => void) => void) | undefined;
}

/** How a run went. */
export interface RunResult {
  /** What was broken, or null. */
  readonly failure: Failure | null;
  readonly steps: number;
  readonly virtualMs: number;
  /** Equal for runs in which the same things happened. */
  readonly traceHash: number;
  readonly probes: Probes;
  readonly endings: Readonly<Record<Ending["is"], number>>;
}

export interface Failure {
  /** The name of the check, or `crash` when something threw that should not have. */
  readonly invariant: string;
  readonly message: string;
  readonly at: Micros;
}

/** Runs a scenario from its beginning to its end, or to the first promise that is broken. */
export class Simulation<Frame> implements SimHost<Frame> {
  readonly schedule = new Schedule();
  readonly chance: Chance;
  readonly scenario: Scenario;
  readonly isRecording: boolean;
  readonly #network: SimNetwork<Frame>;
  readonly #members: readonly SimMember<Frame>[];
  readonly #watchmen: Watchmen;
  readonly #options: RunOptions;
  readonly #hash = new TraceHash();
  readonly #probes = new Probes();
  readonly #numbers = new Map<MemberId, MemberNumber>();
  readonly #endings = { answered: 0, refused: 0, unknown: 0 };
  readonly #waiting = new Map<number, Call>();
  readonly #clients = new Map<number, SimClient>();
  readonly #soon: (() => void)[] = [];
  readonly #toCome: Appointment[] = [];
  readonly #sent: SentFrames<Frame>;
  #broken: unknown = null;
  #stormEnd: Micros;
  #frames = 0;
  #operations = 0;
  #steps = 0;

  constructor(scenario: Scenario, crew: Crew<Frame>, options: RunOptions) {
    this.scenario = scenario;
    this.#options = options;
    this.#stormEnd = scenario.stormMs * 1000;
    this.isRecording = options.onEvent !== undefined;
    this.chance = new Chance(scenario.seed);
    this.#watchmen = new Watchmen(new Picture(), options.checks);
    this.#network = new SimNetwork(this.schedule, this.chance, scenario.network, {
      arrived: (from, to, frame) => this.#members[to]!.receive(from, frame),
      lost: (from, to, frame) => this.lost(from, to, frame),
    });
    const hasStranger = scenario.actions.some(({ kind }) => kind === "stranger");
    this.#sent = new SentFrames(hasStranger || options.onLasting !== undefined ? SENT_MAX : 0);
    this.#members = crew(this);
    for (const { id, number } of this.#members) this.#numbers.set(id, number);
  }

  run(): RunResult {
    const { actions, stormMs } = this.scenario;
    const isLater = ({ kind, at }: Action): boolean => kind === "expect" && at > stormMs;
    return this.resultOf(
      this.attempt(() => {
        this.begin();
        for (const action of actions) {
          if (isLater(action)) continue;
          this.schedule.at(Math.round(action.at * 1000), () => this.carryOut(action));
        }
        this.runUntil(this.#stormEnd);
        if (this.#isCutShort) return;
        this.calm();
        for (const action of actions) if (isLater(action)) this.carryOut(action);
        this.end();
      }),
    );
  }

  get members(): readonly SimMember<Frame>[] {
    return this.#members;
  }

  get picture(): Picture {
    return this.#watchmen.picture;
  }

  get steps(): number {
    return this.#steps;
  }

  /** Does a part of the run, and gives what it broke. */
  attempt(part: () => void): Failure | null {
    try {
      part();
      return null;
    } catch (error) {
      return failureOf(this.#broken ?? error, this.schedule.now);
    }
  }

  begin(): void {
    for (const member of this.#members) member.start();
    this.drain();
    this.#endIfBroken();
  }

  runUntil(end: Micros): void {
    while (this.schedule.next <= end && !this.#isCutShort) this.step();
  }

  /** Lets the next thing happen. */
  step(): void {
    if (!this.schedule.step()) return;
    this.#steps += 1;
    if (this.#soon.length > 0) this.drain();
    this.#endIfBroken();
  }

  /** Has the storm end at this time, as if the scenario had always said so. */
  endStorm(end: Micros): void {
    this.#stormEnd = end;
    for (const appointment of this.#toCome) if (appointment.at >= end) appointment.cancel();
  }

  end(): void {
    this.emit({ kind: "ended", at: this.schedule.now });
  }

  resultOf(failure: Failure | null): RunResult {
    return {
      failure,
      steps: this.#steps,
      virtualMs: this.schedule.now / 1000,
      traceHash: this.#hash.value,
      probes: this.#probes,
      endings: this.#endings,
    };
  }

  emit(event: SimEvent): void {
    // What comes of the end of the run is no part of it.
    if (this.#broken !== null) return;
    this.#hash.add(event);
    this.#probes.observe(event, this.#watchmen.picture);
    this.#options.onEvent?.(event);
    // Whoever brought the event about may catch what is thrown here; the run ends all the same.
    try {
      this.#watchmen.observe(event);
    } catch (error) {
      this.#broken ??= error;
      throw error;
    }
  }

  send(from: MemberNumber, to: MemberNumber, frame: Frame): void {
    this.#sent.add(from, to, frame);
    this.#network.send(from, to, frame);
  }

  lost(from: MemberNumber, to: MemberNumber, frame: Frame): void {
    this.#members[from]!.lost(to, frame);
  }

  returned({ operation, client, input }: Call, member: MemberId, ending: Ending): void {
    if (!this.#waiting.delete(operation)) return;
    this.#endings[ending.is] += 1;
    this.emit({ kind: "returned", at: this.schedule.now, operation, client, member, ending });
    const again = this.#clients.get(client)?.ended(input, ending);
    if (again !== undefined) this.#callElsewhere(client, this.#numbers.get(member)!, again);
  }

  nextFrame(): number {
    return ++this.#frames;
  }

  numberOf(id: MemberId): MemberNumber | undefined {
    return this.#numbers.get(id);
  }

  register(id: MemberId, number: MemberNumber, name: string): void {
    this.#numbers.set(id, number);
    this.emit({ kind: "registered", at: this.schedule.now, id, name });
  }

  isCut(from: MemberNumber, to: MemberNumber): boolean {
    return this.#network.isCut(from, to);
  }

  committedEntry(index: Index): Entry | undefined {
    return this.#watchmen.picture.canon.entryAt(index);
  }

  soon(run: () => void): void {
    this.#soon.push(run);
  }

  drain(): void {
    for (let count = 0; this.#soon.length > 0; count++) {
      if (count > SOON_MAX)
        throw new Error("a member is never done: it asks for one more turn again and again");
      const [run] = this.#soon.splice(0, 1);
      run!();
    }
  }

  snapshotEnded(from: MemberId, to: MemberId, succeeded: boolean): void {
    const member = this.#members[this.#numbers.get(from) ?? -1] as SnapshotSender | undefined;
    member?.snapshotEnded?.(to, succeeded);
  }

  #endIfBroken(): void {
    if (this.#broken !== null) throw this.#broken;
  }

  get #isCutShort(): boolean {
    const { stepsMax } = this.#options;
    return stepsMax !== undefined && this.#steps >= stepsMax;
  }

  /** Mends everything; then the cluster has to come to rest in time, with every call answered. */
  calm(): void {
    const { calmMs, network, cluster } = this.scenario;
    this.emit({ kind: "calm", at: this.schedule.now });
    this.#network.mendAll();
    // Frames that take longer than an election leave no time for one.
    const delayMsMax = Math.min(network.delayMsMax, (cluster.tickMs * cluster.electionTicks) / 10);
    this.#network.setPlan({ ...network, delayMsMax, loss: 0, duplication: 0 });
    for (const member of this.#members) member.mend();
    this.drain();
    const end = this.#stormEnd + calmMs * 1000;
    let unrest: string | null = "nothing has happened yet";
    for (let look = this.#stormEnd; unrest !== null; look += CALM_STEP) {
      if (look > end) throw new Violation(LIVENESS, `${calmMs} ms after everything was mended ${unrest}.`);
      this.runUntil(look);
      unrest = this.#unrest();
    }
  }

  /** Why the cluster is not at rest, or null. */
  #unrest(): string | null {
    const leader = this.leader;
    if (leader === undefined) return this.#isMajorityLost() ? null : "nobody leads";
    const { membership } = leader;
    if (membership.outgoing.length > 0) return "the configuration is still joint";
    const { canon } = this.#watchmen.picture;
    for (const member of this.#members) {
      if (!isMember(membership, member.id) || member.isLost || member.isDamaged) continue;
      if (this.#isLeftBehind(member, membership)) continue;
      const unrest = member.unrest();
      if (unrest !== null) return unrest;
      const { applied } = this.#watchmen.picture.member(member.id);
      if (applied !== canon.lastIndex) return `${member.name} has applied ${applied} of ${canon.lastIndex}`;
    }
    const [waiting] = this.#waiting.values();
    // Cores alone do not ask again, so what was lost on the way is never answered.
    if (waiting === undefined || this.scenario.mode === "core") return null;
    return `call ${waiting.operation} of client ${waiting.client} is not answered`;
  }

  /** Whether all that this member knew were removed while it was away, and have gone: it has to be added again. */
  #isLeftBehind(member: SimMember<Frame>, membership: Membership): boolean {
    const others = this.#members.filter((other) => other !== member && isMember(membership, other.id));
    const isLeftBehind = others.length > 0 && !others.some(({ id, name }) => member.knows(id, name));
    if (isLeftBehind) this.#probes.hit("left behind");
    return isLeftBehind;
  }

  /** Whether nobody can lead ever again: others were removed while the disks of the rest were lost. */
  #isMajorityLost(): boolean {
    const { voters, outgoing } = this.#watchmen.picture.membership;
    const rest = this.#members.filter(({ isLost, isDamaged }) => !isLost && !isDamaged);
    const running = new Set(rest.map(({ id }) => id));
    const isLost = [voters, outgoing].some((half) => half.length > 0 && lacksQuorum(half, running));
    if (isLost) this.#probes.hit("majority of the disks lost");
    return isLost;
  }

  /** The leader of the newest term that runs. */
  get leader(): SimMember<Frame> | undefined {
    const { picture } = this.#watchmen;
    const leaders = this.#members.filter(({ isLeader }) => isLeader);
    return leaders.sort((left, right) => picture.member(right.id).term - picture.member(left.id).term)[0];
  }

  #find(number: MemberNumber): SimMember<Frame> | undefined {
    return number === LEADER ? this.leader : this.#members[number];
  }

  /** An action that makes no sense at its moment does nothing. */
  carryOut(action: Action): void {
    if (action.kind === "operation") {
      this.#ask(action);
      return;
    }
    if (action.kind === "partition") {
      this.#tell(action, null);
      this.#partition(action.groups, action.forMs);
      return;
    }
    if (action.kind === "cut") {
      const [from, to] = [this.#find(action.from), this.#find(action.to)];
      if (from === undefined || to === undefined || from === to) return;
      this.#tell(action, from);
      this.#cutFor([[from.number, to.number]], action.forMs);
      return;
    }
    const member = this.#find(action.member);
    if (member === undefined) return;
    this.#tell(action, member);
    this.#carryOutAt(member, action);
  }

  #carryOutAt(
    member: SimMember<Frame>,
    action: Exclude<Action, { kind: "operation" | "partition" | "cut" }>,
  ): void {
    switch (action.kind) {
      case "crash":
        if (!member.isUp) return;
        member.stop(action.how);
        if (action.how === "kill") this.#disconnect(member);
        this.#later(action.downMs, () => member.start());
        return;
      case "pause":
        if (!member.isUp || member.isPaused) return;
        member.pause();
        this.emit({ kind: "paused", at: this.schedule.now, member: member.id, forMs: action.forMs });
        this.#later(action.forMs, () => this.#resume(member));
        return;
      case "disconnect":
        this.#disconnect(member);
        return;
      case "campaign":
        member.campaign();
        return;
      case "snapshot":
        member.snapshot();
        return;
      case "transfer":
        member.transfer(action.to);
        return;
      case "change":
        for (const { kind, member: other } of action.changes)
          if (kind !== "remove") this.#enlist(this.#members[other]);
        member.change(action.changes.filter(({ member: other }) => this.#members[other] !== undefined));
        return;
      case "slow-disk":
        member.slowDisk(action.ms);
        this.#later(action.forMs, () => member.slowDisk(0));
        return;
      case "full-disk":
        member.fillDisk(true);
        this.#later(action.forMs, () => member.fillDisk(false));
        return;
      case "disk-error":
        member.failDisk(action.operation, action.after);
        this.#later(action.downMs, () => member.start());
        return;
      case "rot":
        if (!this.#canDoWithout(member)) return;
        member.rot(action.place);
        this.#later(action.downMs, () => member.start());
        return;
      case "clock-jump":
        member.jumpClock(action.ms);
        return;
      case "wipe":
        if (!this.#canDoWithout(member) || !this.#isWidelyKnown(member)) return;
        member.stop("kill");
        member.wipe();
        this.#later(action.downMs, () => member.start());
        return;
      case "old-backup":
        this.#backUp(member, action);
        return;
      case "clone":
        this.#clone(member, action);
        return;
      case "stranger":
        this.#impersonate(member, action.forMs);
        return;
      case "expect":
        this.#expect(member, action);
        return;
    }
  }

  #expect(member: SimMember<Frame>, { operation, answer }: ExpectAction): void {
    const seen = member.look(operation);
    const expected = fromText(answer);
    if (seen === null || equalStructure(seen.answer, expected)) return;
    const [is, should] = [structureKey(seen.answer), structureKey(expected)];
    throw new Violation(EXPECTED, `To ${valueWords(operation)} ${member.name} answers ${is}, not ${should}.`);
  }

  /**
   * Whether nothing is lost for good when this member's disk is: a majority of other disks is whole, and no store but
   * the one that is lost would be believed under this name.
   */
  #canDoWithout(member: SimMember<Frame>): boolean {
    const leader = this.leader;
    if (leader === undefined || !member.isEnlisted || member === leader || !leader.hasAgreedOn(member.id))
      return false;
    const whole = new Set(
      this.#members.filter((other) => other !== member && other.isWhole).map(({ id }) => id),
    );
    const { voters, outgoing } = leader.membership;
    return [voters, outgoing].every((half) => half.length === 0 || !lacksQuorum(half, whole));
  }

  /**
   * Whether a majority of the others knows which store is this member's. Who has never heard of the group believes the first
   * that comes, and with that one might found the cluster anew.
   */
  #isWidelyKnown(member: SimMember<Frame>): boolean {
    const knowing = this.#members.filter((other) => other !== member && other.hasAgreedOn(member.id));
    const { voters, outgoing } = this.#watchmen.picture.membership;
    const ids = new Set(knowing.map(({ id }) => id));
    return [voters, outgoing].every((half) => half.length === 0 || !lacksQuorum(half, ids));
  }

  #backUp(member: SimMember<Frame>, { ageMs, downMs, regardless }: OldBackupAction): void {
    const copy = member.copyDirectory();
    const { picture } = this.#watchmen;
    const promised = Promised.of(picture.member(member.id));
    if (copy === null) return;
    this.#later(ageMs, () => {
      if (!member.isWhole) return;
      if (regardless !== true && !(this.#canDoWithout(member) && this.#isHeldByOthers(member, promised)))
        return;
      member.putBack(copy);
      this.#later(downMs, () => member.start());
    });
  }

  /** Whether the others hold whatever the member has promised since: it may forget that. */
  #isHeldByOthers({ id }: SimMember<Frame>, promised: Promised): boolean {
    const { picture } = this.#watchmen;
    const others = this.#members.filter((other) => other.id !== id && other.isWhole);
    return promised.isHeldBy(new Set(others.map((other) => other.id)), picture.member(id), picture);
  }

  #clone(member: SimMember<Frame>, { of, forMs }: Extract<Action, { kind: "clone" }>): void {
    const other = this.#find(of);
    const copy = other?.copyDirectory() ?? null;
    if (other === member || copy === null) return;
    member.moveInto(copy);
    this.#later(forMs, () => member.moveBack());
  }

  /** Sends frames under a member's name that it has not sent now. */
  #impersonate(member: SimMember<Frame>, forMs: number): void {
    const chance = this.chance.stream("stranger", member.number, this.#steps);
    const end = this.schedule.now + forMs * 1000;
    const next = (): void => {
      const sent = this.#sent.of(member.number, chance);
      const frame = sent === null || chance.happens(0.3) ? sent?.frame : member.forge(sent.frame, chance);
      if (sent !== null && frame !== undefined && frame !== null) {
        this.#probes.hit(frame === sent.frame ? "old frame sent again" : "frame forged");
        this.#network.send(member.number, sent.to, frame);
      }
      if (this.schedule.now < end) this.#later(chance.between(1, STRANGER_MS), next);
    };
    next();
  }

  /** Starts a spare for the first time. */
  #enlist(spare: SimMember<Frame> | undefined): void {
    if (spare === undefined || spare.isEnlisted) return;
    spare.enlist();
    spare.start();
  }

  #ask({ client, member, operation }: Extract<Action, { kind: "operation" }>): void {
    const { makeClient } = this.#options;
    if (makeClient !== undefined && !this.#clients.has(client)) this.#clients.set(client, makeClient());
    this.#call(client, this.#find(member), this.#clients.get(client)?.ask(operation) ?? operation);
  }

  #callElsewhere(client: number, number: MemberNumber, input: unknown): void {
    this.#probes.hit("call made again");
    const other = this.#members[(number + 1) % this.#members.length];
    this.#later(RECALL_MS, () => this.#call(client, other, input));
  }

  #call(client: number, member: SimMember<Frame> | undefined, input: unknown): void {
    if (member === undefined) return;
    const call: Call = { operation: ++this.#operations, client, input };
    this.#waiting.set(call.operation, call);
    this.emit({
      kind: "called",
      at: this.schedule.now,
      operation: call.operation,
      client,
      member: member.id,
      input,
    });
    member.call(call);
  }

  #tell(action: Action, member: SimMember<Frame> | null): void {
    this.emit({ kind: "action", at: this.schedule.now, action, member: member?.id ?? null });
  }

  #resume(member: SimMember<Frame>): void {
    if (!member.isPaused) return;
    this.emit({ kind: "resumed", at: this.schedule.now, member: member.id });
    member.resume();
  }

  #disconnect(member: SimMember<Frame>): void {
    for (const other of this.#members) {
      if (other === member) continue;
      if (!this.#network.isCut(member.number, other.number)) other.disconnected(member.number);
      if (!this.#network.isCut(other.number, member.number)) member.disconnected(other.number);
    }
  }

  #partition(groups: readonly (readonly MemberNumber[])[], forMs: number): void {
    const links: [MemberNumber, MemberNumber][] = [];
    const leader = this.leader?.number;
    // Whoever leads is in the group that names the leader, and in no other.
    const isNamed = leader !== undefined && groups.some((group) => group.includes(LEADER));
    const isIn = (group: readonly MemberNumber[], number: MemberNumber) =>
      group.includes(isNamed && number === leader ? LEADER : number);
    for (const { number: from } of this.#members) {
      for (const { number: to } of this.#members) {
        const hear = groups.some((group) => isIn(group, from) && isIn(group, to));
        if (from !== to && !hear) links.push([from, to]);
      }
    }
    this.#cutFor(links, forMs);
  }

  #cutFor(links: readonly (readonly [MemberNumber, MemberNumber])[], forMs: number): void {
    for (const [from, to] of links) this.#network.cut(from, to);
    this.#later(forMs, () => {
      for (const [from, to] of links) this.#network.mend(from, to);
    });
  }

  /** Nothing that ends a fault happens after the storm: by then everything is mended. */
  #later(ms: number, run: () => void): void {
    const time = this.schedule.now + Math.round(ms * 1000);
    if (time < this.#stormEnd) this.#toCome.push(this.schedule.at(time, run));
    else if (time === Number.POSITIVE_INFINITY) this.#options.onLasting?.(run);
  }
}

function lacksQuorum(half: readonly MemberId[], running: ReadonlySet<MemberId>): boolean {
  return half.filter((id) => running.has(id)).length < quorumSize(half.length);
}

const SOON_MAX = 100_000;
/** How many frames of a member are kept, to be sent again. */
const SENT_MAX = 200;
/** A stranger sends so often at least. */
const STRANGER_MS = 30;
/** A client that was not answered calls again after this. */
const RECALL_MS = 100;
const CALM_STEP: Micros = 50_000;
const EXPECTED = { name: "expected", says: "Each member answers as the scenario expects." };
const LIVENESS = { name: "V1", says: "Once everything is mended the cluster comes to be of one mind." };

interface SnapshotSender {
  readonly snapshotEnded?: (to: MemberId, succeeded: boolean) => void;
}

function failureOf(error: unknown, at: Micros): Failure {
  if (error instanceof Violation) return { invariant: error.invariant, message: error.message, at };
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { invariant: "crash", message, at };
}
