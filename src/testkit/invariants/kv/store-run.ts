import type { Command, Operation } from "../../../kv/machine/command.ts";
import type { KvAnswer, KvQuery } from "../../../kv/machine/kv-machine.ts";
import type { KvResult, OperationResult } from "../../../kv/machine/result.ts";
import type { Index } from "../../../log/entry.ts";
import { type Check, Violation } from "../../check.ts";
import type { OperationEvent, SimEvent } from "../../simulation/seen/sim-event.ts";
import { structureKey } from "../../structure.ts";
import { Effects } from "./effects.ts";
import { type Due, NaiveStore } from "./naive-store.ts";

/** One thing that a store was asked for, what it said, and what the model says. */
export interface Part {
  readonly index: Index;
  readonly asked: Command | Operation | KvQuery;
  readonly seen: KvResult | OperationResult | KvAnswer;
  readonly due: Due;
}

/**
 * A run of a store with the model beside it, which executes whatever any member executes first. Several checks share
 * one: whoever asks about an event first moves it on.
 */
export class StoreRun {
  static readonly kinds = ["called", "executed", "returned"] as const;
  readonly store = new NaiveStore();
  readonly #effects = new Effects();
  readonly #queries = new Map<number, KvQuery>();
  #newest: SimEvent | null = null;
  #parts: readonly Part[] = [];

  /** What an event shows of the store; operations of a transaction each by themselves, behind the transaction. */
  parts(event: SimEvent): readonly Part[] {
    if (event !== this.#newest) {
      this.#newest = event;
      this.#parts = this.#next(event);
    }
    return this.#parts;
  }

  #next(event: SimEvent): readonly Part[] {
    if (event.kind === "called") this.#called(event);
    else if (event.kind === "returned") return this.#returned(event);
    else if (event.kind === "executed") {
      const effect = this.#effects.next(event);
      if (effect === null) return NOTHING;
      const { index, command, result } = effect;
      if (command === null || isBeyondModel(result)) this.store.skip(index);
      else return partsOf({ index, asked: command, seen: result, due: this.store.execute(command, index) });
    }
    return NOTHING;
  }

  #called({ operation, input }: Extract<OperationEvent, { kind: "called" }>): void {
    if (typeof input === "object" && input !== null && "query" in input)
      this.#queries.set(operation, input.query as KvQuery);
  }

  #returned({ operation, ending }: Extract<OperationEvent, { kind: "returned" }>): readonly Part[] {
    const asked = this.#queries.get(operation);
    this.#queries.delete(operation);
    if (asked === undefined || ending.is !== "answered") return NOTHING;
    const { index, output } = ending;
    return [{ index, asked, seen: output as KvAnswer, due: this.store.answer(asked, index) }];
  }
}

const NOTHING: readonly Part[] = [];

/** Limits and the memory of client sessions are not the model's affair. */
function isBeyondModel(result: KvResult): boolean {
  return result.kind === "refused" && BEYOND.has(result.code);
}

const BEYOND: ReadonlySet<string> = new Set([
  ...[
    "ERR_TOO_LARGE",
    "ERR_BUSY",
    "ERR_NO_SPACE",
    "ERR_DISK_FULL",
    "ERR_SESSION_EXPIRED",
    "ERR_ANSWER_FORGOTTEN",
  ],
]);

function partsOf(part: Part): Part[] {
  const { index, asked, seen, due } = part;
  if (asked.kind !== "txn" || seen.kind !== "txn" || due.kind !== "txn") return [part];
  const branch = due["succeeded"] === true ? asked.success : asked.failure;
  const wanted = due["results"] as readonly Due[];
  // Where another branch was taken there is nothing to be compared.
  if (seen.succeeded !== due["succeeded"] || seen.results.length !== wanted.length) return [part];
  const inner = branch.flatMap((operation, at) =>
    partsOf({ index, asked: operation, seen: seen.results[at]!, due: wanted[at]! }),
  );
  return [part, ...inner];
}

/** Throws unless the store said what the model says. */
export function demandEqual(check: Check, { index, asked, seen, due }: Part): void {
  const [said, wanted] = [structureKey(essenceOf(seen)), structureKey(essenceOf(due))];
  if (said === wanted) return;
  throw new Violation(
    check,
    `${structureKey(asked)} at entry ${index} gives ${said}; the model says ${wanted}.`,
  );
}

/** Refusals by their code; transactions without what their operations give, which are parts of their own. */
function essenceOf(result: Part["seen"] | Due): unknown {
  const { kind, revision } = result;
  if (kind === "refused") return { kind, revision, code: (result as { readonly code: string }).code };
  if (kind !== "txn") return result;
  const { succeeded, results } = result as {
    readonly succeeded: boolean;
    readonly results: readonly object[];
  };
  return { kind, revision, succeeded, operations: results.length };
}
