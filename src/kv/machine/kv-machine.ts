import { crc32 } from "../../base/checksum.ts";
import type { Applied, Restoration, StateMachine } from "../../replica/state-machine.ts";
import type { Auth } from "../auth/auth.ts";
import type { Revision } from "../mvcc/key-history.ts";
import type { KeyRange } from "../mvcc/key-range.ts";
import type { KeysFound, MvccStore, RangeOptions } from "../mvcc/mvcc-store.ts";
import { type Selection, selectRange } from "../mvcc/selection.ts";
import { WatchHub } from "../mvcc/watch-hub.ts";
import type { Alarms } from "./alarms.ts";
import type { Authority } from "./authority.ts";
import type { AuthTokenCommand } from "./command.ts";
import { decodeCommand } from "./command-codec.ts";
import { Counts } from "./counts.ts";
import { Executor, type Moment } from "./executor.ts";
import type { GrantedToken } from "./granted-token.ts";
import { emptyState, type KvState } from "./kv-state.ts";
import type { LeaseObserver, LeaseTable } from "./lease-table.ts";
import type { KvResult, Refused } from "./result.ts";
import type { SessionTable } from "./session-table.ts";
import { snapshotChunks } from "./snapshot-chunks.ts";
import { StateReader } from "./state-reader.ts";

/** What can be asked of the state without changing it. */
export type KvQuery =
  | ({
      readonly kind: "range";
      readonly range: KeyRange;
      readonly selection?: Selection | null;
    } & RangeOptions)
  | { readonly kind: "count"; readonly range: KeyRange; readonly revision?: Revision };

/** The answer to a `KvQuery`: what was read and the revision it is of, or why it was refused. */
export type KvAnswer =
  | ({ readonly kind: "range"; readonly revision: Revision } & KeysFound)
  | { readonly kind: "count"; readonly revision: Revision; readonly count: number }
  | Refused;

/** The key-value store as a state machine: etcd's data model, applied to encoded commands. */
export class KvMachine implements StateMachine<Uint8Array, KvResult, KvQuery, KvAnswer> {
  readonly kind = "kv";
  #state = emptyState();
  /** What this member has carried out since it started. */
  readonly counts = new Counts();
  #executor = new Executor(this.#state, this.counts);
  #observer: LeaseObserver | undefined = undefined;
  #time = 0;
  readonly #tokenListeners = new Set<(token: GrantedToken) => void>();
  readonly #watches = new WatchHub(this.#state.store);

  /** The time of the newest command that was applied since the start, in milliseconds since 1970; 0 before the first. */
  get time(): number {
    return this.#time;
  }

  /** For reading. It is another one after `restore`. */
  get store(): MvccStore {
    return this.#state.store;
  }

  /** What keys, values, history, leases and client sessions weigh in memory, about: what a quota is of. */
  get heldBytes(): number {
    const { store, leases, sessions } = this.#state;
    return store.heldBytes + leases.size * LEASE_BYTES + sessions.heldBytes;
  }

  /** The leases, for reading. It is another object after `restore`. */
  get leases(): LeaseTable {
    return this.#state.leases;
  }

  /** The client sessions, for reading. It is another object after `restore`. */
  get sessions(): SessionTable {
    return this.#state.sessions;
  }

  /** The users and roles, for reading. It is another object after `restore`. */
  get auth(): Auth {
    return this.#state.auth;
  }

  /** Says what a caller may do, as of now. */
  get authority(): Authority {
    return this.#executor.authority;
  }

  /** The alarms that are raised. It is another object after `restore`. */
  get alarms(): Pick<Alarms, "isRaised" | "all"> {
    return this.#state.alarms;
  }

  /** Whether a `no-space` alarm is raised: writes that would grow the store are refused. */
  get isOutOfSpace(): boolean {
    return this.alarms.isRaised("no-space");
  }

  /** The hub at which changes are watched. It stays the same after `restore`. */
  get watches(): WatchHub {
    return this.#watches;
  }

  /** Tells one observer what happens to leases, also across `restore`; null ends it. */
  observeLeases(observer: LeaseObserver | undefined): void {
    this.#observer = observer;
    this.leases.observe(observer);
  }

  /** Tells of each token that is granted from now on, until the function that is returned is called. */
  onToken(listener: (token: GrantedToken) => void): () => void {
    this.#tokenListeners.add(listener);
    return () => this.#tokenListeners.delete(listener);
  }

  apply(batch: readonly Omit<Applied<Uint8Array>, "random">[]): readonly KvResult[] {
    const results: KvResult[] = [];
    for (const applied of batch) {
      const command = decodeCommand(applied.command);
      const result = this.#executor.execute(command, applied);
      this.#time = applied.time;
      if (result.kind === "refused") this.counts.refusals += 1;
      else if (command?.kind === "auth-token") this.#tellToken(command, applied);
      results.push(result);
    }
    this.counts.commands += batch.length;
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
    }
  }

  snapshot(): Iterable<Uint8Array> {
    return snapshotChunks(this.#state);
  }

  #tellToken({ user, digest, authRevision }: AuthTokenCommand, { index, time }: Moment): void {
    for (const listener of this.#tokenListeners) listener({ user, digest, authRevision, index, time });
  }

  restore(chunks: Iterable<Uint8Array>): void {
    const restoration = this.beginRestore();
    for (const chunk of chunks) restoration.write(chunk);
    restoration.finish();
  }

  /** Watches, leases and queries show the old state until the new one is there whole. */
  beginRestore(): Restoration {
    const reader = new StateReader();
    return {
      write: (piece) => reader.write(piece),
      finish: () => {
        this.#become(reader.finish());
        return true;
      },
    };
  }

  /** Of all that a snapshot of this moment would hold. */
  beginHash(): () => number | undefined {
    const chunks = snapshotChunks(this.#state);
    let sum = 0;
    return () => {
      const { done, value } = chunks.next();
      if (done === true) return sum;
      sum = crc32(value, sum);
      return undefined;
    };
  }

  #become(state: KvState): void {
    this.#state = state;
    this.#executor = new Executor(this.#state, this.counts);
    this.leases.observe(this.#observer);
    this.#observer?.replaced(this.leases);
    this.#watches.restore(this.store);
  }
}

/**
 * Changes that a compaction looks at after each batch, so that it also ends where nobody helps it along between the
 * batches, as the store does. Two for each command: history is given up in halves.
 */
const COMPACTION_STEP_MIN = 64;
const COMPACTION_STEP_PER_COMMAND = 2;

/** What a lease weighs, with its set of keys and what its keeper counts, about. */
const LEASE_BYTES = 600;
