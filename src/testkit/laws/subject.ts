import { concatBytes, equalBytes } from "../../base/bytes.ts";
import type { Random } from "../../base/random.ts";
import type { OnApplyError } from "../../replica/apply/execution.ts";
import { CommandRandom } from "../../replica/command-random.ts";
import type { Applied, Codec, StateMachine } from "../../replica/state-machine.ts";
import { structureKey } from "../structure.ts";
import { Breach, textOf } from "./breach.ts";
import type { Step } from "./steps.ts";

/** That of some cluster; which one makes no difference here. */
const CHANCE = new CommandRandom("laws");

/** One instance of the machine under test, with what laws do to it. What it throws becomes a breach. */
export class Subject<Command, Result, Query, Answer> {
  readonly #machine: StateMachine<Command, Result, Query, Answer>;
  readonly #codec: Codec<Command>;
  readonly #onApplyError: OnApplyError;

  constructor(
    machine: StateMachine<Command, Result, Query, Answer>,
    codec: Codec<Command>,
    onApplyError: OnApplyError = "stop",
  ) {
    this.#machine = machine;
    this.#codec = codec;
    this.#onApplyError = onApplyError;
  }

  get machine(): StateMachine<Command, Result, Query, Answer> {
    return this.#machine;
  }

  /** As every member does, from bytes of its own. */
  appliedOf({ index, term, time, bytes }: Step<Command>): Applied<Command> {
    return { index, term, time, command: this.#codec.decode(bytes.slice()), random: CHANCE.at(index) };
  }

  apply(step: Step<Command>): Result {
    return this.applyBatch([step])[0]!;
  }

  applyBatch(steps: readonly Step<Command>[]): readonly Result[] {
    return this.applyDecoded(steps.map((step) => this.appliedOf(step)));
  }

  applyDecoded(batch: readonly Applied<Command>[]): readonly Result[] {
    if (this.#onApplyError === "stop") return this.#applyWhole(batch);
    return batch.flatMap((applied) => this.#applyOrReport(applied));
  }

  /** Commands come one by one where one may throw and be passed over. What it threw stands for its result. */
  #applyOrReport(applied: Applied<Command>): readonly Result[] {
    const before = this.snapshot();
    let thrown: unknown;
    try {
      return this.#checked([applied], this.#machine.apply([applied]));
    } catch (error) {
      if (error instanceof Breach) throw error;
      thrown = error;
    }
    if (!equalBytes(before, this.snapshot())) {
      throw new Breach(`apply threw at ${placesOf([applied])} and left a changed state: ${whereOf(thrown)}`);
    }
    return [{ threw: String(thrown) } as Result];
  }

  #applyWhole(batch: readonly Applied<Command>[]): readonly Result[] {
    const results = guard(
      () => `apply threw at ${placesOf(batch)}`,
      () => this.#machine.apply(batch),
    );
    return this.#checked(batch, results);
  }

  #checked(batch: readonly Applied<Command>[], results: readonly Result[]): readonly Result[] {
    if (!Array.isArray(results) || results.length !== batch.length) {
      const found = Array.isArray(results) ? `${results.length} results` : textOf(results);
      throw new Breach(`apply returned ${found} for the ${batch.length} commands at ${placesOf(batch)}`);
    }
    return results;
  }

  applyAll(steps: readonly Step<Command>[]): Result[] {
    return steps.map((step) => this.apply(step));
  }

  /** What the queries answer. A query that throws answers so. */
  answers(queries: readonly Query[]): unknown[] {
    return queries.map((query) => {
      try {
        return this.#machine.query(query);
      } catch (error) {
        if (error instanceof Breach) throw error;
        return { threw: String(error) };
      }
    });
  }

  /** The chunks that `snapshot` gives, in one piece. */
  snapshot(): Uint8Array {
    return guard(
      () => "snapshot threw",
      () => concatBytes([...this.#machine.snapshot()].map((chunk) => chunk.slice())),
    );
  }

  restore(snapshot: Uint8Array, random: Random): void {
    guard(
      () => "restore threw",
      () => this.#machine.restore(cut(snapshot, random)),
    );
  }
}

/** Runs it; what it throws, other than a breach, becomes one. */
export function guard<Value>(what: () => string, run: () => Value): Value {
  try {
    return run();
  } catch (error) {
    if (error instanceof Breach) throw error;
    throw new Breach(`${what()}: ${whereOf(error)}`);
  }
}

function whereOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const [first] = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  return first === undefined ? String(error) : `${error}\n${first}`;
}

function placesOf(batch: readonly Applied<unknown>[]): string {
  return batch.length === 1
    ? `index ${batch[0]!.index}`
    : `indexes ${batch[0]!.index} to ${batch.at(-1)!.index}`;
}

/** The same bytes with borders at other places, some of them empty pieces. */
function cut(bytes: Uint8Array, random: Random): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  const size = Math.max(1, Math.ceil(bytes.length / random.between(1, 4)));
  for (let at = 0; at < bytes.length; ) {
    const length = random.between(random.between(0, 7) === 0 ? 0 : 1, size);
    pieces.push(bytes.slice(at, at + length));
    at += length;
  }
  return pieces;
}

/** Claims that two instances did the same with the same steps. */
export function expectSameResults(
  steps: readonly Step<unknown>[],
  [one, results]: readonly [name: string, results: readonly unknown[]],
  [other, others]: readonly [name: string, results: readonly unknown[]],
): void {
  for (const [at, step] of steps.entries()) {
    if (structureKey(results[at]) === structureKey(others[at])) continue;
    throw new Breach(
      `index ${step.index}: ${textOf(step.command)}\n${one} answered ${textOf(results[at])}\n${other} answered ${textOf(others[at])}`,
    );
  }
}

export function expectSameAnswers(
  queries: readonly unknown[],
  [one, answers]: readonly [name: string, answers: readonly unknown[]],
  [other, others]: readonly [name: string, answers: readonly unknown[]],
): void {
  for (const [at, query] of queries.entries()) {
    if (structureKey(answers[at]) === structureKey(others[at])) continue;
    throw new Breach(
      `query ${textOf(query)}\n${one} answered ${textOf(answers[at])}\n${other} answered ${textOf(others[at])}`,
    );
  }
}

export function expectSameBytes(
  [one, bytes]: readonly [name: string, bytes: Uint8Array],
  [other, others]: readonly [name: string, bytes: Uint8Array],
): void {
  if (equalBytes(bytes, others)) return;
  let at = 0;
  while (bytes[at] === others[at]) at++;
  throw new Breach(
    `the snapshots differ from byte ${at} on\n${one}: ${excerpt(bytes, at)}\n${other}: ${excerpt(others, at)}`,
  );
}

function excerpt(bytes: Uint8Array, at: number): string {
  const part = bytes.subarray(Math.max(0, at - 20), at + 40);
  const isText = part.every((byte) => byte >= 0x20 && byte < 0x7f);
  const text = isText
    ? String.fromCharCode(...part)
    : [...part].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return `${at > 20 ? "…" : ""}${text}${at + 40 < bytes.length ? "…" : ""} (${bytes.length} bytes)`;
}
