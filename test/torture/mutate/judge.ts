import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Job, Judgement } from "./protocol.ts";

const PROGRAM = fileURLToPath(new URL("judge-process.ts", import.meta.url));
/** A start that takes longer hangs, even where other work keeps the machine busy. */
const ANSWER_LIMIT_MS = 60_000;
/** A process is given up after so many starts, so that what one leaves behind never matters. */
const JOBS_PER_PROCESS = 200;

/** Has starts judged in a process of their own, so that one that crashes or hangs is seen as that. */
export class Judge {
  #child: ChildProcess | null = null;
  #jobs = 0;
  #output = "";

  async judge(job: Job): Promise<Judgement> {
    if (this.#jobs >= JOBS_PER_PROCESS) this.close();
    const child = this.#child ?? this.#begin();
    this.#jobs += 1;
    return new Promise((resolve) => {
      const settle = (judgement: Judgement): void => {
        clearTimeout(timer);
        child.off("message", onMessage);
        child.off("exit", onExit);
        resolve(judgement);
      };
      const onMessage = (message: unknown): void => settle(message as Judgement);
      const onExit = (code: number | null, signal: string | null): void => {
        this.#child = null;
        settle(crashed(`the process ended with ${signal ?? code}\n${this.#output.slice(-2000)}`));
      };
      const timer = setTimeout(() => {
        this.close();
        settle(crashed(`no answer for ${ANSWER_LIMIT_MS / 1000} s`));
      }, ANSWER_LIMIT_MS);
      child.on("message", onMessage);
      child.on("exit", onExit);
      child.send(job);
    });
  }

  close(): void {
    this.#child?.kill("SIGKILL");
    this.#child = null;
  }

  #begin(): ChildProcess {
    this.#jobs = 0;
    this.#output = "";
    const child = fork(PROGRAM, [], {
      execArgv: ["--import", "tsx"],
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.on("data", (text) => {
        this.#output = `${this.#output}${text}`.slice(-10_000);
      });
    }
    this.#child = child;
    return child;
  }
}

function crashed(reason: string): Judgement {
  return { verdict: "crashed", kind: "unknown", mutation: "unknown", reason, lostInBound: 0, lostMs: 0 };
}
