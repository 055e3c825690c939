import type { MemberId } from "../../log/entry.ts";
import { type Check, Violation } from "../check.ts";
import type { SimEvent } from "../simulation/event.ts";
import type { Micros } from "../simulation/schedule.ts";

/** Half of the shortest election timeout that is simulated. */
const LATELY: Micros = 20_000;

interface Follower {
  leader: MemberId | null;
  heardAt: Micros;
  isAsked: boolean;
}

/** Elections without cause are what leaders are lost by. */
export class ContentFollowers implements Check {
  readonly name = "V2";
  readonly says = "A member that has just heard from its leader does not stand for election, unless it is asked to.";
  readonly kinds = ["started", "action", "received", "role"] as const;
  readonly #followers = new Map<MemberId, Follower>();

  observe(event: SimEvent): void {
    if (event.kind === "action") {
      if (event.action.kind === "campaign" && event.member !== null) this.#of(event.member).isAsked = true;
    } else if (event.kind === "started") this.#followers.delete(event.member);
    else if (event.kind === "received") {
      const { kind, from } = event.message;
      const follower = this.#of(event.member);
      if (kind === "timeout-now") follower.isAsked = true;
      if (from === follower.leader && (kind === "append" || kind === "heartbeat")) follower.heardAt = event.at;
    } else if (event.kind === "role") this.#changed(event);
  }

  #changed({ member, role, leader, at }: Extract<SimEvent, { kind: "role" }>): void {
    const follower = this.#of(member);
    const stands = role === "pre-candidate" || role === "candidate";
    if (stands && follower.leader !== null && !follower.isAsked && at - follower.heardAt < LATELY) {
      throw new Violation(this, `Member ${member} stands ${(at - follower.heardAt) / 1000} ms after member ${follower.leader} led it.`);
    }
    if (stands) follower.isAsked = false;
    if (leader !== follower.leader) follower.heardAt = at;
    follower.leader = leader;
  }

  #of(member: MemberId): Follower {
    const known = this.#followers.get(member);
    if (known !== undefined) return known;
    const follower = { leader: null, heardAt: 0, isAsked: false };
    this.#followers.set(member, follower);
    return follower;
  }
}
