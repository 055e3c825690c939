import type { Command, SessionWriteCommand } from "../../../kv/machine/command.ts";
import { decodeCommand } from "../../../kv/machine/command-codec.ts";
import type { KvResult } from "../../../kv/machine/result.ts";
import type { Index } from "../../../log/entry.ts";
import type { MemberEvent } from "../../simulation/seen/sim-event.ts";

/** A command that took effect, and what the store made of it. */
export interface Effect {
  readonly index: Index;
  /** Null when the store could not read it. */
  readonly command: Command | null;
  readonly result: KvResult;
}

/** The commands of a store as they take effect: in the order of the log, each once, whoever executes it again. */
export class Effects {
  #index: Index = 0;
  readonly #done = new Set<string>();

  /** Null when another member was first, or the write of a client session was made before under its number. */
  next({ applied, result }: Extract<MemberEvent, { kind: "executed" }>): Effect | null {
    const { index } = applied;
    if (index <= this.#index) return null;
    this.#index = index;
    const command = decodeCommand(applied.command as Uint8Array);
    const effect = { index, result: result as KvResult };
    if (command?.kind !== "session-write") return { ...effect, command };
    if (this.#done.has(nameOf(command))) return null;
    // A refused write is not remembered, and may be made anew.
    if (effect.result.kind !== "refused") this.#done.add(nameOf(command));
    return { ...effect, command: decodeCommand(command.write) };
  }
}

/** What a repeated write has in common with the first. */
export function nameOf({ session, number }: SessionWriteCommand): string {
  return `${session}/${number}`;
}
