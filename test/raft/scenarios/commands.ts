import type { MemberId, Proposal } from "../../../src/log/entry.ts";
import type { MemberChange, MembershipChange } from "../../../src/raft/membership.ts";
import { LEAVE_JOINT } from "../../../src/raft/membership-codec.ts";
import type { RaftOptions } from "../../../src/raft/options.ts";
import { command } from "../pure-cluster.ts";
import type { Selection, World } from "./world.ts";

/** A command of the story: `name word word key=value`. A word may stand in double quotes. */
interface Line {
  readonly words: string[];
  readonly settings: Map<string, string>;
}

const CHANGES = ["add-voter", "add-learner", "remove", "update"] as const;

/** What a story can say. */
export class Commands {
  readonly #world: World;
  readonly #verbs: Record<string, (line: Line) => void>;

  constructor(world: World) {
    this.#world = world;
    this.#verbs = {
      // cluster nodes=3 learners=4 leader=1 electionTicks=5 priority.2=1
      cluster: (line) => this.#found(line),
      // start 4
      start: (line) => world.start(member(line)),
      tick: (line) => this.#tick(line),
      timeout: (line) => world.setElectionTimeout(member(line), number(line, "ticks")),
      campaign: (line) => world.campaign(member(line)),
      propose: (line) => world.propose(member(line), proposals(line)),
      // change 1 add-voter 4 remove 3 transition=explicit expected=1
      change: (line) => this.#change(line),
      "leave-joint": (line) => world.change(member(line), LEAVE_JOINT),
      read: (line) => world.read(member(line)),
      transfer: (line) => world.transfer(member(line), number(line, "to")),
      "forget-leader": (line) => world.forgetLeader(member(line)),
      "report-unreachable": (line) => world.reportUnreachable(member(line), number(line, "peer")),
      "report-snapshot": (line) => {
        world.reportSnapshot(member(line), number(line, "peer"), oneOf(line, "succeeded", "failed"));
      },
      // partition 1 | 2 3
      partition: ({ words }) => world.partition(groups(words)),
      heal: () => world.heal(),
      deliver: (line) => world.deliver(selection(line)),
      "deliver-again": (line) => world.deliver(selection(line), true),
      drop: (line) => world.drop(selection(line)),
      stabilize: () => world.stabilize(),
      "slow-disk": (line) => world.slowDisk(member(line)),
      "slow-machine": (line) => world.slowMachine(member(line)),
      save: (line) => world.save(member(line)),
      apply: (line) => world.apply(member(line)),
      "speed-up": (line) => world.speedUp(member(line)),
      crash: (line) => world.crash(member(line), number(line, "written", 0)),
      restart: (line) => world.restart(member(line)),
      "lose-entries": (line) => world.loseEntries(member(line), number(line, "from")),
      snapshot: (line) => world.snapshot(member(line), number(line, "keep", 0)),
      "hide-snapshot": (line) => world.setSnapshotAway(member(line), true),
      "show-snapshot": (line) => world.setSnapshotAway(member(line), false),
      status: (line) => world.tellStatus(member(line)),
      log: (line) => world.tellLog(member(line)),
    };
  }

  run(text: string): void {
    const [name, ...parts] = text.match(/[^\s"]+|"[^"]*"/g) ?? [];
    const words = parts.filter((part) => !isSetting(part));
    const settings = new Map(parts.filter(isSetting).map((part) => part.split("=", 2) as [string, string]));
    const verb = this.#verbs[name ?? ""];
    if (verb === undefined) throw new Error(`there is no command ${name}`);
    verb({ words, settings });
  }

  #found({ settings }: Line): void {
    const options: Record<string, unknown> = {};
    const optionsOf = new Map<MemberId, Record<string, unknown>>();
    for (const [key, text] of settings) {
      const [name = "", id] = key.split(".");
      if (["nodes", "learners", "leader"].includes(name)) continue;
      if (id === undefined) options[name] = value(text);
      else optionsOf.set(Number(id), { ...optionsOf.get(Number(id)), [name]: value(text) });
    }
    const voters = Array.from({ length: Number(settings.get("nodes") ?? 1) }, (_, at) => at + 1);
    const learners = (settings.get("learners") ?? "").split(",").filter(Boolean).map(Number);
    this.#world.found({
      voters,
      learners,
      options: options as Partial<RaftOptions>,
      optionsOf: optionsOf as Map<MemberId, Partial<RaftOptions>>,
    });
    const leader = settings.get("leader");
    if (leader !== undefined) this.#elect(Number(leader));
  }

  /** Makes a member the leader, and lets everyone know that its first entry is committed. */
  #elect(id: MemberId): void {
    this.#world.silently(() => {
      this.#world.campaign(id);
      this.#world.stabilize();
      this.#world.tick(id);
      this.#world.stabilize();
    });
    if (!this.#world.isLeader(id)) throw new Error(`n${id} is not elected: let the story tell why`);
  }

  #tick({ words, settings }: Line): void {
    const ids = words[0] === "all" ? this.#world.memberIds : words.map(Number);
    for (let times = Number(settings.get("times") ?? 1); times > 0; times--) {
      for (const id of ids) this.#world.tick(id);
    }
  }

  #change(line: Line): void {
    const [id, ...rest] = line.words;
    const changes: MemberChange[] = [];
    for (let at = 0; at < rest.length; at += 2) {
      const kind = CHANGES.find((name) => name === rest[at]);
      if (kind === undefined) throw new Error(`there is no change ${rest[at]}`);
      changes.push({ kind, member: Number(rest[at + 1]) });
    }
    const transition = (line.settings.get("transition") ?? "auto") as MembershipChange["transition"];
    const expected = line.settings.get("expected");
    const change = { transition, changes, context: new Uint8Array(0) };
    if (expected === undefined) this.#world.change(Number(id), change);
    else this.#world.change(Number(id), change, this.#world.membership(Number(expected)));
  }
}

function isSetting(part: string): boolean {
  return !part.startsWith('"') && part.includes("=");
}

function member({ words }: Line): MemberId {
  const id = Number(words[0]);
  if (!Number.isInteger(id)) throw new Error("which member?");
  return id;
}

function number({ settings }: Line, key: string, otherwise?: number): number {
  const text = settings.get(key);
  if (text === undefined && otherwise !== undefined) return otherwise;
  if (text === undefined) throw new Error(`${key}= is missing`);
  return Number(text);
}

function oneOf({ words }: Line, yes: string, no: string): boolean {
  if (words[1] !== yes && words[1] !== no) throw new Error(`${yes} or ${no}?`);
  return words[1] === yes;
}

/** `"a" "b"`, or `bytes=100` for one whose content is of no interest. */
function proposals({ words, settings }: Line): Proposal[] {
  const texts = words.slice(1).map((word) => word.slice(1, -1));
  const bytes = settings.get("bytes");
  if (bytes !== undefined) texts.push("x".repeat(Number(bytes)));
  return texts.map(command);
}

function groups(words: readonly string[]): MemberId[][] {
  const found: MemberId[][] = [[]];
  for (const word of words) {
    if (word === "|") found.push([]);
    else found[found.length - 1]!.push(Number(word));
  }
  return found;
}

function selection({ settings }: Line): Selection {
  const [from, to, kind] = [settings.get("from"), settings.get("to"), settings.get("kind")];
  return {
    ...(from === undefined ? {} : { from: Number(from) }),
    ...(to === undefined ? {} : { to: Number(to) }),
    ...(kind === undefined ? {} : { kind }),
  };
}

function value(text: string): number | boolean | string {
  if (text === "true" || text === "false") return text === "true";
  return Number.isNaN(Number(text)) ? text : Number(text);
}
