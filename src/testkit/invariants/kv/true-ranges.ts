import type { Command, Operation } from "../../../kv/command.ts";
import { decodeCommand } from "../../../kv/command-codec.ts";
import type { Key, KeyRange } from "../../../kv/key-range.ts";
import type { KvResult, OperationResult } from "../../../kv/result.ts";
import type { Index } from "../../../log/entry.ts";
import { type Check, Violation } from "../../check.ts";
import type { SimEvent } from "../../simulation/event.ts";

/** Keeps the keys in a plain set, and shares nothing with the store: not even what it means to lie in a range. */
export class TrueRanges implements Check {
  readonly name = "K2";
  readonly says = "A command that names a range meets exactly the keys that are there and lie in it.";
  readonly kinds = ["executed"] as const;
  readonly #keys = new Set<Key>();
  #index: Index = 0;

  observe(event: SimEvent): void {
    if (event.kind !== "executed" || event.applied.index <= this.#index) return;
    this.#index = event.applied.index;
    const command = decodeCommand(event.applied.command as Uint8Array);
    if (command !== null) this.#take(command, event.result as KvResult);
  }

  #take(command: Command | Operation, result: KvResult | OperationResult): void {
    if (command.kind === "put" && result.kind === "put") this.#keys.add(command.key);
    else if (command.kind === "delete" && result.kind === "delete") {
      this.#compare(command.range, result.deleted);
      this.#remove(result.deleted);
    } else if (command.kind === "range" && result.kind === "range") {
      if (command.revision === null && command.selection === null && !result.more)
        this.#compare(command.range, result.versions);
    } else if (command.kind === "txn" && result.kind === "txn") {
      const branch = result.succeeded ? command.success : command.failure;
      for (const [place, operation] of branch.entries()) this.#take(operation, result.results[place]!);
    } else if (result.kind === "lease-revoke") this.#remove(result.deleted);
  }

  #remove(versions: readonly { readonly key: Key }[]): void {
    for (const { key } of versions) this.#keys.delete(key);
  }

  #compare({ from, to }: KeyRange, versions: readonly { readonly key: Key }[]): void {
    const seen = versions.map(({ key }) => key).sort();
    const due = [...this.#keys].filter((key) => key >= from && (to === null || key < to)).sort();
    if (seen.join("\0") === due.join("\0")) return;
    const where = `from ${from} to ${to ?? "the end"}`;
    throw new Violation(
      this,
      `Entry ${this.#index} meets ${seen.join(", ") || "nothing"} ${where}, where ${due.join(", ") || "nothing"} is.`,
    );
  }
}
