import type { AnySystem } from "../run-scenario.ts";
import type { Action, Scenario } from "../scenario.ts";
import type { Micros } from "../simulation/chance/schedule.ts";
import type { FullFrame } from "../simulation/full/full-frame.ts";
import { fullSimulation } from "../simulation/full/full-run.ts";
import type { Failure, RunResult, Simulation } from "../simulation/run/simulation.ts";
import type { Picture } from "../simulation/seen/picture.ts";
import type { Ending, SimEvent } from "../simulation/seen/sim-event.ts";
import type { SimMember } from "../simulation/world/sim-member.ts";
import type { ScriptAction } from "./script.ts";

/** Ends a script in whose run a promise was broken. The stage keeps what that was. */
class Stopped extends Error {
  override readonly name = "Stopped";
}

/**
 * A simulation that is driven from outside, and writes down what is done to it as the actions of a scenario. That
 * scenario, run by itself, is the same run: for that
 *
 * 1. each deed happens at a moment at which nothing else does, so that no order of things at one moment matters;
 * 2. what lasts until somebody ends it gets the time that it lasted as soon as that is known;
 * 3. the storm ends where the deeds end, and what was to happen beyond that does not.
 */
export class Stage {
  readonly #simulation: Simulation<FullFrame>;
  readonly #plan: Scenario;
  readonly #actions: Action[] = [];
  /** What ends an action that still lasts, by its place among the actions. */
  readonly #lasting = new Map<number, () => void>();
  readonly #endings = new Map<number, Ending>();
  #called = 0;
  #end: (() => void) | null = null;
  #now: Micros = 0;
  #stormMs: number | null = null;
  #failure: Failure | undefined = undefined;

  constructor(plan: Scenario, system: AnySystem) {
    this.#plan = plan;
    const endless = { ...plan, stormMs: Number.POSITIVE_INFINITY, actions: [] };
    this.#simulation = fullSimulation(endless, system, {
      onEvent: (event) => this.#observe(event),
      onLasting: (end) => {
        this.#end = end;
      },
    });
  }

  /** Plays it from the beginning until everything is calm. Gives what was broken; errors of the script are thrown. */
  play(script: () => void): RunResult {
    try {
      this.#let(() => this.#simulation.begin());
      script();
      this.settle();
      this.#let(() => this.#simulation.end());
    } catch (error) {
      if (this.#failure === undefined) throw error;
    }
    return this.#simulation.resultOf(this.#failure);
  }

  /** What has happened so far, as plain data. */
  get scenario(): Scenario {
    const stormMs = this.#stormMs ?? this.#nextMs;
    const actions = this.#actions.map((action, place) =>
      this.#lasting.has(place) ? lastingUntil(action, stormMs) : action,
    );
    return { ...this.#plan, stormMs, actions };
  }

  get now(): Micros {
    return this.#now;
  }

  /** When the next thing happens; infinite when nothing is left. */
  get next(): Micros {
    return this.#simulation.schedule.next;
  }

  get steps(): number {
    return this.#simulation.steps;
  }

  get picture(): Picture {
    return this.#simulation.picture;
  }

  get members(): readonly SimMember<FullFrame>[] {
    return this.#simulation.members;
  }

  get leader(): SimMember<FullFrame> | undefined {
    return this.#simulation.leader;
  }

  endingOf(operation: number): Ending | undefined {
    return this.#endings.get(operation);
  }

  pass(until: Micros): void {
    this.#checkStorm();
    this.#let(() => this.#simulation.runUntil(until));
    this.#now = until;
  }

  /** Lets one thing happen. */
  step(): void {
    this.#checkStorm();
    this.#let(() => this.#simulation.step());
    this.#now = this.#simulation.schedule.now;
  }

  /** Does it now. Gives its place among the actions. */
  act(deed: ScriptAction): number {
    this.#checkStorm();
    const at = this.#freeMoment();
    const action = { at: at / 1000, ...deed } as Action;
    const place = this.#actions.push(action) - 1;
    this.#end = null;
    this.#happen(at, () => this.#simulation.carryOut(action));
    if (this.#end !== null) this.#lasting.set(place, this.#end);
    return place;
  }

  /** Has a client call, and gives the number of the call; null when there was nobody to call. */
  call(deed: ScriptAction): number | null {
    const before = this.#called;
    this.act(deed);
    return this.#called === before ? null : this.#called;
  }

  /** Ends an action that still lasts. */
  end(place: number): void {
    const end = this.#lasting.get(place);
    if (end === undefined || this.#stormMs !== null) return;
    const at = this.#freeMoment();
    this.#lasting.delete(place);
    this.#actions[place] = lastingUntil(this.#actions[place]!, at / 1000);
    this.#happen(at, end);
  }

  endAll(): void {
    for (const place of [...this.#lasting.keys()]) this.end(place);
  }

  settle(): void {
    if (this.#stormMs !== null) return;
    const stormMs = this.#nextMs;
    this.#stormMs = stormMs;
    this.#let(() => {
      this.#simulation.endStorm(stormMs * 1000);
      this.#simulation.runUntil(stormMs * 1000);
      this.#simulation.calm();
    });
    this.#now = Math.max(this.#simulation.schedule.now, stormMs * 1000);
  }

  /** Looks whether a member answers as it should. That can be done after the storm, too. */
  expect(deed: Extract<ScriptAction, { readonly kind: "expect" }>): void {
    if (this.#stormMs === null) {
      this.act(deed);
      return;
    }
    const action = { at: this.#stormMs + 1, ...deed };
    this.#actions.push(action);
    this.#let(() => this.#simulation.carryOut(action));
  }

  /** The first whole millisecond after this moment. */
  get #nextMs(): number {
    return Math.floor(this.#now / 1000) + 1;
  }

  #freeMoment(): Micros {
    let moment = this.#now + 1;
    for (; this.next <= moment; moment += 1) {
      const busy = moment;
      this.#let(() => this.#simulation.runUntil(busy));
    }
    return moment;
  }

  #happen(at: Micros, run: () => void): void {
    this.#simulation.schedule.at(at, run);
    this.#let(() => this.#simulation.runUntil(at));
    this.#now = at;
  }

  #let(part: () => void): void {
    this.#failure ??= this.#simulation.attempt(part);
    if (this.#failure === undefined) return;
    this.#now = Math.max(this.#now, this.#simulation.schedule.now);
    throw new Stopped(this.#failure.message);
  }

  #checkStorm(): void {
    if (this.#stormMs === null) return;
    throw new Error("The cluster has come to rest: from now on a script can only look.");
  }

  #observe(event: SimEvent): void {
    if (event.kind === "called") this.#called = event.operation;
    else if (event.kind === "returned") this.#endings.set(event.operation, event.ending);
  }
}

function lastingUntil(action: Action, endMs: number): Action {
  const lasted = Math.round((endMs - action.at) * 1000) / 1000;
  return "downMs" in action ? { ...action, downMs: lasted } : ({ ...action, forMs: lasted } as Action);
}
