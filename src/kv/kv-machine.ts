import type { Applied, StateMachine } from "../replica/state-machine.ts";
import { decodeCommand } from "./command-codec.ts";
import { Executor } from "./executor.ts";
import type { Revision } from "./key-history.ts";
import type { KeyRange } from "./key-range.ts";
import { restoreState } from "./kv-restore.ts";
import { snapshotChunks } from "./kv-snapshot.ts";
import { emptyState } from "./kv-state.ts";
import type { LeaseObserver, LeaseTable } from "./lease.ts";
import type { KvResult, Refused } from "./result.ts";
import { type Selection, selectRange } from "./selection.ts";
import type { SessionTable } from "./session-table.ts";
import { hashSteps } from "./state-hash.ts";
import type { KeysFound, RangeOptions, Store } from "./store.ts";
import { WatchHub } from "./watch.ts";

/** What can be asked of the state without changing it. */
export type KvQuery =
  | ({
      readonly kind: "range";
      readonly range: KeyRange;
      readonly selection?: Selection | null;
    } & RangeOptions)
  | { readonly kind: "count"; readonly range: KeyRange; readonly revision?: Revision }
  | { readonly kind: "hash"; readonly revision: Revision };

export type KvAnswer =
  | ({ readonly kind: "range"; readonly revision: Revision } & KeysFound)
  | { readonly kind: "count"; readonly revision: Revision; readonly count: number }
  | {
      readonly kind: "hash";
      readonly revision: Revision;
      readonly compactRevision: Revision;
      readonly hash: number;
    }
  | Refused;

/** The key-value store as a state machine: etcd's data model, applied to encoded commands. */
export class KvMachine implements StateMachine<Uint8Array, KvResult, KvQuery, KvAnswer> {
  #state = emptyState();
  #executor = new Executor(this.#state);
  #observer: LeaseObserver | null = null;
  readonly #watches = new WatchHub(this.#state.store);
  #commands = 0;
  #refusals = 0;

  /** For reading. It is another one after `restore`. */
  get store(): Store {
    return this.#state.store;
  }

  get leases(): LeaseTable {
    return this.#state.leases;
  }

  get sessions(): SessionTable {
    return this.#state.sessions;
  }

  get isOutOfSpace(): boolean {
    return this.#state.isOutOfSpace;
  }

  get watches(): WatchHub {
    return this.#watches;
  }

  /** How many commands this member has applied since it started, and how many of them changed nothing. */
  get counts(): { readonly commands: number; readonly refusals: number } {
    return { commands: this.#commands, refusals: this.#refusals };
  }

  /** Tells one observer what happens to leases, also across `restore`; null ends it. */
  observeLeases(observer: LeaseObserver | null): void {
    this.#observer = observer;
    this.leases.observe(observer);
  }

  apply(batch: readonly Applied<Uint8Array>[]): readonly KvResult[] {
    const results: KvResult[] = [];
    for (const applied of batch) {
      const result = this.#executor.execute(decodeCommand(applied.command), applied);
      if (result.kind === "refused") this.#refusals += 1;
      results.push(result);
    }
    this.#commands += batch.length;
    this.#watches.publish();
    this.store.compaction.step(COMPACTION_STEP_MIN + COMPACTION_STEP_PER_COMMAND * batch.length);
    return results;
  }

  query(query: KvQuery): KvAnswer {
    const { store } = this;
    const { revision } = store;
    const refusal = this.#executor.operations.checkRevision(query.revision ?? null);
    if (refusal !== null) return refusal;
    switch (query.kind) {
      case "range": {
        const { range, selection = null, ...options } = query;
        return { kind: "range", revision, ...selectRange(store, range, { ...options, selection }) };
      }
      case "count":
        return { kind: "count", revision, count: store.count(query.range, query.revision) };
      case "hash":
        return hash(store, query.revision);
    }
  }

  snapshot(): Iterable<Uint8Array> {
    return snapshotChunks(this.#state);
  }

  restore(chunks: Iterable<Uint8Array>): void {
    this.#state = restoreState(chunks);
    this.#executor = new Executor(this.#state);
    this.leases.observe(this.#observer);
    this.#observer?.replaced(this.leases);
    this.#watches.restore(this.store);
  }
}

/** Changes that a compaction looks at after each batch: more than the batch brings, so it always ends. */
const COMPACTION_STEP_MIN = 512;
const COMPACTION_STEP_PER_COMMAND = 4;

function hash(store: Store, revision: Revision): KvAnswer {
  const steps = hashSteps(store, revision);
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  return { kind: "hash", revision, compactRevision: store.compactRevision, hash: step.value! };
}
