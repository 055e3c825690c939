import type { MemberId } from "../../../log/entry.ts";
import { type Check, Violation } from "../../check.ts";
import type { Micros } from "../../simulation/chance/schedule.ts";
import type { Picture } from "../../simulation/seen/picture.ts";
import type { SimEvent } from "../../simulation/seen/sim-event.ts";

/** Half of the shortest election timeout that is simulated. */
const LATELY: Micros = 20_000;

/** Whoever loses the leader's connection stands at once: while faults happen nobody can tell whether it has. */
const UNSETTLED: Micros = 30_000;

interface Follower {
  leader: MemberId | undefined;
  heardAt: Micros;
  isAsked: boolean;
}

/** Elections without cause are what leaders are lost by. */
export class ContentFollowers implements Check {
  readonly name = "V2";
  readonly says =
    "Once all is calm a member that has just heard from its leader does not stand for election, unless it is asked to.";
  readonly kinds = ["calm", "started", "stopped", "action", "received", "role"] as const;
  #disturbedAt: Micros = Number.POSITIVE_INFINITY;
  readonly #followers = new Map<MemberId, Follower>();

  observe(event: SimEvent, picture: Picture): void {
    if (event.kind === "calm") this.#disturbedAt = event.at;
    else if (event.kind === "stopped" || event.kind === "started")
      this.#disturbedAt = Math.max(this.#disturbedAt, event.at);
    if (event.kind === "action") {
      if (event.action.kind === "campaign" && event.member !== undefined)
        this.#of(event.member).isAsked = true;
    } else if (event.kind === "started") this.#followers.delete(event.member);
    else if (event.kind === "received") {
      const { kind, from, term } = event.message;
      const follower = this.#of(event.member);
      if (kind === "timeout-now") follower.isAsked = true;
      // What the leader said in an earlier term, and comes late, is no word of it now.
      const isWord = (kind === "append" || kind === "heartbeat") && term >= picture.member(event.member).term;
      if (from === follower.leader && isWord) follower.heardAt = event.at;
    } else if (event.kind === "role") this.#changed(event, picture);
  }

  #changed({ member, role, leader, at }: Extract<SimEvent, { kind: "role" }>, picture: Picture): void {
    const follower = this.#of(member);
    const stands = (role === "pre-candidate" || role === "candidate") && at - this.#disturbedAt > UNSETTLED;
    if (stands && follower.leader !== undefined && !follower.isAsked && at - follower.heardAt < LATELY) {
      const [here, there] = [picture.nameOf(member), picture.nameOf(follower.leader)];
      throw new Violation(
        this,
        `${here} stands ${(at - follower.heardAt) / 1000} ms after it has heard from ${there}.`,
      );
    }
    if (role !== "follower") follower.isAsked = false;
    if (leader !== follower.leader) follower.heardAt = at;
    follower.leader = leader;
  }

  #of(member: MemberId): Follower {
    const known = this.#followers.get(member);
    if (known !== undefined) return known;
    const follower = { leader: undefined, heardAt: 0, isAsked: false };
    this.#followers.set(member, follower);
    return follower;
  }
}
