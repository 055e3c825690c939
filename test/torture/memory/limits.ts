import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "../../../examples/kubernetes/free-ports.ts";
import { bytesText } from "../../../src/base/memory-budget.ts";
import { ControlGroup } from "./control-group.ts";
import { MemoryMemberProcess } from "./member-process.ts";

const MIB = 1024 * 1024;
const READY_LIMIT_MS = 120_000;
const FILL_LIMIT_MS = 240_000;
const FREE_LIMIT_MS = 60_000;
/** What a start may take at most, of what the member needs afterwards. */
const START_SHARE_MAX = 1.5;

/** Members that are filled in so much memory. */
export interface Scenario {
  readonly title: string;
  readonly members: readonly string[];
  readonly execArgv: readonly string[];
  /** What the kernel lets each process take; null for no limit of its own. */
  readonly groupBytes: number | null;
  readonly valueBytes: number;
  /** What the store is told; by default it chooses by itself. */
  readonly quotaBytes?: number;
  readonly writers: number;
  readonly persistMs: number;
}

export const SCENARIOS: readonly Scenario[] = [
  {
    title: "small keys in a heap of 96 MiB",
    members: ["n1"],
    execArgv: ["--max-old-space-size=96"],
    groupBytes: null,
    valueBytes: 8,
    writers: 512,
    persistMs: 3_000,
  },
  {
    title: "values of 100 KB in a heap of 192 MiB",
    members: ["n1"],
    execArgv: ["--max-old-space-size=192"],
    groupBytes: null,
    valueBytes: 100_000,
    writers: 64,
    persistMs: 3_000,
  },
  {
    title: "values of 1 KB in a container of 300 MiB",
    members: ["n1"],
    execArgv: [],
    groupBytes: 300 * MIB,
    valueBytes: 1_000,
    writers: 256,
    persistMs: 3_000,
  },
  {
    title: "three members, each with a heap of 96 MiB",
    members: ["n1", "n2", "n3"],
    execArgv: ["--max-old-space-size=96"],
    groupBytes: null,
    valueBytes: 8,
    writers: 128,
    persistMs: 3_000,
  },
];

/** What became of the members of a scenario: of all of them, or it did not come about. */
export interface Outcome {
  readonly isRefusedInTime: boolean;
  readonly died: number;
  readonly isRestarted: boolean;
}

/** Fills the stores of a scenario, kills them when they are full, starts them again, and makes room. */
export async function runScenario(
  scenario: Scenario,
  program: string,
  folder: string,
  print: (line: string) => void,
): Promise<Outcome> {
  const run = new Run(scenario, program, folder, print);
  try {
    return await run.outcome();
  } finally {
    await run.end();
  }
}

class Run {
  readonly #scenario: Scenario;
  readonly #program: string;
  readonly #folder: string;
  readonly #print: (line: string) => void;
  readonly #groups: ControlGroup[] = [];
  #peers: Readonly<Record<string, string>> | null = null;
  #members: readonly MemoryMemberProcess[] = [];

  constructor(scenario: Scenario, program: string, folder: string, print: (line: string) => void) {
    this.#scenario = scenario;
    this.#program = program;
    this.#folder = folder;
    this.#print = (line) => print(`${scenario.title}: ${line}`);
  }

  async outcome(): Promise<Outcome> {
    const { members } = this.#scenario;
    if (members.length > 1) {
      const ports = await freePorts(members.length);
      this.#peers = Object.fromEntries(members.map((name, at) => [name, `127.0.0.1:${ports[at]}`]));
    }
    const outcome = { isRefusedInTime: false, died: 0, isRestarted: false };
    try {
      const acknowledged = await this.#fill();
      outcome.isRefusedInTime = true;
      await Promise.all(this.#members.map((member) => member.kill()));
      outcome.isRestarted = await this.#restart(acknowledged);
    } catch (error) {
      this.#print((error as Error).message);
      outcome.died = this.#members.filter(({ death }) => death !== null).length;
    }
    return outcome;
  }

  async end(): Promise<void> {
    await Promise.all(this.#members.map((member) => member.kill().catch(() => {})));
    for (const group of this.#groups) group.remove();
  }

  /** Until all of them are refused, and some time more; returns how many writes were acknowledged. */
  async #fill(): Promise<number> {
    this.#members = this.#scenario.members.map((name) => this.#start(name));
    const ready = await this.#hearAll("ready", READY_LIMIT_MS);
    for (const member of this.#members) member.ask({ type: "fill" });
    const refused = await this.#hearAll("refused", FILL_LIMIT_MS);
    const acknowledged = refused.reduce((sum, told) => sum + told.acknowledged, 0);
    const [{ quotaBytes }, { code, heldBytes }] = [ready[0]!, refused[0]!];
    const held = `${bytesText(heldBytes)} held of a quota of ${bytesText(quotaBytes)}`;
    this.#print(`refused with ${code} after ${acknowledged} writes, ${held}`);
    return acknowledged;
  }

  /** Whether they are all there again with all that was acknowledged, within the memory that they need, and take writes. */
  async #restart(acknowledged: number): Promise<boolean> {
    this.#members = this.#scenario.members.map((name) => this.#start(name));
    const ready = await this.#hearAll("ready", READY_LIMIT_MS);
    for (const member of this.#members) member.ask({ type: "count" });
    const counts = await this.#hearAll("count", READY_LIMIT_MS);
    for (const member of this.#members) member.ask({ type: "weigh" });
    const weighed = await this.#hearAll("weighed", READY_LIMIT_MS);
    this.#members[0]!.ask({ type: "free" });
    const { ms } = await this.#members[0]!.hear("freed", FREE_LIMIT_MS);

    const shares = ready.map(({ peakBytes }, at) => peakBytes / weighed[at]!.residentBytes);
    const [peak, need] = [ready[0]!.peakBytes, weighed[0]!.residentBytes];
    const share = Math.max(...shares);
    const keys = Math.min(...counts.map((told) => told.keys));
    const start = `${ready[0]!.readyMs.toFixed(0)} ms, ${bytesText(peak)} at most and ${bytesText(need)} afterwards`;
    this.#print(
      `started again in ${start} (${share.toFixed(2)} ×), writable ${ms.toFixed(0)} ms after a delete`,
    );
    if (keys < acknowledged) this.#print(`${acknowledged} writes were acknowledged, ${keys} keys are there`);
    return keys >= acknowledged && share <= START_SHARE_MAX;
  }

  #start(name: string): MemoryMemberProcess {
    const { execArgv, groupBytes, valueBytes, quotaBytes = null, writers, persistMs } = this.#scenario;
    const folder = join(this.#folder, name);
    mkdirSync(folder, { recursive: true });
    const group = groupBytes === null ? null : this.#group(groupBytes);
    const config = {
      directory: join(folder, "store"),
      name,
      peers: this.#peers,
      valueBytes,
      quotaBytes,
      writers,
      persistMs,
    };
    return new MemoryMemberProcess(this.#program, config, { execArgv, group }, join(folder, "output.log"));
  }

  #group(bytes: number): string {
    const group = new ControlGroup(`quorate-${process.pid}-${this.#groups.length}`, bytes);
    this.#groups.push(group);
    return group.path;
  }

  #hearAll<Type extends Parameters<MemoryMemberProcess["hear"]>[0]>(type: Type, limitMs: number) {
    return Promise.all(this.#members.map((member) => member.hear(type, limitMs)));
  }
}
