import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { freePorts } from "../../examples/kubernetes/free-ports.ts";
import { readLines } from "../../examples/kubernetes/records/line-file.ts";
import { until } from "../../examples/kubernetes/wait.ts";
import { Random } from "../../src/base/random.ts";
import { MemberProcess } from "./member-process.ts";

const NAMES = ["n1", "n2", "n3"];
const READY_LIMIT_MS = 60_000;
/** So many kills may come without regard to whether the cluster works; then it must show that it does. */
const KILLS_PER_ROUND = 5;

export interface KillsVerdict {
  readonly kills: number;
  readonly restarts: number;
  /** Milliseconds from opening the directory to having caught up, ascending: of each restart that came so far. */
  readonly readyMs: readonly number[];
  readonly acknowledged: number;
  /** What was lost, or took effect twice, or differs between members; in words, for each member that was asked. */
  readonly lost: readonly string[];
}

/**
 * Three members under load, each in a process of its own: kills them by chance, most often the leader and now and then
 * all at once, starts them again, and at the end reads every acknowledged write back through each of them. Each life of
 * a member is by chance one where the kill loses what was not synced.
 */
export async function killMembers(
  folder: string,
  kills: number,
  seed: number,
  print: (line: string) => void,
): Promise<KillsVerdict> {
  const ports = await freePorts(NAMES.length);
  const peers = Object.fromEntries(NAMES.map((name, at) => [name, `127.0.0.1:${ports[at]}`]));
  const torture = new Killing(folder, peers, new Random(seed), print);
  try {
    await torture.run(kills);
    return await torture.verdict();
  } finally {
    await torture.end();
  }
}

class Killing {
  readonly #folder: string;
  readonly #peers: Readonly<Record<string, string>>;
  readonly #random: Random;
  readonly #print: (line: string) => void;
  readonly #members = new Map<string, MemberProcess>();
  readonly #readyMs: number[] = [];
  #lives = 0;
  #kills = 0;

  constructor(
    folder: string,
    peers: Readonly<Record<string, string>>,
    random: Random,
    print: (line: string) => void,
  ) {
    this.#folder = folder;
    this.#peers = peers;
    this.#random = random;
    this.#print = print;
  }

  async run(kills: number): Promise<void> {
    for (const name of NAMES) this.#start(name);
    await this.#mustWork();
    while (this.#kills < kills) {
      const target = Math.min(kills, this.#kills + KILLS_PER_ROUND);
      while (this.#kills < target) await this.#strike();
      await this.#mustWork();
      this.#print(`${this.#kills} kills, ${this.#acknowledged} writes acknowledged`);
    }
  }

  async verdict(): Promise<KillsVerdict> {
    const members = [...this.#members.values()];
    for (const member of members) await member.ask({ type: "stop writers" });
    const ledgers = NAMES.map((name) => this.#ledger(name));
    const checks = await Promise.all(members.map((member) => member.ask({ type: "check", ledgers })));
    const lost = checks.flatMap((check, at) =>
      check.lost.map((text) => `through ${members[at]!.name}: ${text}`),
    );

    const revision = Math.min(...checks.map((check) => check.revision));
    const hashes = await Promise.all(members.map((member) => member.ask({ type: "hash", revision })));
    if (new Set(hashes.map(({ hash }) => hash)).size > 1) lost.push(`members differ at revision ${revision}`);
    const acknowledged = ledgers.reduce((sum, path) => sum + readLines(path).length, 0);
    for (const member of members) this.#noteLife(member);
    const readyMs = [...this.#readyMs].sort((left, right) => left - right);
    return { kills: this.#kills, restarts: this.#lives - NAMES.length, readyMs, acknowledged, lost };
  }

  async end(): Promise<void> {
    await Promise.all([...this.#members.values()].map((member) => member.kill().catch(() => {})));
  }

  /** Kills somebody, or everybody, at some moment, and starts whom it killed after another one. */
  async #strike(): Promise<void> {
    await pause(this.#random.between(20, 600));
    const victims = this.#victims();
    for (const name of victims) this.#noteLife(this.#members.get(name)!);
    await Promise.all(victims.map((name) => this.#members.get(name)!.kill()));
    this.#kills += victims.length;
    await pause(this.#random.between(0, 300));
    for (const name of victims) this.#start(name);
  }

  #victims(): readonly string[] {
    if (this.#random.fraction() < 0.1) return NAMES;
    const leader = [...this.#members.values()].find((member) => member.leader !== null)?.leader ?? null;
    if (leader !== null && this.#random.fraction() < 0.6) return [leader];
    return [NAMES[this.#random.between(0, NAMES.length - 1)]!];
  }

  #noteLife({ readyMs, life }: MemberProcess): void {
    if (readyMs !== null && life > NAMES.length) this.#readyMs.push(readyMs);
  }

  #start(name: string): void {
    this.#lives += 1;
    const directory = join(this.#folder, name);
    mkdirSync(directory, { recursive: true });
    const config = {
      name,
      peers: this.#peers,
      directory: join(directory, "store"),
      ledger: this.#ledger(name),
      isLossy: this.#random.fraction() < 0.5,
      life: this.#lives,
    };
    this.#members.set(name, new MemberProcess(config, join(directory, "output.log")));
  }

  /** Everybody is there again, and writes are acknowledged. */
  async #mustWork(): Promise<void> {
    const before = NAMES.map((name) => this.#sizeOf(name));
    await until(
      () => "all members to be ready, and to write",
      READY_LIMIT_MS,
      () => {
        for (const member of this.#members.values()) member.check();
        const isReady = [...this.#members.values()].every(({ readyMs }) => readyMs !== null);
        return isReady && NAMES.every((name, at) => this.#sizeOf(name) > before[at]!) ? true : null;
      },
    );
  }

  get #acknowledged(): number {
    return NAMES.reduce((sum, name) => sum + readLines(this.#ledger(name)).length, 0);
  }

  #ledger(name: string): string {
    return join(this.#folder, name, "acknowledged.jsonl");
  }

  #sizeOf(name: string): number {
    return statSync(this.#ledger(name), { throwIfNoEntry: false })?.size ?? 0;
  }
}
