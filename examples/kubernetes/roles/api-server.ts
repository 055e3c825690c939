import { randomUUID } from "node:crypto";
import { type KvEntry, type Lease, QuorateError, type Store } from "quorate";
import type { KubeObject } from "../objects.ts";
import { digestOf, type Ledger, type Verb } from "../records/ledger.ts";
import { keyOf } from "../resources.ts";
import { passingFailure } from "./retry.ts";

/** How long one commit may take before it is sent again. An election takes about a second. */
const COMMIT_TIMEOUT_MS = 5_000;

/** The store holds something else than the write expected: nothing, something newer, or something at all. */
export class Conflict extends Error {
  override readonly name = "Conflict";
  readonly found: KubeObject | null;

  constructor(verb: Verb, key: string, found: KubeObject | null) {
    super(
      `cannot ${verb} ${key}: ${found === null ? "it is gone" : `found ${found.metadata.resourceVersion}`}`,
    );
    this.found = found;
  }
}

/** Answers null instead of a Conflict: someone else was faster, and the watch will tell what they did. */
export async function unlessConflict<T>(write: Promise<T>): Promise<T | null> {
  return await write.catch((error: unknown) => {
    if (error instanceof Conflict) return null;
    throw error;
  });
}

/**
 * What an API server does with its store: it creates an object only if there is none, changes one only if nobody else
 * did meanwhile, and notes each write that is acknowledged. It asks its own member; which one leads is not its business.
 */
export class ApiServer {
  readonly #store: Store<unknown>;
  readonly #ledger: Ledger;

  constructor(store: Store<unknown>, ledger: Ledger) {
    this.#store = store;
    this.#ledger = ledger;
  }

  /** Stores a new object. A lease, if given, is what its life hangs on. A Conflict if there is one of that name. */
  async create<T extends KubeObject>(object: T, lease?: Lease): Promise<T> {
    const { resourceVersion: _, ...metadata } = object.metadata;
    const identity = { uid: randomUUID(), creationTimestamp: new Date().toISOString() };
    const value = { ...object, metadata: { ...identity, ...metadata } };
    return (await this.#commit({
      verb: "create",
      kind: object.kind,
      key: keyOf(object),
      value,
      expected: 0,
      lease,
    })) as T;
  }

  /** Replaces an object that was read before. A Conflict if it has changed since. */
  async update<T extends KubeObject>(object: T): Promise<T> {
    const { resourceVersion, ...metadata } = object.metadata;
    const value = { ...object, metadata };
    return (await this.#commit({
      verb: "update",
      kind: object.kind,
      key: keyOf(object),
      value,
      expected: Number(resourceVersion),
    })) as T;
  }

  /** Deletes an object that was read before. A Conflict if it has changed since. */
  async delete(object: KubeObject): Promise<void> {
    const expected = Number(object.metadata.resourceVersion);
    await this.#commit({ verb: "delete", kind: object.kind, key: keyOf(object), value: null, expected });
  }

  /**
   * Makes a change to an object, and again to what others made of it meanwhile, until it fits. `edit` answers null
   * when there is nothing left to change. Null if the object is gone.
   */
  async modify<T extends KubeObject>(object: T, edit: (current: T) => T | null): Promise<T | null> {
    let current = object;
    for (;;) {
      const wanted = edit(current);
      if (wanted === null) return current;
      try {
        return await this.update(wanted);
      } catch (error) {
        if (!(error instanceof Conflict)) throw error;
        if (error.found === null) return null;
        current = error.found as T;
      }
    }
  }

  /**
   * Commits a write and notes it; answers the object as it is stored then. When the leader is lost, the outcome may be
   * unknown. The compare makes it safe to send the write again: should it have happened after all, we find our own.
   */
  async #commit(write: Write): Promise<KubeObject | null> {
    let isInDoubt = false;
    for (;;) {
      const result = await this.#attempt(write).catch(passingFailure);
      if (QuorateError.is(result)) {
        isInDoubt ||= result.outcome === "unknown";
      } else if (result.ok) {
        this.#note(write, result.revision);
        return write.value && readAt(write.value, result.revision);
      } else {
        const found = result.results[0] === undefined ? null : readEntry(result.results[0]);
        if (!isInDoubt || !isWork(write, found)) throw new Conflict(write.verb, write.key, found);
        return found;
      }
    }
  }

  /** One transaction in the shape that Kubernetes uses: compare, write, and otherwise read what is there. */
  #attempt({ key, value, expected, lease }: Write) {
    return this.#store
      .txn()
      .when((k) => (expected === 0 ? k(key).createRevision.eq(0) : k(key).modRevision.eq(expected)))
      .do((op) => [
        value === null ? op.delete(key) : op.put(key, value, lease === undefined ? {} : { lease }),
      ])
      .otherwise((op) => [op.get(key)])
      .commit({ timeoutMs: COMMIT_TIMEOUT_MS });
  }

  #note({ verb, kind, key, value }: Write, revision: number): void {
    this.#ledger.note({ verb, kind, key, revision, digest: value === null ? "" : digestOf(value) });
  }
}

/** A write that happens only if the object was last written at revision `expected`; 0 stands for "if there is none". */
interface Write {
  readonly verb: Verb;
  readonly kind: string;
  readonly key: string;
  readonly value: KubeObject | null;
  readonly expected: number;
  readonly lease?: Lease | undefined;
}

/** Whether what is found is what `write` left behind. */
function isWork({ verb, value }: Write, found: KubeObject | null): boolean {
  if (value === null || found === null) return value === found;
  if (verb === "create") return found.metadata.uid === value.metadata.uid;
  const { resourceVersion: _, ...metadata } = found.metadata;
  return digestOf({ ...found, metadata }) === digestOf(value);
}

/** An object as its readers see it: it knows the revision that wrote it. */
export function readEntry<T extends KubeObject>(entry: KvEntry<unknown>): T {
  return readAt(entry.value as T, entry.modRevision);
}

function readAt<T extends KubeObject>(stored: T, revision: number): T {
  return { ...stored, metadata: { ...stored.metadata, resourceVersion: String(revision) } };
}
