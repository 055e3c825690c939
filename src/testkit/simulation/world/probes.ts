import type { Picture } from "../seen/picture.ts";
import type { SimEvent } from "../seen/sim-event.ts";

const ALWAYS = [
  ...["append rejected", "leader changed", "leader stopped", "leader stopped with entries of its own"],
  ...["log replaced from some entry on", "member restarted", "member stopped by a fault"],
  ...["membership changed", "snapshot installed", "snapshot taken", "vote refused"],
];

/** What a few hundred seeds with standard faults should meet, all of it. */
export const SITUATIONS = {
  core: [...ALWAYS, "joint configuration", "read by lease", "read by round"],
  full: [...ALWAYS, "call made again", "call with an unknown outcome", "removed member stopped"],
} as const;

/**
 * Situations that a run should meet now and then. A thousand runs in which nothing breaks say little if no leader ever
 * fell in them: so each run counts what it met.
 */
export class Probes {
  readonly counts = new Map<string, number>();
  #newestTerm = 0;

  hit(name: string, times = 1): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + times);
  }

  add(other: Probes): void {
    for (const [name, times] of other.counts) this.hit(name, times);
  }

  observe(event: SimEvent, picture: Picture): void {
    switch (event.kind) {
      case "role":
        if (event.role !== "leader" || event.term <= this.#newestTerm) return;
        if (this.#newestTerm > 0) this.hit("leader changed");
        this.#newestTerm = event.term;
        return;
      case "stopped":
        this.#stopped(event.member, picture);
        if (event.how === "failed") this.#failed(event.reason ?? "");
        return;
      case "started":
        if (event.start > 1) this.hit("member restarted");
        return;
      case "saving":
        this.#saving(event, picture);
        return;
      case "sent":
        if (event.message.kind === "append-rejected") this.hit("append rejected");
        else if (event.message.kind === "vote-reply" && !event.message.granted) this.hit("vote refused");
        return;
      case "restored":
        // What a process finds at its start it did not have to be sent.
        if (event.snapshot.index > Math.max(1, picture.member(event.member).applied))
          this.hit("snapshot installed");
        return;
      case "repaired":
        this.hit("damage repaired by the others");
        return;
      case "wiped":
        this.hit("member wiped");
        return;
      case "directory-replaced":
        if (event.by !== "its own") this.hit(`directory replaced by ${event.by}`);
        return;
      case "snapshot-taken":
        this.hit("snapshot taken");
        return;
      case "membership":
        this.hit(event.membership.outgoing.length > 0 ? "joint configuration" : "membership changed");
        return;
      case "read-ended":
        this.hit(event.isByLease ? "read by lease" : "read by round");
        return;
      case "action":
        this.hit(`fault: ${event.action.kind}`);
        return;
      case "returned":
        if (event.ending.is === "unknown") this.hit("call with an unknown outcome");
        return;
      default:
        return;
    }
  }

  #failed(reason: string): void {
    this.hit("member stopped by a fault");
    if (reason.startsWith("ERR_CORRUPT")) this.hit("damage refused at a start");
    if (reason.startsWith("ERR_IDENTITY_MISMATCH")) this.hit("wrong directory turned away");
    if (reason.startsWith("ERR_MEMBERSHIP")) this.hit("removed member stopped");
  }

  #stopped(id: number, picture: Picture): void {
    const member = picture.member(id);
    if (member.role !== "leader") return;
    this.hit("leader stopped");
    if (member.log.lastIndex > picture.canon.lastIndex) this.hit("leader stopped with entries of its own");
  }

  #saving({ member, save }: Extract<SimEvent, { kind: "saving" }>, picture: Picture): void {
    const first = save.entries[0];
    const { log } = picture.member(member);
    if (first !== undefined && first.index <= log.lastIndex) this.hit("log replaced from some entry on");
  }
}
