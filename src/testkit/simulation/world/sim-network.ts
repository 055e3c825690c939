import type { NetworkPlan } from "../../scenario.ts";
import type { RandomStream, RandomStreams } from "../chance/random-streams.ts";
import type { Micros, Schedule } from "../chance/schedule.ts";

/** What carries frames of any kind from member to member. Members are numbers here. */
export interface Carrier<Frame> {
  /** The frame has arrived. */
  arrived(from: number, to: number, frame: Frame): void;
  /** The frame will never arrive, or not again. */
  lost(from: number, to: number, frame: Frame): void;
}

interface Link {
  readonly chance: RandomStream;
  /** How many reasons there are for which nothing passes. */
  cuts: number;
  /** When the last frame arrives, for links that keep the order. */
  lastArrival: Micros;
}

/** Links between all members, one for each direction, each with its own chance. */
export class SimNetwork<Frame> {
  readonly #schedule: Schedule;
  readonly #chance: RandomStreams;
  readonly #carrier: Carrier<Frame>;
  readonly #links = new Map<number, Link>();
  #plan: NetworkPlan;

  constructor(schedule: Schedule, chance: RandomStreams, plan: NetworkPlan, carrier: Carrier<Frame>) {
    this.#schedule = schedule;
    this.#chance = chance;
    this.#plan = plan;
    this.#carrier = carrier;
  }

  /** From now on frames meet with these faults. */
  setPlan(plan: NetworkPlan): void {
    this.#plan = plan;
  }

  send(from: number, to: number, frame: Frame): void {
    const link = this.#link(from, to);
    const { loss, duplication } = this.#plan;
    if (link.chance.happens(loss)) {
      this.#carrier.lost(from, to, frame);
      return;
    }
    this.#travel(link, from, to, frame, 1);
    if (link.chance.happens(duplication)) this.#travel(link, from, to, frame, OLD_TIMES);
  }

  /** Lets nothing pass on a link, not even what is under way, until it is mended as often as it was cut. */
  cut(from: number, to: number): void {
    this.#link(from, to).cuts += 1;
  }

  mend(from: number, to: number): void {
    const link = this.#link(from, to);
    link.cuts = Math.max(0, link.cuts - 1);
  }

  mendAll(): void {
    for (const link of this.#links.values()) link.cuts = 0;
  }

  isCut(from: number, to: number): boolean {
    return this.#link(from, to).cuts > 0;
  }

  #travel(link: Link, from: number, to: number, frame: Frame, stretch: number): void {
    const { delayMsMin, delayMsMax, isOrdered } = this.#plan;
    const delayMs = delayMsMin + link.chance.fraction() * (delayMsMax - delayMsMin);
    let arrival =
      this.#schedule.now +
      Math.round(delayMs * 1000 * (stretch === 1 ? 1 : link.chance.fraction() * stretch));
    if (isOrdered && stretch === 1) {
      arrival = Math.max(arrival, link.lastArrival);
      link.lastArrival = arrival;
    }
    this.#schedule.at(arrival, () => {
      if (link.cuts > 0) this.#carrier.lost(from, to, frame);
      else this.#carrier.arrived(from, to, frame);
    });
  }

  #link(from: number, to: number): Link {
    const key = from * LINKS_PER_MEMBER + to;
    let link = this.#links.get(key);
    if (link === undefined) {
      link = { chance: this.#chance.stream("link", from, to), cuts: 0, lastArrival: 0 };
      this.#links.set(key, link);
    }
    return link;
  }
}

/** A frame that comes a second time may have been under way for this many times the longest delay. */
const OLD_TIMES = 100;
const LINKS_PER_MEMBER = 1024;
