import { type ChildProcess, fork } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Answer, Ask, ChildMessage, MemberConfig, Pulse, RequestName } from "./protocol.ts";
import { until, within } from "./wait.ts";

const PROGRAM = fileURLToPath(new URL("member.ts", import.meta.url));
const EXIT_LIMIT_MS = 5_000;
const OUTPUT_LINES_SHOWN = 12;

/** The first write that a member acknowledged in a term; `at` is wall-clock milliseconds. */
export interface FirstWrite {
  readonly term: number;
  readonly at: number;
}

/** One life of a member's process, seen from its parent. It ends when it is told to; any other end is a failure. */
export class MemberProcess {
  readonly name: string;
  readonly startedAt = Date.now();
  /** What the process told last of how it is. */
  pulse: Pulse = { leader: undefined, term: 0, acknowledged: 0, busyWriters: 0, watched: 0 };
  /** The first acknowledged write of each term in this life. */
  readonly firstWrites: FirstWrite[] = [];
  readonly #child: ChildProcess;
  readonly #output: string;
  readonly #onFailure: (error: Error) => void;
  readonly #requests = new Map<number, Request>();
  #requestCount = 0;
  #state: "running" | "ending" | "ended" = "running";

  constructor(config: MemberConfig, onFailure: (error: Error) => void) {
    this.name = config.name;
    this.#output = config.files.output;
    this.#onFailure = onFailure;

    const output = openSync(this.#output, "a");
    this.#child = fork(PROGRAM, [JSON.stringify(config)], { stdio: ["ignore", output, output, "ipc"] });
    closeSync(output);
    this.#child.on("message", (message) => this.#onMessage(message as ChildMessage));
    this.#child.on("error", onFailure);
    this.#child.on("exit", (code, signal) => this.#onExit(signal ?? `code ${code}`));
  }

  /** Asks the process for something, and waits for the answer. */
  async ask<Name extends RequestName>(name: Name, ask: Ask<Name>, limitMs: number): Promise<Answer<Name>> {
    this.#requestCount += 1;
    const id = this.#requestCount;
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#requests.set(id, { resolve, reject });
      this.#child.send({ id, name, ask }, (error) => error && reject(error));
    });
    return (await within(`${this.name} to answer "${name}"`, limitMs, answer)) as Answer<Name>;
  }

  /** Ends the process as a power cut would: it gets no chance to do anything more. */
  async kill(): Promise<void> {
    if (this.#state === "running") this.#state = "ending";
    this.#child.kill("SIGKILL");
    await this.#end();
  }

  /** Lets the member close, and waits for the end of the process. */
  async close(): Promise<void> {
    this.#state = "ending";
    await this.ask("close", {}, EXIT_LIMIT_MS);
    this.#child.disconnect();
    await this.#end();
  }

  async #end(): Promise<void> {
    await until(
      () => `the process of ${this.name} to end`,
      EXIT_LIMIT_MS,
      () => this.#state === "ended" || null,
    );
  }

  #onMessage(message: ChildMessage): void {
    switch (message.type) {
      case "pulse":
        this.pulse = message.pulse;
        return;
      case "first-write":
        this.firstWrites.push(message);
        return;
      case "answer":
        this.#requests.get(message.id)?.resolve(message.answer);
        this.#requests.delete(message.id);
        return;
      case "refusal":
        this.#requests.get(message.id)?.reject(new Error(`${this.name}: ${message.reason}`));
        this.#requests.delete(message.id);
        return;
    }
  }

  #onExit(how: string): void {
    const error = new Error(`the process of ${this.name} ended (${how})`);
    for (const { reject } of this.#requests.values()) reject(error);
    this.#requests.clear();
    if (this.#state === "running")
      this.#onFailure(new Error(`${error.message}; it last said:\n${this.#lastOutput()}`));
    this.#state = "ended";
  }

  #lastOutput(): string {
    return readFileSync(this.#output, "utf8").trimEnd().split("\n").slice(-OUTPUT_LINES_SHOWN).join("\n");
  }
}

interface Request {
  resolve(answer: unknown): void;
  reject(error: Error): void;
}
