import type { ErrorCode } from "../../../base/errors.ts";
import type { Command, Operation, PutCommand, TxnCommand } from "../../../kv/machine/command.ts";
import type { KvQuery } from "../../../kv/machine/kv-machine.ts";
import type { KeyVersion, LeaseId, Revision } from "../../../kv/mvcc/key-history.ts";
import type { Key } from "../../../kv/mvcc/key-range.ts";
import type { Index } from "../../../log/entry.ts";
import { naiveHolds, naiveWrites } from "./naive-compare.ts";
import { type NaiveKeys, naiveCount, naiveRange } from "./naive-range.ts";

/** What the model says of a command or a question: a result as the store gives it, or the code of a refusal. */
export type Due = { readonly kind: string; readonly revision: Revision } & Readonly<Record<string, unknown>>;

export interface NaiveLease {
  readonly id: LeaseId;
  readonly ttlMs: number;
  readonly remainingMs: number;
  readonly renewedAt: Index;
}

/** What was when an entry had taken effect. */
interface Moment {
  readonly index: Index;
  readonly revision: Revision;
  readonly compactRevision: Revision;
  readonly leases: ReadonlyMap<LeaseId, NaiveLease>;
}

/** As the store's: a lease needs some round trips to be kept. */
const TTL_MIN_MS = 500;

/**
 * The key-value store said as simply as possible: a map of the keys for each revision that there ever was, and nothing
 * is forgotten. It shares no code with the store, and no lists: the keys of a lease are those that name it.
 */
export class NaiveStore {
  readonly #past = new Map<Revision, NaiveKeys>();
  readonly #changes = new Map<Revision, readonly KeyVersion[]>();
  readonly #moments: Moment[] = [];
  #revision: Revision = 1;
  #compactRevision: Revision = -1;
  #leases: ReadonlyMap<LeaseId, NaiveLease> = new Map();
  /** The keys as they are now, what an unfinished command has changed included. */
  #keys: NaiveKeys = new Map();
  #changed: KeyVersion[] = [];

  /** Carries out a command; null for one that the store cannot read. */
  execute(command: Command | null, index: Index): Due {
    const due = command === null ? this.#refused("ERR_INVALID_ARGUMENT") : this.#execute(command, index);
    if (this.#changed.length > 0) {
      this.#revision += 1;
      this.#past.set(this.#revision, this.#keys);
      this.#changes.set(this.#revision, this.#changed);
      this.#changed = [];
    }
    this.#moments.push({
      index,
      revision: this.#revision,
      compactRevision: this.#compactRevision,
      leases: this.#leases,
    });
    return due;
  }

  /** Passes over an entry that has changed nothing. */
  skip(index: Index): void {
    const { revision, compactRevision, leases } = this.#at(index);
    this.#moments.push({ index, revision, compactRevision, leases });
  }

  /** The answer to a question that is asked once the entry at `index` has taken effect. */
  answer(query: KvQuery, index: Index): Due {
    const { revision, compactRevision } = this.#at(index);
    const code = refusalOf(query.revision ?? null, revision, compactRevision);
    if (code !== null) return { kind: "refused", revision, code };
    const keys = this.#keysAt(query.revision ?? revision);
    if (query.kind === "count") return { kind: "count", revision, count: naiveCount(keys, query.range) };
    const { range, limit = 0, reverse = false, selection = null } = query;
    return { kind: "range", revision, ...naiveRange(keys, range, { limit, reverse, selection }) };
  }

  /** What changed in a revision, in order; nothing for a revision that is still to come. */
  changesOf(revision: Revision): readonly KeyVersion[] {
    return this.#changes.get(revision) ?? [];
  }

  keyAt(key: Key, revision: Revision): KeyVersion | null {
    return this.#keysAt(revision).get(key) ?? null;
  }

  get revision(): Revision {
    return this.#revision;
  }

  get compactRevision(): Revision {
    return this.#compactRevision;
  }

  /** The leases that there were after an entry, with the keys that hung on them. */
  leasesAt(index: Index): (NaiveLease & { readonly keys: readonly Key[] })[] {
    const { leases, revision } = this.#at(index);
    const keys = [...this.#keysAt(revision).values()];
    return [...leases.values()].map((lease) => ({ ...lease, keys: keysOf(keys, lease.id) }));
  }

  #at(index: Index): Moment {
    return this.#moments.findLast((moment) => moment.index <= index) ?? BEGINNING;
  }

  #keysAt(revision: Revision): NaiveKeys {
    return this.#past.get(revision) ?? new Map();
  }

  #execute(command: Command, index: Index): Due {
    switch (command.kind) {
      case "put":
        return this.#refusePut(command) ?? this.#run(command);
      case "delete":
        return this.#run(command);
      case "txn":
        return this.#txn(command);
      case "compact":
        return this.#compact(command.revision);
      case "lease-grant": {
        if (this.#leases.has(command.lease)) return this.#refused("ERR_LEASE_EXISTS");
        const id = command.lease === "" ? String(index) : command.lease;
        const ttlMs = Math.max(command.ttlMs, TTL_MIN_MS);
        this.#keep({ id, ttlMs, remainingMs: ttlMs, renewedAt: index });
        return { kind: "lease-grant", revision: this.#revision, lease: id, ttlMs };
      }
      case "lease-keep-alive":
        return this.#keepAlive(command.leases, index);
      case "lease-revoke":
        return this.#revoke(command.lease, command.renewedAt);
      case "lease-checkpoint":
        for (const { lease: id, renewedAt, remainingMs } of command.checkpoints) {
          const lease = this.#leases.get(id);
          if (lease?.renewedAt === renewedAt)
            this.#keep({ ...lease, remainingMs: Math.min(remainingMs, lease.remainingMs) });
        }
        return this.#done();
      case "session-open":
        return { kind: "session-open", revision: this.#revision, session: String(index) };
      default:
        return this.#done();
    }
  }

  #compact(revision: Revision): Due {
    const code = refusalOf(revision, this.#revision, this.#compactRevision);
    if (code !== null) return this.#refused(code);
    if (revision === this.#compactRevision) return this.#refused("ERR_COMPACTED");
    this.#compactRevision = revision;
    return this.#done();
  }

  #keepAlive(ids: readonly LeaseId[], index: Index): Due {
    const ttlsMs = ids.map((id) => {
      const lease = this.#leases.get(id);
      if (lease === undefined) return 0;
      this.#keep({ ...lease, remainingMs: lease.ttlMs, renewedAt: index });
      return lease.ttlMs;
    });
    return { kind: "lease-keep-alive", revision: this.#revision, ttlsMs };
  }

  #revoke(id: LeaseId, renewedAt: Index | null): Due {
    const lease = this.#leases.get(id);
    if (lease === undefined || (renewedAt !== null && lease.renewedAt !== renewedAt))
      return this.#refused("ERR_LEASE_NOT_FOUND");
    this.#leases = new Map([...this.#leases].filter(([other]) => other !== id));
    const deleted = keysOf([...this.#keys.values()], id).map((key) => this.#keys.get(key)!);
    for (const { key } of deleted) this.#delete(key);
    return { kind: "lease-revoke", revision: this.#openRevision, deleted };
  }

  /** All compares look at the state before, and whatever could be refused is refused before anything is done. */
  #txn(txn: TxnCommand): Due {
    const taken = this.#decide(txn);
    if (naiveWrites(txn).isDouble) return this.#refused("ERR_DUPLICATE_KEY");
    const operations = [...allOf(taken)];
    for (const operation of operations) {
      const refusal = operation.kind === "put" ? this.#refusePut(operation) : null;
      if (refusal !== null) return refusal;
    }
    for (const operation of operations) {
      if (operation.kind !== "range" && operation.kind !== "count") continue;
      const code = refusalOf(operation.revision, this.#revision, this.#compactRevision);
      if (code !== null) return this.#refused(code);
    }
    return this.#run(taken);
  }

  #decide({ compares, success, failure }: TxnCommand): Taken {
    const succeeded = compares.every((compare) => naiveHolds(compare, this.#keys));
    const operations = (succeeded ? success : failure).map((operation) =>
      operation.kind === "txn" ? this.#decide(operation) : operation,
    );
    return { kind: "taken", succeeded, operations };
  }

  /** Does what nothing speaks against any more. */
  #run(operation: Exclude<Operation, TxnCommand> | Taken): Due {
    switch (operation.kind) {
      case "put": {
        const previous = this.#keys.get(operation.key) ?? null;
        this.#put(operation, previous);
        return { kind: "put", revision: this.#openRevision, previous };
      }
      case "delete": {
        const everything = { limit: 0, reverse: false, selection: null };
        const deleted = naiveRange(this.#keys, operation.range, everything).versions;
        for (const { key } of deleted) this.#delete(key);
        return { kind: "delete", revision: this.#openRevision, deleted };
      }
      case "range": {
        const found = naiveRange(this.#seenBy(operation), operation.range, operation);
        return { kind: "range", revision: this.#openRevision, ...found };
      }
      case "count": {
        const count = naiveCount(this.#seenBy(operation), operation.range);
        return { kind: "count", revision: this.#openRevision, count };
      }
      case "taken": {
        const results = operation.operations.map((each) => this.#run(each));
        return { kind: "txn", revision: this.#openRevision, succeeded: operation.succeeded, results };
      }
    }
  }

  #seenBy({ revision }: { readonly revision: Revision | null }): NaiveKeys {
    return revision === null ? this.#keys : this.#keysAt(revision);
  }

  #refusePut({ key, value, lease }: PutCommand): Due | null {
    if (key === "") return this.#refused("ERR_INVALID_ARGUMENT");
    if ((value === null || lease === null) && !this.#keys.has(key)) return this.#refused("ERR_KEY_NOT_FOUND");
    if (lease !== null && lease !== "" && !this.#leases.has(lease))
      return this.#refused("ERR_LEASE_NOT_FOUND");
    return null;
  }

  #put({ key, value, lease }: PutCommand, previous: KeyVersion | null): void {
    const modRevision = this.#revision + 1;
    this.#change({
      key,
      value: value ?? previous!.value,
      createRevision: previous?.createRevision ?? modRevision,
      modRevision,
      sub: this.#changed.length,
      version: (previous?.version ?? 0) + 1,
      lease: lease ?? previous!.lease,
    });
  }

  #delete(key: Key): void {
    const modRevision = this.#revision + 1;
    const sub = this.#changed.length;
    this.#change({ key, value: "", createRevision: 0, modRevision, sub, version: 0, lease: "" });
  }

  #change(change: KeyVersion): void {
    const keys = new Map(this.#keys);
    if (change.version === 0) keys.delete(change.key);
    else keys.set(change.key, change);
    this.#keys = keys;
    this.#changed.push(change);
  }

  #keep(lease: NaiveLease): void {
    this.#leases = new Map(this.#leases).set(lease.id, lease);
  }

  get #openRevision(): Revision {
    return this.#changed.length > 0 ? this.#revision + 1 : this.#revision;
  }

  #done(): Due {
    return { kind: "done", revision: this.#revision };
  }

  #refused(code: ErrorCode): Due {
    return { kind: "refused", revision: this.#revision, code };
  }
}

/** A transaction, once it is known which branches are taken. */
interface Taken {
  readonly kind: "taken";
  readonly succeeded: boolean;
  readonly operations: readonly (Exclude<Operation, TxnCommand> | Taken)[];
}

const BEGINNING: Moment = { index: 0, revision: 1, compactRevision: -1, leases: new Map() };

function* allOf({ operations }: Taken): Generator<Exclude<Operation, TxnCommand>> {
  for (const operation of operations) {
    if (operation.kind === "taken") yield* allOf(operation);
    else yield operation;
  }
}

/** Why a past cannot be read, or null. */
function refusalOf(
  wanted: Revision | null,
  revision: Revision,
  compactRevision: Revision,
): "ERR_COMPACTED" | "ERR_FUTURE_REVISION" | null {
  if (wanted === null) return null;
  if (wanted > revision) return "ERR_FUTURE_REVISION";
  return wanted < compactRevision ? "ERR_COMPACTED" : null;
}

function keysOf(versions: readonly KeyVersion[], lease: LeaseId): Key[] {
  return versions
    .filter((version) => version.lease === lease)
    .map(({ key }) => key)
    .sort();
}
