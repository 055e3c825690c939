import type { Entry, Index, MemberId } from "../../log/entry.ts";
import { isMember, isVoter } from "../../raft/membership.ts";
import { quorumSize } from "../../raft/quorum.ts";
import { type Check, Violation, Watchmen } from "../check.ts";
import { type Action, LEADER, type MemberNumber, type Scenario } from "../scenario.ts";
import { Chance } from "./chance.ts";
import type { Ending, SimEvent } from "./event.ts";
import type { SimHost } from "./host.ts";
import type { Call, SimMember } from "./member.ts";
import { SimNetwork } from "./network.ts";
import { Picture } from "./picture.ts";
import { Probes } from "./probes.ts";
import { type Micros, Schedule } from "./schedule.ts";
import { TraceHash } from "./trace-hash.ts";

/** Makes the members of a run. */
export type Crew<Frame> = (host: SimHost<Frame>) => readonly SimMember<Frame>[];

export interface RunOptions {
  readonly checks: readonly Check[];
  /** Told of every event, in order. */
  readonly onEvent?: ((event: SimEvent) => void) | undefined;
  /** The run ends after so many steps, whatever the time. */
  readonly stepsMax?: number;
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
  readonly #soon: (() => void)[] = [];
  #broken: unknown = null;
  #frames = 0;
  #operations = 0;
  #steps = 0;

  constructor(scenario: Scenario, crew: Crew<Frame>, options: RunOptions) {
    this.scenario = scenario;
    this.#options = options;
    this.isRecording = options.onEvent !== undefined;
    this.chance = new Chance(scenario.seed);
    this.#watchmen = new Watchmen(new Picture(), options.checks);
    this.#network = new SimNetwork(this.schedule, this.chance, scenario.network, {
      arrived: (from, to, frame) => this.#members[to]!.receive(from, frame),
      lost: (from, to, frame) => this.lost(from, to, frame),
    });
    this.#members = crew(this);
    for (const { id, number } of this.#members) this.#numbers.set(id, number);
  }

  run(): RunResult {
    const failure = this.#runToFailure();
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
    this.#network.send(from, to, frame);
  }

  lost(from: MemberNumber, to: MemberNumber, frame: Frame): void {
    this.#members[from]!.lost(to, frame);
  }

  returned({ operation, client }: Call, member: MemberId, ending: Ending): void {
    if (!this.#waiting.delete(operation)) return;
    this.#endings[ending.is] += 1;
    this.emit({ kind: "returned", at: this.schedule.now, operation, client, member, ending });
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

  #runToFailure(): Failure | null {
    try {
      for (const member of this.#members) member.start();
      this.drain();
      this.#endIfBroken();
      for (const action of this.scenario.actions) {
        this.schedule.at(Math.round(action.at * 1000), () => this.#carryOut(action));
      }
      this.#runUntil(this.scenario.stormMs * 1000);
      this.#calm();
      this.emit({ kind: "ended", at: this.schedule.now });
      return null;
    } catch (error) {
      return failureOf(this.#broken ?? error, this.schedule.now);
    }
  }

  #endIfBroken(): void {
    if (this.#broken !== null) throw this.#broken;
  }

  #runUntil(end: Micros): void {
    const stepsMax = this.#options.stepsMax ?? Number.POSITIVE_INFINITY;
    while (this.schedule.next <= end && this.#steps < stepsMax) {
      if (!this.schedule.step()) continue;
      this.#steps += 1;
      if (this.#soon.length > 0) this.drain();
      this.#endIfBroken();
    }
  }

  /** Mends everything; then the cluster has to come to rest in time, with every call answered. */
  #calm(): void {
    const { stormMs, calmMs, network, cluster } = this.scenario;
    this.emit({ kind: "calm", at: this.schedule.now });
    this.#network.mendAll();
    // Frames that take longer than an election leave no time for one.
    const delayMsMax = Math.min(network.delayMsMax, (cluster.tickMs * cluster.electionTicks) / 10);
    this.#network.setPlan({ ...network, delayMsMax, loss: 0, duplication: 0 });
    for (const member of this.#members) member.mend();
    this.drain();
    const end = (stormMs + calmMs) * 1000;
    let unrest: string | null = "nothing has happened yet";
    for (let look = stormMs * 1000; unrest !== null; look += CALM_STEP) {
      if (look > end) throw new Violation(LIVENESS, `${calmMs} ms after everything was mended ${unrest}.`);
      this.#runUntil(look);
      unrest = this.#unrest();
    }
  }

  /** Why the cluster is not at rest, or null. */
  #unrest(): string | null {
    const leader = this.#leader();
    if (leader === undefined) return this.#isStuckBehindRemoved() ? null : "nobody leads";
    const { membership } = leader;
    if (membership.outgoing.length > 0) return "the configuration is still joint";
    const { canon } = this.#watchmen.picture;
    for (const member of this.#members) {
      if (!isMember(membership, member.id) || member.isLost || member.isDamaged) continue;
      if (!member.knows(leader.id)) {
        // It has not applied the leader's admission, and refuses what would tell it of that. Nobody has mended it yet.
        this.#probes.hit("cut off from an unknown leader");
        continue;
      }
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

  /**
   * Whether those who run need the votes of members that were removed and have stopped: they did not learn in time that
   * these are needed no more. Nobody has mended that yet, here or in etcd.
   */
  #isStuckBehindRemoved(): boolean {
    const running = new Set(this.#members.filter(({ isUp }) => isUp).map(({ id }) => id));
    const isStuck = this.#members.some(({ isUp, id, membership }) => {
      const halves = [membership.voters, membership.outgoing];
      return (
        isUp &&
        isVoter(membership, id) &&
        halves.some((half) => half.length > 0 && lacksQuorum(half, running))
      );
    });
    if (isStuck) this.#probes.hit("stuck behind a removed member");
    return isStuck;
  }

  /** The leader of the newest term that runs. */
  #leader(): SimMember<Frame> | undefined {
    const { picture } = this.#watchmen;
    const leaders = this.#members.filter(({ isLeader }) => isLeader);
    return leaders.sort((left, right) => picture.member(right.id).term - picture.member(left.id).term)[0];
  }

  #find(number: MemberNumber): SimMember<Frame> | undefined {
    return number === LEADER ? this.#leader() : this.#members[number];
  }

  /** An action that makes no sense at its moment does nothing. */
  #carryOut(action: Action): void {
    if (action.kind === "operation") {
      this.#call(action);
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
        if (!this.#canDoWithout(member)) return;
        member.stop("kill");
        member.wipe();
        this.#later(action.downMs, () => member.start());
        return;
      case "stranger":
        return;
    }
  }

  /**
   * Whether nothing is lost for good when this member's disk is: a majority of other disks is whole, and no store but
   * the one that is lost would be believed under this name.
   */
  #canDoWithout(member: SimMember<Frame>): boolean {
    const leader = this.#leader();
    if (leader === undefined || !member.isEnlisted || member === leader || !leader.hasAgreedOn(member.id))
      return false;
    const whole = new Set(
      this.#members.filter((other) => other !== member && !other.isDamaged).map(({ id }) => id),
    );
    const { voters, outgoing } = leader.membership;
    return [voters, outgoing].every((half) => half.length === 0 || !lacksQuorum(half, whole));
  }

  /** Starts a spare for the first time. */
  #enlist(spare: SimMember<Frame> | undefined): void {
    if (spare === undefined || spare.isEnlisted) return;
    spare.enlist();
    spare.start();
  }

  #call({ client, member: number, operation: input }: Extract<Action, { kind: "operation" }>): void {
    const member = this.#find(number);
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
    const leader = this.#leader()?.number;
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
    if (time < this.scenario.stormMs * 1000) this.schedule.at(time, run);
  }
}

function lacksQuorum(half: readonly MemberId[], running: ReadonlySet<MemberId>): boolean {
  return half.filter((id) => running.has(id)).length < quorumSize(half.length);
}

const SOON_MAX = 100_000;
const CALM_STEP: Micros = 50_000;
const LIVENESS = { name: "V1", says: "Once everything is mended the cluster comes to be of one mind." };

interface SnapshotSender {
  readonly snapshotEnded?: (to: MemberId, succeeded: boolean) => void;
}

function failureOf(error: unknown, at: Micros): Failure {
  if (error instanceof Violation) return { invariant: error.invariant, message: error.message, at };
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { invariant: "crash", message, at };
}
