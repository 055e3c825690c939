import type { KeyVersion, Revision } from "../../../kv/mvcc/key-history.ts";
import { inRange } from "../../../kv/mvcc/key-range.ts";
import type { WatchBatch, WatchedChange } from "../../../kv/mvcc/watch-hub.ts";
import { type Check, Violation } from "../../check.ts";
import type { SimEvent } from "../../simulation/seen/sim-event.ts";
import { structureKey } from "../../structure.ts";
import type { KvNote } from "./kv-note.ts";
import { StoreRun } from "./store-run.ts";

type Began = Extract<KvNote, { kind: "watch-began" }>;

/** What etcd promises of filters, previous values, and where a watch begins and ends. */
export class TrueChanges implements Check {
  readonly name = "W7";
  readonly says =
    "A watch tells what was agreed on, as it was, from where it was to begin, and just what it was asked to tell.";
  readonly kinds = [...StoreRun.kinds, "started", "noted"] as const;
  readonly #run: StoreRun;
  readonly #watches = new Map<string, { readonly began: Began; told: Revision }>();

  constructor(run = new StoreRun()) {
    this.#run = run;
  }

  observe(event: SimEvent): void {
    if (event.kind === "noted") this.#noted(event.member, event.note as KvNote);
    else if (event.kind === "started") this.#forget(event.member);
    else this.#run.parts(event);
  }

  #forget(member: number): void {
    for (const name of this.#watches.keys()) if (name.startsWith(`${member}/`)) this.#watches.delete(name);
  }

  #noted(member: number, note: KvNote): void {
    const name = `${member}/${note.watch}`;
    if (note.kind === "watch-began") {
      this.#watches.set(name, { began: note, told: note.from - 1 });
      return;
    }
    const { store } = this.#run;
    const watch = this.#watches.get(name)!;
    if (note.batch.kind === "changes") {
      this.#compare(watch, note.batch);
      watch.told = note.batch.revision;
    } else if (note.batch.compactRevision > store.compactRevision) {
      const { compactRevision } = note.batch;
      this.#fail(watch.began, `says that ${compactRevision} was compacted; ${store.compactRevision} was`);
    }
  }

  #compare(
    { began, told }: { readonly began: Began; readonly told: Revision },
    { changes, revision }: Extract<WatchBatch, { kind: "changes" }>,
  ): void {
    const { store } = this.#run;
    if (revision > store.revision) this.#fail(began, `tells revision ${revision} of ${store.revision}`);
    const due: KeyVersion[] = [];
    for (let each = told + 1; each <= revision; each++)
      due.push(...store.changesOf(each).filter((change) => isAskedFor(change, began)));
    const [seen, wanted] = [changes.map(({ change }) => change), due].map(structureKey);
    if (seen !== wanted) this.#fail(began, `tells ${seen}; the model says ${wanted}`);
    for (const change of changes) this.#comparePrevious(change, began);
  }

  /** What is compacted cannot be told; which member has compacted how far, the model does not know. */
  #comparePrevious({ change, previous }: WatchedChange, began: Began): void {
    const { store } = this.#run;
    const before = change.modRevision - 1;
    if (previous === null && before < store.compactRevision) return;
    const due = began.previous ? store.keyAt(change.key, before) : null;
    const [seen, wanted] = [previous, due].map(structureKey);
    if (seen !== wanted)
      this.#fail(began, `tells that ${change.key} was ${seen} before; the model says ${wanted}`);
  }

  #fail({ watch, from }: Began, what: string): never {
    throw new Violation(this, `Watch ${watch} from ${from} ${what}.`);
  }
}

function isAskedFor(change: KeyVersion, { range, without }: Began): boolean {
  return inRange(change.key, range) && without !== (change.version === 0 ? "delete" : "put");
}
