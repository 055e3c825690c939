import { type ChildProcess, fork } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { until } from "../../examples/kubernetes/wait.ts";
import type { Answer, Ask, MemberConfig, Tell } from "./protocol.ts";

const PROGRAM = fileURLToPath(new URL("member.ts", import.meta.url));
const END_LIMIT_MS = 10_000;
const ANSWER_LIMIT_MS = 60_000;

/** One life of a member, seen from its parent. */
export class MemberProcess {
  readonly name: string;
  readonly life: number;
  /** Milliseconds from where it began to open its directory until it had caught up; null until then. */
  readyMs: number | null = null;
  leader: string | null = null;
  readonly #child: ChildProcess;
  readonly #output: string;
  #answer: Answer | null = null;
  #end: string | null = null;
  #isKilled = false;

  constructor(config: MemberConfig, output: string) {
    this.name = config.name;
    this.life = config.life;
    this.#output = output;
    const descriptor = openSync(output, "a");
    this.#child = fork(PROGRAM, [JSON.stringify(config)], {
      stdio: ["ignore", descriptor, descriptor, "ipc"],
      execArgv: ["--import", "tsx"],
    });
    closeSync(descriptor);
    this.#child.on("message", (message) => this.#onMessage(message as Tell));
    this.#child.on("exit", (code, signal) => {
      this.#end = String(signal ?? code);
    });
  }

  /** Throws when the process ended by itself: a member goes on whatever becomes of the others. */
  check(): void {
    if (this.#end === null || this.#isKilled) return;
    const said = readFileSync(this.#output, "utf8").trimEnd().split("\n").slice(-15).join("\n");
    throw new Error(`the process of ${this.name} ended by itself (${this.#end}):\n${said}`);
  }

  async kill(): Promise<void> {
    this.check();
    this.#isKilled = true;
    this.#child.kill("SIGKILL");
    await until(
      () => `the end of ${this.name}`,
      END_LIMIT_MS,
      () => this.#end,
    );
  }

  async ask(ask: Ask): Promise<Answer> {
    this.#answer = null;
    this.#child.send(ask);
    return until(
      () => `${this.name} to answer to "${ask.type}"`,
      ANSWER_LIMIT_MS,
      () => {
        this.check();
        return this.#answer;
      },
    );
  }

  #onMessage(message: Tell): void {
    if (message.type === "answer") {
      this.#answer = message.answer;
      return;
    }
    this.readyMs = message.readyMs;
    this.leader = message.leader;
  }
}
