import type { Check } from "../../check.ts";
import type { SimEvent } from "../../simulation/seen/sim-event.ts";
import { demandEqual, StoreRun } from "./store-run.ts";

/** In the model a lease has no list of keys: each key names its lease, and the last write decides. */
export class AttachedKeys implements Check {
  readonly name = "T3";
  readonly says =
    "A lease that ends takes the keys that hang on it with it, no others, all of them in one revision.";
  readonly kinds = StoreRun.kinds;
  readonly #run: StoreRun;

  constructor(run = new StoreRun()) {
    this.#run = run;
  }

  observe(event: SimEvent): void {
    for (const part of this.#run.parts(event))
      if (part.asked.kind.startsWith("lease-")) demandEqual(this, part);
  }
}
