import type { Check } from "../../check.ts";
import type { SimEvent } from "../../simulation/seen/sim-event.ts";
import { demandEqual, type Part, StoreRun } from "./store-run.ts";

/** The answers of reads, and what writes meet and replace; each alone and within transactions. */
export class TrueRanges implements Check {
  readonly name = "K2";
  readonly says =
    "Reads and writes meet exactly the keys that are there, with their values, revisions, versions and leases.";
  readonly kinds = StoreRun.kinds;
  readonly #run: StoreRun;

  constructor(run = new StoreRun()) {
    this.#run = run;
  }

  observe(event: SimEvent): void {
    for (const part of this.#run.parts(event)) if (isOfNow(part)) demandEqual(this, part);
  }
}

function isOfNow({ asked }: Part): boolean {
  switch (asked.kind) {
    case "put":
    case "delete":
      return true;
    case "range":
    case "count":
      return (asked.revision ?? null) === null;
    default:
      return false;
  }
}
