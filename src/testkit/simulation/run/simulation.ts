import type { Entry, Index, MemberId, Term } from "../../../log/entry.ts";
import { type Check, Violation, Watchmen } from "../../check.ts";
import type { Action, MemberNumber, Scenario } from "../../scenario.ts";
import { RandomStreams } from "../chance/random-streams.ts";
import { type Micros, Schedule } from "../chance/schedule.ts";
import { Storm } from "../chance/storm.ts";
import { Picture } from "../seen/picture.ts";
import type { Ending, SimEvent } from "../seen/sim-event.ts";
import { TraceHash } from "../seen/trace-hash.ts";
import { Probes } from "../world/probes.ts";
import { SentFrames } from "../world/sent-frames.ts";
import { SimCluster } from "../world/sim-cluster.ts";
import type { SimHost } from "../world/sim-host.ts";
import type { Call, SimMember } from "../world/sim-member.ts";
import { SimNetwork } from "../world/sim-network.ts";
import { Clients } from "./clients.ts";
import { Nemesis } from "./nemesis.ts";
import type { SimClient } from "./sim-system.ts";

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
  readonly failure: Failure | undefined;
  readonly steps: number;
  readonly virtualMs: number;
  /** Equal for runs in which the same things happened. */
  readonly traceHash: number;
  readonly probes: Probes;
  readonly endings: Readonly<Record<Ending["is"], number>>;
}

/** A check that failed in a simulated run, and when. */
export interface Failure {
  /** The name of the check, or `crash` when something threw that should not have. */
  readonly invariant: string;
  readonly message: string;
  readonly at: Micros;
}

/** Runs a scenario from its beginning to its end, or to the first promise that is broken. */
export class Simulation<Frame> implements SimHost<Frame> {
  readonly schedule = new Schedule();
  readonly chance: RandomStreams;
  readonly scenario: Scenario;
  readonly isRecording: boolean;
  readonly #network: SimNetwork<Frame>;
  readonly #cluster: SimCluster<Frame>;
  readonly #clients: Clients<Frame>;
  readonly #nemesis: Nemesis<Frame>;
  readonly #storm: Storm;
  readonly #watchmen: Watchmen;
  readonly #options: RunOptions;
  readonly #hash = new TraceHash();
  readonly #probes = new Probes();
  readonly #numbers = new Map<MemberId, MemberNumber>();
  readonly #soon: (() => void)[] = [];
  readonly #sent: SentFrames<Frame>;
  #broken: unknown = null;
  #frames = 0;

  constructor(scenario: Scenario, crew: Crew<Frame>, options: RunOptions) {
    this.scenario = scenario;
    this.#options = options;
    this.#storm = new Storm(this.schedule, scenario.stormMs * 1000, options.onLasting);
    this.isRecording = options.onEvent !== undefined;
    this.chance = new RandomStreams(scenario.seed);
    this.#watchmen = new Watchmen(new Picture(), options.checks);
    this.#network = new SimNetwork(this.schedule, this.chance, scenario.network, {
      arrived: (from, to, frame) => this.members[to]!.receive(from, frame),
      lost: (from, to, frame) => this.lost(from, to, frame),
    });
    const hasStranger = scenario.actions.some(({ kind }) => kind === "stranger");
    this.#sent = new SentFrames(hasStranger || options.onLasting !== undefined ? SENT_MAX : 0);
    this.#cluster = new SimCluster(crew(this), this.picture, this.#probes);
    for (const { id, number } of this.members) this.#numbers.set(id, number);
    const realm = {
      host: this,
      cluster: this.#cluster,
      network: this.#network,
      sent: this.#sent,
      storm: this.#storm,
      picture: this.picture,
      probes: this.#probes,
    };
    this.#clients = new Clients(realm, options.makeClient);
    this.#nemesis = new Nemesis(realm);
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
        this.runUntil(this.#storm.end);
        if (this.#isCutShort) return;
        this.calm();
        for (const action of actions) if (isLater(action)) this.carryOut(action);
        this.end();
      }),
    );
  }

  get members(): readonly SimMember<Frame>[] {
    return this.#cluster.members;
  }

  get leader(): SimMember<Frame> | undefined {
    return this.#cluster.leader;
  }

  get picture(): Picture {
    return this.#watchmen.picture;
  }

  get steps(): number {
    return this.schedule.steps;
  }

  /** Does a part of the run, and gives what it broke. */
  attempt(part: () => void): Failure | undefined {
    try {
      part();
      this.#endIfBroken();
      return undefined;
    } catch (error) {
      return failureOf(this.#broken ?? error, this.schedule.now);
    }
  }

  begin(): void {
    for (const member of this.members) member.start();
    this.drain();
    this.#endIfBroken();
  }

  runUntil(end: Micros): void {
    while (this.schedule.next <= end && !this.#isCutShort) this.step();
  }

  /** Lets the next thing happen. */
  step(): void {
    if (!this.schedule.step()) return;
    if (this.#soon.length > 0) this.drain();
    this.#endIfBroken();
  }

  /** Has the storm end at this time, as if the scenario had always said so. */
  endStorm(end: Micros): void {
    this.#storm.endAt(end);
  }

  end(): void {
    this.emit({ kind: "ended", at: this.schedule.now });
  }

  resultOf(failure: Failure | undefined): RunResult {
    return {
      failure,
      steps: this.steps,
      virtualMs: this.schedule.now / 1000,
      traceHash: this.#hash.value,
      probes: this.#probes,
      endings: this.#clients.endings,
    };
  }

  emit(event: SimEvent): void {
    // What comes of the end of the run is no part of it.
    if (this.#broken !== null) return;
    this.#hash.add(event);
    this.#probes.observe(event, this.#watchmen.picture);
    this.#options.onEvent?.(event);
    // The run ends with this step. Thrown from here it would pass through the code under test, which may catch it.
    try {
      this.#watchmen.observe(event);
      if (event.kind === "role" && event.role === "leader") this.#checkLeases(event.member, event.term);
    } catch (error) {
      this.#broken ??= error;
    }
  }

  /** R15 wherever somebody is elected: not every lease is read by at the moment at which it should not be there. */
  #checkLeases(elected: MemberId, term: Term): void {
    const { picture } = this.#watchmen;
    const other = this.members.find(
      ({ id, hasLease }) => id !== elected && hasLease && picture.member(id).term < term,
    );
    if (other === undefined) return;
    const told = `${picture.nameOf(elected)} leads in term ${term}, but ${other.name} could still read by its lease.`;
    throw new Violation(EXCLUSIVE_LEASE, told);
  }

  send(from: MemberNumber, to: MemberNumber, frame: Frame): void {
    this.#sent.add(from, to, frame);
    this.#network.send(from, to, frame);
  }

  lost(from: MemberNumber, to: MemberNumber, frame: Frame): void {
    this.members[from]!.lost(to, frame);
  }

  returned(call: Call, member: MemberId, ending: Ending): void {
    this.#clients.returned(call, member, ending);
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
    const member = this.members[this.#numbers.get(from) ?? -1] as SnapshotSender | undefined;
    member?.snapshotEnded?.(to, succeeded);
  }

  #endIfBroken(): void {
    if (this.#broken !== null) throw this.#broken;
  }

  get #isCutShort(): boolean {
    const { stepsMax } = this.#options;
    return stepsMax !== undefined && this.steps >= stepsMax;
  }

  /** Mends everything; then the cluster has to come to rest in time, with every call answered. */
  calm(): void {
    const { calmMs, network, cluster } = this.scenario;
    this.emit({ kind: "calm", at: this.schedule.now });
    this.#network.mendAll();
    // Frames that take longer than an election leave no time for one.
    const delayMsMax = Math.min(network.delayMsMax, (cluster.tickMs * cluster.electionTicks) / 10);
    this.#network.setPlan({ ...network, delayMsMax, loss: 0, duplication: 0 });
    for (const member of this.members) member.mend();
    this.drain();
    const end = this.#storm.end + calmMs * 1000;
    let unrest: string | null = "nothing has happened yet";
    for (let look = this.#storm.end; unrest !== null; look += CALM_STEP) {
      if (look > end) throw new Violation(LIVENESS, `${calmMs} ms after everything was mended ${unrest}.`);
      this.runUntil(look);
      unrest = this.#unrest();
    }
  }

  /** Why the cluster is not at rest, or null. */
  #unrest(): string | null {
    // Where nobody can lead ever again no call is answered either.
    if (this.leader === undefined && this.#cluster.isMajorityLost()) return null;
    return this.#cluster.unrest() ?? this.#clients.unrest();
  }

  /** An action that makes no sense at its moment does nothing. */
  carryOut(action: Action): void {
    if (action.kind === "operation") this.#clients.ask(action);
    else this.#nemesis.carryOut(action);
  }
}

const SOON_MAX = 100_000;
/** How many frames of a member are kept, to be sent again. */
const SENT_MAX = 200;
const CALM_STEP: Micros = 50_000;
const EXCLUSIVE_LEASE = {
  name: "R15",
  says: "While a leader answers reads by its lease nobody else leads.",
};
const LIVENESS = { name: "V1", says: "Once everything is mended the cluster comes to be of one mind." };

interface SnapshotSender {
  readonly snapshotEnded?: (to: MemberId, succeeded: boolean) => void;
}

function failureOf(error: unknown, at: Micros): Failure {
  if (error instanceof Violation) return { invariant: error.invariant, message: error.message, at };
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { invariant: "crash", message, at };
}
