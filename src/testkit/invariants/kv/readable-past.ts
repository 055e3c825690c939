import type { Check } from "../../check.ts";
import type { SimEvent } from "../../simulation/seen/sim-event.ts";
import { demandEqual, type Part, StoreRun } from "./store-run.ts";

/** etcd's rule: a compaction takes away whole revisions, and nothing of what is left. */
export class ReadablePast implements Check {
  readonly name = "K3";
  readonly says =
    "A past revision reads as it was until it is compacted; one that is compacted or to come is refused.";
  readonly kinds = StoreRun.kinds;
  readonly #run: StoreRun;

  constructor(run = new StoreRun()) {
    this.#run = run;
  }

  observe(event: SimEvent): void {
    for (const part of this.#run.parts(event)) if (isOfPast(part)) demandEqual(this, part);
  }
}

function isOfPast({ asked }: Part): boolean {
  if (asked.kind === "compact") return true;
  return (asked.kind === "range" || asked.kind === "count") && (asked.revision ?? null) !== null;
}
