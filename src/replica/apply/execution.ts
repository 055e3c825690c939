import { QuorateError } from "../../base/errors.ts";
import { isLate, reasonOf, synchronous } from "../../base/foreign.ts";
import { describe } from "../../base/options.ts";
import type { Index, Term } from "../../log/entry.ts";
import type { CommandRandom } from "../command-random.ts";
import type { Applied, Codec, StateMachine } from "../state-machine.ts";

/** What to do when the machine throws at a command. */
export type OnApplyError = "stop" | "report";

/** A command that is agreed on and about to be applied. */
export interface AgreedCommand {
  readonly index: Index;
  readonly term: Term;
  readonly time: number;
  readonly bytes: Uint8Array;
  /** Its proposer's number for it, or -1 when it was not proposed here. */
  readonly sequence: number;
}

/** Told what became of each command, in order. */
export interface ExecutionListener<Result> {
  settled(command: AgreedCommand, result: Result): void;
  refused(command: AgreedCommand, error: QuorateError): void;
}

/**
 * Hands agreed commands to the machine. To `stop` at one that makes it throw is always safe. To `report` it goes on
 * without it, as every other member does: then commands are handed over one by one, so that the blame is exact.
 */
export class Execution<Command, Result> {
  readonly #machine: Pick<StateMachine<Command, Result, never, unknown>, "apply">;
  readonly #codec: Codec<Command>;
  readonly #chance: CommandRandom;
  readonly #onApplyError: OnApplyError;

  constructor(
    machine: Pick<StateMachine<Command, Result, never, unknown>, "apply">,
    codec: Codec<Command>,
    chance: CommandRandom,
    onApplyError: OnApplyError,
  ) {
    this.#machine = machine;
    this.#codec = codec;
    this.#chance = chance;
    this.#onApplyError = onApplyError;
  }

  /** Throws ERR_APPLY when the member has to stop. */
  run(commands: readonly AgreedCommand[], listener: ExecutionListener<Result>): void {
    if (commands.length === 0) return;
    if (this.#onApplyError === "stop") this.#runAll(commands, listener);
    else for (const command of commands) this.#runOne(command, listener);
  }

  #runAll(commands: readonly AgreedCommand[], listener: ExecutionListener<Result>): void {
    let at = 0;
    let results: readonly Result[];
    try {
      const batch = commands.map((command, place) => {
        at = place;
        return this.#decoded(command);
      });
      at = 0;
      results = this.#machine.apply(batch);
    } catch (cause) {
      throw stop(commands[at]!.index, cause);
    }
    checkResults(commands, results);
    commands.forEach((command, place) => {
      listener.settled(command, results[place]!);
    });
  }

  #runOne(command: AgreedCommand, listener: ExecutionListener<Result>): void {
    let results: readonly Result[];
    try {
      results = this.#machine.apply([this.#decoded(command)]);
    } catch (cause) {
      if (isOfThisProcess(cause)) throw stop(command.index, cause);
      listener.refused(command, refusal(command.index, cause));
      return;
    }
    checkResults([command], results);
    listener.settled(command, results[0]!);
  }

  #decoded({ index, term, time, bytes }: AgreedCommand): Applied<Command> {
    return { index, term, time, command: this.#codec.decode(bytes), random: this.#chance.at(index) };
  }
}

/** Throws ERR_APPLY unless there is one result for each command: nobody knows what such a machine has done. */
function checkResults(commands: readonly AgreedCommand[], results: unknown): void {
  const { index } = commands[0]!;
  const must = `it must return a list of ${commands.length}, one result for each command, and no promise`;
  try {
    synchronous(results, "apply");
    if (!Array.isArray(results)) throw new TypeError(`apply returned ${describe(results)}: ${must}`);
    if (results.length !== commands.length)
      throw new TypeError(`apply returned a list of ${results.length}: ${must}`);
    // All of them are looked at, so that none rejects unseen.
    if (results.filter(isLate).length > 0) throw new TypeError(`apply returned promises: ${must}`);
  } catch (cause) {
    throw stop(index, cause);
  }
}

/**
 * What an engine throws when a process runs out of stack or memory: V8 (Node, Deno), JavaScriptCore (Bun), SpiderMonkey.
 * What it throws at an argument that is too large, such as "Invalid typed array length", it throws on every member.
 */
const EXHAUSTION =
  /^(maximum call stack size exceeded|too much recursion|(array buffer|memory) allocation failed|(.*could not allocate|failed to allocate) memory|.*\bout of memory)\.?$/i;
/** The classes of such errors, by name: an error may come from another realm. */
const EXHAUSTION_NAMES: readonly unknown[] = ["RangeError", "InternalError", "DataCloneError"];
const EXHAUSTION_CODES: readonly unknown[] = ["ENOMEM", "ERR_MEMORY_ALLOCATION_FAILED"];
/** How deep an error is looked into: the machine may have caught what the engine threw, and thrown an error of its own. */
const CAUSES_MAX = 16;

/** What depends on how much memory or stack this process has left: other members may well have applied the command. */
function isOfThisProcess(thrown: unknown): boolean {
  let cause = thrown;
  for (let depth = 0; depth < CAUSES_MAX && typeof cause === "object" && cause !== null; depth++) {
    const { name, message, code, cause: next } = cause as Error & { readonly code?: unknown };
    if (EXHAUSTION_CODES.includes(code)) return true;
    if (EXHAUSTION_NAMES.includes(name) && EXHAUSTION.test(message)) return true;
    cause = next;
  }
  return false;
}

function stop(index: Index, cause: unknown): QuorateError {
  const message = `the state machine failed while applying the commands from index ${index} on: ${reasonOf(cause)}`;
  return new QuorateError("ERR_APPLY", message, { index }, { outcome: "unknown", cause });
}

function refusal(index: Index, cause: unknown): QuorateError {
  const message = `the state machine refused the command at index ${index}: ${reasonOf(cause)}`;
  return new QuorateError("ERR_APPLY", message, { index }, { outcome: "none", cause });
}
