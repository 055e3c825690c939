import { type Check, Violation } from "../../check.ts";
import type { Picture } from "../../simulation/seen/picture.ts";
import type { SimEvent } from "../../simulation/seen/sim-event.ts";
import { structureKey } from "../../structure.ts";
import type { KvView } from "./kv-view.ts";
import { StoreRun } from "./store-run.ts";

/** The leader counts the time down in its memory; what the members agree on is what it must give at least. */
export class KeptTime implements Check {
  readonly name = "T5";
  readonly says =
    "Each lease, its time and the keys that hang on it outlive changes of leader, starts and snapshots.";
  readonly kinds = [...StoreRun.kinds, "state"] as const;
  readonly #run: StoreRun;

  constructor(run = new StoreRun()) {
    this.#run = run;
  }

  observe(event: SimEvent, picture: Picture): void {
    this.#run.parts(event);
    if (event.kind !== "state" || event.view === undefined) return;
    const { leases } = event.view as KvView;
    const [seen, due] = [leases, this.#run.store.leasesAt(event.index)].map((each) =>
      structureKey(byId(each)),
    );
    if (seen === due) return;
    const name = picture.nameOf(event.member);
    throw new Violation(this, `After entry ${event.index} ${name} has ${seen}; the model says ${due}.`);
  }
}

function byId(leases: KvView["leases"]): KvView["leases"] {
  return leases.toSorted((left, right) => (left.id < right.id ? -1 : 1));
}
