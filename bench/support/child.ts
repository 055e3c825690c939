import { type ChildProcess, fork } from "node:child_process";
import { own } from "./scratch.ts";

interface Question {
  readonly id: number;
  readonly method: string;
  readonly args: readonly unknown[];
}

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

type Method = (...args: never[]) => unknown;
/** What a process can be asked, by name. */
export type Methods = Record<string, Method>;

/** A process that answers what it is asked. */
export class Child<Answers extends Methods> {
  readonly process: ChildProcess;
  readonly #asked = new Map<number, (answer: Answer) => void>();
  #next = 1;

  /** `file` is one of the programs of `bench/process`, compiled beside this one. */
  constructor(file: string, execArgv: readonly string[] = []) {
    const options = { execArgv: [...execArgv], serialization: "advanced" as const };
    this.process = own(fork(new URL(`./${file}.js`, import.meta.url), [], options));
    this.process.on("message", (answer: Answer) => this.#settle(answer));
    this.process.on("exit", () => {
      for (const id of [...this.#asked.keys()]) this.#settle({ id, error: "the process has ended" });
    });
  }

  get pid(): number {
    return this.process.pid!;
  }

  ask<Name extends keyof Answers & string>(
    method: Name,
    ...args: Parameters<Answers[Name]>
  ): Promise<Awaited<ReturnType<Answers[Name]>>> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#asked.set(id, ({ value, error }) => {
        if (error === undefined) resolve(value as Awaited<ReturnType<Answers[Name]>>);
        else reject(new Error(`${method}: ${error}`));
      });
      this.process.send({ id, method, args } satisfies Question);
    });
  }

  #settle(answer: Answer): void {
    const settle = this.#asked.get(answer.id);
    this.#asked.delete(answer.id);
    settle?.(answer);
  }
}

/** The other side: answers questions until whoever asks is gone. */
export function answerQuestions(methods: Methods): void {
  process.on("disconnect", () => process.exit());
  process.on("message", async ({ id, method, args }: Question) => {
    try {
      const value = await methods[method]!(...(args as never[]));
      process.send!({ id, value } satisfies Answer);
    } catch (error) {
      process.send!({ id, error: String((error as Error).stack ?? error) } satisfies Answer);
    }
  });
}
