import { Violation } from "../../check.ts";
import { valueWords } from "../../report/words.ts";
import {
  type Action,
  type ExpectAction,
  LEADER,
  type MemberNumber,
  type OldBackupAction,
} from "../../scenario.ts";
import { equalStructure, structureKey } from "../../structure.ts";
import { fromText } from "../../written.ts";
import type { Micros } from "../chance/schedule.ts";
import type { Storm } from "../chance/storm.ts";
import type { Picture } from "../seen/picture.ts";
import type { Probes } from "../world/probes.ts";
import { Promised } from "../world/promised.ts";
import type { Realm } from "../world/realm.ts";
import type { SentFrames } from "../world/sent-frames.ts";
import type { SimCluster } from "../world/sim-cluster.ts";
import type { SimHost } from "../world/sim-host.ts";
import type { SimMember } from "../world/sim-member.ts";
import type { SimNetwork } from "../world/sim-network.ts";

/** What a scenario does beside the calls of clients. */
type Intervention = Exclude<Action, { kind: "operation" }>;

/** Does to the cluster what a scenario says: faults, and what operators do. Jepsen's word. */
export class Nemesis<Frame> {
  readonly #host: SimHost<Frame>;
  readonly #cluster: SimCluster<Frame>;
  readonly #network: SimNetwork<Frame>;
  readonly #sent: SentFrames<Frame>;
  readonly #storm: Storm;
  readonly #picture: Picture;
  readonly #probes: Probes;

  constructor({ host, cluster, network, sent, storm, picture, probes }: Realm<Frame>) {
    this.#host = host;
    this.#cluster = cluster;
    this.#network = network;
    this.#sent = sent;
    this.#storm = storm;
    this.#picture = picture;
    this.#probes = probes;
  }

  carryOut(action: Intervention): void {
    if (action.kind === "partition") {
      this.#tell(action, null);
      this.#partition(action.groups, action.forMs);
      return;
    }
    if (action.kind === "cut") {
      const [from, to] = [this.#cluster.find(action.from), this.#cluster.find(action.to)];
      if (from === undefined || to === undefined || from === to) return;
      this.#tell(action, from);
      this.#cutFor([[from.number, to.number]], action.forMs);
      return;
    }
    const member = this.#cluster.find(action.member);
    if (member === undefined) return;
    this.#tell(action, member);
    this.#carryOutAt(member, action);
  }

  #carryOutAt(member: SimMember<Frame>, action: Exclude<Intervention, { kind: "partition" | "cut" }>): void {
    switch (action.kind) {
      case "crash":
        if (!member.isUp) return;
        member.stop(action.how);
        if (action.how === "kill") this.#disconnect(member);
        this.#storm.later(action.downMs, () => member.start());
        return;
      case "pause":
        if (!member.isUp || member.isPaused) return;
        member.pause();
        this.#host.emit({ kind: "paused", at: this.#now, member: member.id, forMs: action.forMs });
        this.#storm.later(action.forMs, () => this.#resume(member));
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
          if (kind !== "remove") this.#enlist(this.#cluster.members[other]);
        member.change(
          action.changes.filter(({ member: other }) => this.#cluster.members[other] !== undefined),
        );
        return;
      case "slow-disk":
        member.slowDisk(action.ms);
        this.#storm.later(action.forMs, () => member.slowDisk(0));
        return;
      case "full-disk":
        member.fillDisk(true);
        this.#storm.later(action.forMs, () => member.fillDisk(false));
        return;
      case "disk-error":
        member.failDisk(action.operation, action.after);
        this.#storm.later(action.downMs, () => member.start());
        return;
      case "rot":
        if (!this.#cluster.canDoWithout(member)) return;
        member.rot(action.place);
        this.#storm.later(action.downMs, () => member.start());
        return;
      case "clock-jump":
        member.jumpClock(action.ms);
        return;
      case "wipe":
        if (!this.#cluster.canDoWithout(member) || !this.#cluster.isWidelyKnown(member)) return;
        member.stop("kill");
        member.wipe();
        this.#storm.later(action.downMs, () => member.start());
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

  #backUp(member: SimMember<Frame>, { ageMs, downMs, regardless }: OldBackupAction): void {
    const copy = member.copyDirectory();
    const promised = Promised.of(this.#picture.member(member.id));
    if (copy === null) return;
    const isHarmless = (): boolean =>
      this.#cluster.canDoWithout(member) && this.#cluster.isHeldByOthers(member, promised);
    this.#storm.later(ageMs, () => {
      if (!member.isWhole || (regardless !== true && !isHarmless())) return;
      member.putBack(copy);
      this.#storm.later(downMs, () => member.start());
    });
  }

  #clone(member: SimMember<Frame>, { of, forMs }: Extract<Action, { kind: "clone" }>): void {
    const other = this.#cluster.find(of);
    const copy = other?.copyDirectory() ?? null;
    if (other === member || copy === null) return;
    member.moveInto(copy);
    this.#storm.later(forMs, () => member.moveBack());
  }

  /** Sends frames under a member's name that it has not sent now. */
  #impersonate(member: SimMember<Frame>, forMs: number): void {
    const chance = this.#host.chance.stream("stranger", member.number, this.#host.schedule.steps);
    const end = this.#now + forMs * 1000;
    const next = (): void => {
      const sent = this.#sent.of(member.number, chance);
      const frame = sent === null || chance.happens(0.3) ? sent?.frame : member.forge(sent.frame, chance);
      if (sent !== null && frame !== undefined && frame !== null) {
        this.#probes.hit(frame === sent.frame ? "old frame sent again" : "frame forged");
        this.#network.send(member.number, sent.to, frame);
      }
      if (this.#now < end) this.#storm.later(chance.between(1, STRANGER_MS), next);
    };
    next();
  }

  /** Starts a spare for the first time. */
  #enlist(spare: SimMember<Frame> | undefined): void {
    if (spare === undefined || spare.isEnlisted) return;
    spare.enlist();
    spare.start();
  }

  get #now(): Micros {
    return this.#host.schedule.now;
  }

  #tell(action: Intervention, member: SimMember<Frame> | null): void {
    this.#host.emit({ kind: "action", at: this.#now, action, member: member?.id });
  }

  #resume(member: SimMember<Frame>): void {
    if (!member.isPaused) return;
    this.#host.emit({ kind: "resumed", at: this.#now, member: member.id });
    member.resume();
  }

  #disconnect(member: SimMember<Frame>): void {
    for (const other of this.#cluster.members) {
      if (other === member) continue;
      if (!this.#network.isCut(member.number, other.number)) other.disconnected(member.number);
      if (!this.#network.isCut(other.number, member.number)) member.disconnected(other.number);
    }
  }

  #partition(groups: readonly (readonly MemberNumber[])[], forMs: number): void {
    const links: [MemberNumber, MemberNumber][] = [];
    const leader = this.#cluster.leader?.number;
    // Whoever leads is in the group that names the leader, and in no other.
    const isNamed = leader !== undefined && groups.some((group) => group.includes(LEADER));
    const isIn = (group: readonly MemberNumber[], number: MemberNumber) =>
      group.includes(isNamed && number === leader ? LEADER : number);
    for (const { number: from } of this.#cluster.members) {
      for (const { number: to } of this.#cluster.members) {
        const hear = groups.some((group) => isIn(group, from) && isIn(group, to));
        if (from !== to && !hear) links.push([from, to]);
      }
    }
    this.#cutFor(links, forMs);
  }

  #cutFor(links: readonly (readonly [MemberNumber, MemberNumber])[], forMs: number): void {
    for (const [from, to] of links) this.#network.cut(from, to);
    this.#storm.later(forMs, () => {
      for (const [from, to] of links) this.#network.mend(from, to);
    });
  }
}

/** A stranger sends so often at least. */
const STRANGER_MS = 30;
const EXPECTED = { name: "expected", says: "Each member answers as the scenario expects." };
