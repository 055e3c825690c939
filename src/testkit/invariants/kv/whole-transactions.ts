import type { Check } from "../../check.ts";
import type { SimEvent } from "../../simulation/seen/sim-event.ts";
import { demandEqual, StoreRun } from "./store-run.ts";

export class WholeTransactions implements Check {
  readonly name = "K4";
  readonly says =
    "A transaction decides by the state before it, and happens as one revision or, if it is refused, not at all.";
  readonly kinds = StoreRun.kinds;
  readonly #run: StoreRun;

  constructor(run = new StoreRun()) {
    this.#run = run;
  }

  observe(event: SimEvent): void {
    for (const part of this.#run.parts(event)) if (part.asked.kind === "txn") demandEqual(this, part);
  }
}
