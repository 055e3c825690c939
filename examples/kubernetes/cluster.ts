import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "./free-ports.ts";
import { type FirstWrite, MemberProcess } from "./member-process.ts";
import type { Answer, Ask, MemberConfig, RequestName, RoleName } from "./protocol.ts";

const NAMES = ["n1", "n2", "n3"];
/** Each role has a member of its own, so whatever one writes reaches the next through the store alone. */
const ROLES: Readonly<Record<string, readonly RoleName[]>> = {
  n1: ["replica-set-controller"],
  n2: ["scheduler"],
  n3: ["kubelet"],
};

const START_LIMIT_MS = 15_000;
const ANSWER_LIMIT_MS = 15_000;

/** Three members, each in a process of its own, seen from outside: started, asked, killed and started again. */
export class Cluster {
  /** Rejects when a process ends that was not told to. */
  readonly failed: Promise<never>;
  readonly #configs: readonly MemberConfig[];
  readonly #processes = new Map<string, MemberProcess>();
  #fail: (error: Error) => void = () => {};
  #writersPerMember = 0;
  /** Writes that were acknowledged in the lives of processes that are over. */
  #acknowledgedBefore = 0;

  private constructor(configs: readonly MemberConfig[]) {
    this.#configs = configs;
    this.failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    this.failed.catch(() => {});
  }

  /** Prepares the members' folders below `directory`, and a port for each. */
  static async prepare(directory: string): Promise<Cluster> {
    const ports = await freePorts(NAMES.length);
    const peers = Object.fromEntries(NAMES.map((name, at) => [name, `127.0.0.1:${ports[at]}`]));
    return new Cluster(NAMES.map((name) => configOf(name, peers, join(directory, name))));
  }

  get names(): readonly string[] {
    return NAMES;
  }

  get configs(): readonly MemberConfig[] {
    return this.#configs;
  }

  /** How many writers there are when every member runs. */
  get writers(): number {
    return this.#writersPerMember * NAMES.length;
  }

  get acknowledged(): number {
    return this.#sum((process) => process.pulse.acknowledged) + this.#acknowledgedBefore;
  }

  get busyWriters(): number {
    return this.#sum((process) => process.pulse.busyWriters);
  }

  /** The last revision that any watcher has noted. */
  get revision(): number {
    return Math.max(0, ...this.#running().map((process) => process.pulse.watched));
  }

  /** Who leads, as far as the members that run know; null while nobody does. */
  get leader(): { readonly name: string; readonly term: number } | null {
    const [latest] = this.#running()
      .map(({ pulse }) => pulse)
      .sort((a, b) => b.term - a.term);
    return latest === undefined || latest.leader === undefined
      ? null
      : { name: latest.leader, term: latest.term };
  }

  async start(): Promise<void> {
    for (const config of this.#configs) this.#launch(config);
    await this.askAll("ready", {}, START_LIMIT_MS);
  }

  async startRoles(): Promise<void> {
    await Promise.all(this.names.map((name) => this.ask(name, "startRoles", { roles: ROLES[name]! })));
  }

  async startWriters(perMember: number): Promise<void> {
    this.#writersPerMember = perMember;
    await this.askAll("startWriters", { count: perMember });
  }

  async stopWriters(): Promise<void> {
    this.#writersPerMember = 0;
    await this.askAll("stopWriters", {});
  }

  async ask<Name extends RequestName>(member: string, name: Name, ask: Ask<Name>, limitMs = ANSWER_LIMIT_MS) {
    return await this.#process(member).ask(name, ask, limitMs);
  }

  /** Asks each member the same; the answers are in the order of `names`. */
  async askAll<Name extends RequestName>(
    name: Name,
    ask: Ask<Name>,
    limitMs = ANSWER_LIMIT_MS,
  ): Promise<Answer<Name>[]> {
    return await Promise.all(this.names.map((member) => this.ask(member, name, ask, limitMs)));
  }

  /** Ends a member's process as a power cut would. */
  async kill(name: string): Promise<void> {
    const process = this.#process(name);
    this.#acknowledgedBefore += process.pulse.acknowledged;
    this.#processes.delete(name);
    await process.kill();
  }

  /** Starts a killed member again, and its work once it has seen all that the others had seen by then. */
  async restart(name: string): Promise<{ readonly catchUpMs: number }> {
    const { revision } = this;
    const { startedAt } = this.#launch(this.#configs.find((config) => config.name === name)!);
    const { at } = await this.ask(name, "catchUp", { revision });
    await this.ask(name, "startRoles", { roles: ROLES[name]! });
    await this.ask(name, "startWriters", { count: this.#writersPerMember });
    return { catchUpMs: at - startedAt };
  }

  /** The first write that a running member acknowledged under a leader of a later term; null if there was none yet. */
  firstWriteAfter(term: number): FirstWrite | null {
    const writes = this.#running().flatMap(({ firstWrites }) => firstWrites);
    const later = writes.filter((write) => write.term > term).sort((a, b) => a.at - b.at);
    return later[0] ?? null;
  }

  /** Closes every member in good order. */
  async close(): Promise<void> {
    await Promise.all(this.#running().map((process) => process.close()));
  }

  /** Ends what still runs, at once. */
  async abandon(): Promise<void> {
    await Promise.all([...this.#processes.values()].map((process) => process.kill()));
  }

  #launch(config: MemberConfig): MemberProcess {
    const process = new MemberProcess(config, this.#fail);
    this.#processes.set(config.name, process);
    return process;
  }

  #process(name: string): MemberProcess {
    const process = this.#processes.get(name);
    if (process === undefined) throw new Error(`${name} does not run`);
    return process;
  }

  #running(): MemberProcess[] {
    return [...this.#processes.values()];
  }

  #sum(count: (process: MemberProcess) => number): number {
    return this.#running().reduce((sum, process) => sum + count(process), 0);
  }
}

function configOf(name: string, peers: Readonly<Record<string, string>>, directory: string): MemberConfig {
  mkdirSync(directory, { recursive: true });
  return {
    name,
    peers,
    files: {
      store: join(directory, "store"),
      ledger: join(directory, "acknowledged.jsonl"),
      watched: join(directory, "watched.jsonl"),
      output: join(directory, "output.log"),
    },
  };
}
