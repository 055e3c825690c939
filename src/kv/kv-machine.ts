import type { Index } from "../log/entry.ts";
import type { Applied, StateMachine } from "../replica/state-machine.ts";
import type { Command, LeaseCheckpointCommand, LeaseGrantCommand, LeaseRevokeCommand } from "./command.ts";
import { decodeCommand } from "./command-codec.ts";
import type { LeaseId, Revision } from "./key-history.ts";
import type { KeyRange } from "./key-range.ts";
import { type KvState, restoreState, snapshotChunks } from "./kv-snapshot.ts";
import { LEASE_TTL_MAX_MS, LEASE_TTL_MIN_MS, LEASES_MAX, type LeaseObserver, LeaseTable } from "./lease.ts";
import { leaseNotFound, Operations } from "./operations.ts";
import { type KvResult, type Refused, refused } from "./result.ts";
import { type Selection, selectRange } from "./selection.ts";
import { hashSteps } from "./state-hash.ts";
import { type KeysFound, type RangeOptions, Store } from "./store.ts";
import { runTxn } from "./txn.ts";
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
  #store = new Store();
  #leases = new LeaseTable();
  #operations = new Operations(this.#store, this.#leases);
  #observer: LeaseObserver | null = null;
  readonly #watches = new WatchHub(this.#store);

  /** For reading. It is another one after `restore`. */
  get store(): Store {
    return this.#store;
  }

  get leases(): LeaseTable {
    return this.#leases;
  }

  get watches(): WatchHub {
    return this.#watches;
  }

  /** Tells one observer what happens to leases, also across `restore`; null ends it. */
  observeLeases(observer: LeaseObserver | null): void {
    this.#observer = observer;
    this.#leases.observe(observer);
  }

  apply(batch: readonly Applied<Uint8Array>[]): readonly KvResult[] {
    const results: KvResult[] = [];
    for (const { index, command } of batch) results.push(this.#execute(decodeCommand(command), index));
    this.#watches.publish();
    this.#store.compaction.step(COMPACTION_STEP_MIN + COMPACTION_STEP_PER_COMMAND * batch.length);
    return results;
  }

  query(query: KvQuery): KvAnswer {
    const { revision } = this.#store;
    const refusal = this.#operations.checkRevision(query.revision ?? null);
    if (refusal !== null) return refusal;
    switch (query.kind) {
      case "range":
        return { kind: "range", revision, ...this.#range(query) };
      case "count":
        return { kind: "count", revision, count: this.#store.count(query.range, query.revision) };
      case "hash":
        return this.#hash(query.revision);
    }
  }

  snapshot(): Iterable<Uint8Array> {
    return snapshotChunks(this.#state);
  }

  restore(chunks: Iterable<Uint8Array>): void {
    const { store, leases } = restoreState(chunks);
    this.#store = store;
    this.#leases = leases;
    this.#operations = new Operations(store, leases);
    this.#leases.observe(this.#observer);
    this.#observer?.replaced(leases);
    this.#watches.restore(store);
  }

  get #state(): KvState {
    return { store: this.#store, leases: this.#leases };
  }

  #execute(command: Command | null, index: Index): KvResult {
    if (command === null)
      return this.#refuse("ERR_INVALID_ARGUMENT", "unknown command", { argument: "command" });
    switch (command.kind) {
      case "put": {
        const refusal = this.#operations.checkPut(command);
        if (refusal !== null) return refusal;
        return this.#commit(this.#operations.put(command));
      }
      case "delete":
        return this.#commit(this.#operations.delete(command));
      case "txn":
        return this.#commit(runTxn(command, this.#store, this.#operations));
      case "lease-grant":
        return this.#grant(command, index);
      case "lease-revoke":
        return this.#revoke(command);
      case "lease-keep-alive":
        return this.#keepAlive(command.leases, index);
      case "lease-checkpoint":
        return this.#checkpoint(command);
      case "compact":
        return this.#compact(command.revision);
    }
  }

  /** Makes a revision of what was written. The result was built knowing it. */
  #commit<Result extends KvResult>(result: Result): Result {
    this.#store.commit();
    return result;
  }

  #grant({ lease, ttlMs }: LeaseGrantCommand, index: Index): KvResult {
    if (this.#leases.size >= LEASES_MAX) {
      return this.#refuse("ERR_BUSY", `${LEASES_MAX} leases exist`, { what: "leases", limit: LEASES_MAX });
    }
    if (ttlMs > LEASE_TTL_MAX_MS) {
      return this.#refuse("ERR_INVALID_ARGUMENT", "a lease cannot last so long", {
        argument: "ttl",
        received: ttlMs,
      });
    }
    if (this.#leases.has(lease))
      return this.#refuse("ERR_LEASE_EXISTS", "there is a lease with this id already", { lease });

    const id = lease === "" ? this.#freeLeaseId(index) : lease;
    const granted = Math.max(ttlMs, LEASE_TTL_MIN_MS);
    this.#leases.add(id, granted, granted, index);
    return { kind: "lease-grant", revision: this.#store.revision, lease: id, ttlMs: granted };
  }

  /** The entry's index, which names nothing else; only a lease whose id a client chose can stand in the way. */
  #freeLeaseId(index: Index): LeaseId {
    let id = String(index);
    while (this.#leases.has(id)) id = `${id}0`;
    return id;
  }

  #revoke({ lease: id, renewedAt }: LeaseRevokeCommand): KvResult {
    const lease = this.#leases.get(id);
    if (lease === undefined || (renewedAt !== null && lease.renewedAt !== renewedAt)) {
      return leaseNotFound(this.#store.revision, id);
    }
    const versions = [...lease.keys].sort().map((key) => this.#store.get(key)!);
    const deleted = this.#operations.deleteAll(versions);
    this.#leases.remove(id);
    return { kind: "lease-revoke", revision: this.#store.commit(), deleted };
  }

  #keepAlive(ids: readonly LeaseId[], index: Index): KvResult {
    const ttlsMs = ids.map((id) => (this.#leases.keepAlive(id, index) ? this.#leases.get(id)!.ttlMs : 0));
    return { kind: "lease-keep-alive", revision: this.#store.revision, ttlsMs };
  }

  #checkpoint({ checkpoints }: LeaseCheckpointCommand): KvResult {
    for (const { lease, renewedAt, remainingMs } of checkpoints) {
      this.#leases.checkpoint(lease, renewedAt, remainingMs);
    }
    return { kind: "done", revision: this.#store.revision };
  }

  #compact(revision: Revision): KvResult {
    const refusal = this.#operations.checkRevision(revision);
    if (refusal !== null) return refusal;
    if (revision === this.#store.compactRevision) {
      const details = { revision, compactRevision: revision };
      return this.#refuse("ERR_COMPACTED", `revision ${revision} is compacted already`, details);
    }
    this.#store.compaction.begin(revision);
    return { kind: "done", revision: this.#store.revision };
  }

  #range({ range, selection = null, ...options }: KvQuery & { kind: "range" }): KeysFound {
    return selectRange(this.#store, range, { ...options, selection });
  }

  #hash(revision: Revision): KvAnswer {
    const steps = hashSteps(this.#store, revision);
    let step = steps.next();
    while (step.done !== true) step = steps.next();
    const { compactRevision } = this.#store;
    return { kind: "hash", revision, compactRevision, hash: step.value! };
  }

  #refuse<Code extends Refused["code"]>(
    code: Code,
    message: string,
    details: Refused<Code>["details"],
  ): Refused<Code> {
    return refused(this.#store.revision, code, message, details);
  }
}

/** Changes that a compaction looks at after each batch: more than the batch brings, so it always ends. */
const COMPACTION_STEP_MIN = 512;
const COMPACTION_STEP_PER_COMMAND = 4;
