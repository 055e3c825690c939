import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { until } from "../../../examples/kubernetes/wait.ts";
import type { Ask, MemoryMemberConfig, Tell } from "./protocol.ts";

/** What a process may take. */
export interface Limit {
  readonly execArgv: readonly string[];
  /** The control group that it is put into before it begins. */
  readonly group: string | null;
}

type Told<Type extends Tell["type"]> = Extract<Tell, { type: Type }>;

/** One life of a member in little memory, seen from its parent. */
export class MemoryMemberProcess {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #output: string;
  readonly #told = new Map<Tell["type"], Tell>();
  #end: string | null = null;
  #isKilled = false;

  /** `program` is `member.ts`, compiled: what compiles it at run time takes memory of its own. */
  constructor(program: string, config: MemoryMemberConfig, limit: Limit, output: string) {
    this.name = config.name;
    this.#output = output;
    const descriptor = openSync(output, "a");
    const enter = limit.group === null ? "" : `echo $$ > ${limit.group}/cgroup.procs && `;
    const args = ["--expose-gc", ...limit.execArgv, program, JSON.stringify(config)];
    this.#child = spawn("sh", ["-c", `${enter}exec "$0" "$@"`, process.execPath, ...args], {
      stdio: ["ignore", descriptor, descriptor, "ipc"],
    });
    closeSync(descriptor);
    this.#child.on("message", (message) => this.#told.set((message as Tell).type, message as Tell));
    this.#child.on("exit", (code, signal) => {
      this.#end = String(signal ?? code);
    });
  }

  /** How it ended by itself, or null. */
  get death(): string | null {
    return this.#isKilled ? null : this.#end;
  }

  ask(ask: Ask): void {
    this.#child.send(ask);
  }

  /** What it tells of a kind, once; throws when it dies before, or takes too long. */
  async hear<Type extends Tell["type"]>(type: Type, limitMs: number): Promise<Told<Type>> {
    const told = await until(
      () => `${this.name} to tell "${type}"`,
      limitMs,
      () => {
        if (this.death !== null) throw new Error(`${this.name} died (${this.death}): ${this.#lastWords()}`);
        return this.#told.get(type) ?? null;
      },
    );
    this.#told.delete(type);
    return told as Told<Type>;
  }

  async kill(): Promise<void> {
    this.#isKilled = true;
    this.#child.kill("SIGKILL");
    await until(
      () => `the end of ${this.name}`,
      10_000,
      () => this.#end,
    );
  }

  #lastWords(): string {
    const said = readFileSync(this.#output, "utf8").split("\n");
    return said.find((line) => line.includes("FATAL")) ?? said.slice(-5).join(" ");
  }
}
