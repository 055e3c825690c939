import type { KvResult } from "../../../kv/machine/result.ts";
import type { Revision } from "../../../kv/mvcc/key-history.ts";
import { type Check, Violation } from "../../check.ts";
import type { SimEvent } from "../../simulation/seen/sim-event.ts";
import { Effects } from "./effects.ts";

/** etcd's rule for revisions. */
export class RevisionSteps implements Check {
  readonly name = "K1";
  readonly says = "A write that changes keys raises the revision by one, and nothing else moves it.";
  readonly kinds = ["executed"] as const;
  #revision: Revision | null = null;
  readonly #effects = new Effects();

  observe(event: SimEvent): void {
    const effect = event.kind === "executed" ? this.#effects.next(event) : null;
    if (effect === null) return;
    const { result, index } = effect;
    const before = this.#revision ?? result.revision - changesOf(result);
    this.#revision = result.revision;
    if (
      result.kind === "txn"
        ? isTxnStep(before, result.revision)
        : result.revision === before + changesOf(result)
    )
      return;
    throw new Violation(
      this,
      `A ${result.kind} at entry ${index} leads from revision ${before} to ${result.revision}.`,
    );
  }
}

function isTxnStep(before: Revision, after: Revision): boolean {
  return after === before || after === before + 1;
}

function changesOf(result: KvResult): 0 | 1 {
  switch (result.kind) {
    case "put":
      return 1;
    case "delete":
    case "lease-revoke":
      return result.deleted.length > 0 ? 1 : 0;
    default:
      return 0;
  }
}
