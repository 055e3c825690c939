import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Random } from "../../../src/base/random.ts";
import { copyDirectory } from "./copy.ts";
import { makeImage } from "./images.ts";
import { Judge } from "./judge.ts";
import type { Job, Judgement, Verdict } from "./protocol.ts";

/** So many changes are made to copies of one image. */
const PER_IMAGE = 100;

export interface MutateOptions {
  /** Where images are made, and cases are kept. */
  readonly folder: string;
  /** Where the copies are that are damaged and started; memory will do. */
  readonly copies: string;
  readonly count: number;
  readonly seed: number;
  readonly workers: number;
  readonly print: (line: string) => void;
}

export interface MutateVerdict {
  readonly counts: Readonly<Record<Verdict, number>>;
  /** The same by kind of change. */
  readonly kinds: ReadonlyMap<string, Readonly<Record<Verdict, number>>>;
  /** Starts that were right and lacked writes of the last moment, as documented: how many, which writes, how old. */
  readonly shortened: { readonly starts: number; readonly writes: number; readonly oldestMs: number };
  /** What was wrong or crashed, with the line that plays it again. */
  readonly findings: readonly string[];
}

/**
 * Damages copies of the directories that killed processes left, each by one change, starts each of them, and holds what
 * it serves against what was acknowledged.
 */
export async function mutateDirectories(options: MutateOptions): Promise<MutateVerdict> {
  return new Mutating(options).run();
}

/** Plays one case again that was kept. */
export async function replayCase(folder: string): Promise<Judgement> {
  const judge = new Judge();
  try {
    return await judge.judge({ image: folder, copy: join(folder, "copy"), seed: seedOf(folder) });
  } finally {
    judge.close();
  }
}

class Mutating {
  readonly #options: MutateOptions;
  readonly #counts = newCounts();
  readonly #kinds = new Map<string, Record<Verdict, number>>();
  readonly #shortened = { starts: 0, writes: 0, oldestMs: 0 };
  readonly #findings: string[] = [];
  #done = 0;

  constructor(options: MutateOptions) {
    this.#options = options;
  }

  async run(): Promise<MutateVerdict> {
    const { count, workers } = this.#options;
    const images = Array.from({ length: Math.ceil(count / PER_IMAGE) }, (_, number) => number);
    // Each worker goes through a row of lives of its own, in which one may go on from the one before.
    const rows = Array.from({ length: workers }, (_, worker) =>
      images.filter((number) => number % workers === worker),
    );
    await Promise.all(rows.map((row) => this.#work(row)));
    return {
      counts: this.#counts,
      kinds: this.#kinds,
      shortened: this.#shortened,
      findings: this.#findings,
    };
  }

  async #work(images: readonly number[]): Promise<void> {
    const judge = new Judge();
    let before: string | null = null;
    try {
      for (const number of images) {
        const image = this.#imageFolder(number);
        const random = new Random(this.#options.seed * 1_000_003 + number);
        const goesOn = random.fraction() < 0.6;
        await makeImage(image, random.next(), goesOn ? before : null);
        if (before !== null) rmSync(before, { recursive: true });
        before = image;
        await this.#judgeAll(judge, image, number, random);
      }
    } finally {
      judge.close();
      if (before !== null) rmSync(before, { recursive: true, force: true });
    }
  }

  async #judgeAll(judge: Judge, image: string, number: number, random: Random): Promise<void> {
    const { copies, count, print } = this.#options;
    const last = Math.min(count, (number + 1) * PER_IMAGE);
    for (let at = number * PER_IMAGE; at < last; at++) {
      const job: Job = { image, copy: join(copies, `copy-${number}`), seed: random.next() };
      this.#note(await judge.judge(job), job, at);
      rmSync(job.copy, { recursive: true, force: true });
      this.#done += 1;
      if (this.#done % 250 === 0) print(`${this.#done} of ${count}: ${countsText(this.#counts)}`);
    }
  }

  #note(judgement: Judgement, job: Job, at: number): void {
    const { verdict, kind, lostInBound, lostMs } = judgement;
    this.#counts[verdict] += 1;
    const counts = this.#kinds.get(kind) ?? newCounts();
    counts[verdict] += 1;
    this.#kinds.set(kind, counts);
    if (lostInBound > 0) {
      this.#shortened.starts += 1;
      this.#shortened.writes += lostInBound;
      this.#shortened.oldestMs = Math.max(this.#shortened.oldestMs, lostMs);
    }
    if (verdict === "wrong" || verdict === "crashed") this.#keep(judgement, job, at);
  }

  /** Keeps the image of a case that must not be, with what plays it again. */
  #keep({ verdict, mutation, reason }: Judgement, { image, seed }: Job, at: number): void {
    const kept = join(this.#options.folder, `case-${at}`);
    mkdirSync(kept, { recursive: true });
    for (const name of ["store", "earlier", "acknowledged.jsonl", "end.json"]) {
      if (existsSync(join(image, name))) copyDirectory(join(image, name), join(kept, name));
    }
    writeFileSync(join(kept, CASE_FILE), JSON.stringify({ seed, mutation, reason }));
    const line = `npm run torture:mutate -- --replay ${kept}`;
    this.#findings.push(`case ${at}: ${verdict}: ${mutation}\n  ${reason}\n  ${line}`);
    this.#options.print(this.#findings.at(-1)!);
  }

  #imageFolder(number: number): string {
    return join(this.#options.folder, `image-${number}`);
  }
}

const CASE_FILE = "case.json";

function seedOf(folder: string): number {
  return (JSON.parse(readFileSync(join(folder, CASE_FILE), "utf8")) as { seed: number }).seed;
}

function newCounts(): Record<Verdict, number> {
  return { right: 0, refused: 0, wrong: 0, crashed: 0 };
}

export function countsText({ right, refused, wrong, crashed }: Readonly<Record<Verdict, number>>): string {
  return `served right ${right}, refused ${refused}, wrong ${wrong}, crashed ${crashed}`;
}
