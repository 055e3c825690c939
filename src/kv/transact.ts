import { QuorateError } from "../base/errors.ts";
import type { CallOptions } from "../replica/call.ts";
import type { Compare, Operation } from "./command.ts";
import { NO_LEASE, type Revision } from "./key-history.ts";
import { type Key, singleKey } from "./key-range.ts";
import type { Keyspace } from "./keyspace.ts";
import type { ReadKey } from "./kv-backend.ts";

/** A transaction in the making: reads show one revision and its own writes; writes wait for the end. */
export interface Tx<Value> {
  get(key: string): Promise<Value | undefined>;
  put(key: string, value: Value): void;
  delete(key: string): void;
}

export interface TransactOptions extends CallOptions {
  /** How often the function may run again because somebody else changed what it had read; default 16. */
  readonly retries?: number | undefined;
}

const RETRIES = 16;
const BACKOFF_MS_MAX = 64;

/**
 * Runs `work` and commits what it wrote, if nothing that it read has changed meanwhile; otherwise runs it again. So
 * `work` must have no effects of its own. What only reads needs no commit: it has seen one revision.
 */
export async function transact<Value, Result>(
  space: Keyspace<Value>,
  work: (tx: Tx<Value>) => Promise<Result>,
  { retries = RETRIES, ...options }: TransactOptions,
): Promise<Result> {
  for (let attempt = 0; attempt <= retries; attempt++) {
    options.signal?.throwIfAborted();
    const attempted = new Attempt(space, options);
    const result = await work(attempted);
    if (await attempted.commit()) return result;
    await backOff(space as Keyspace<unknown>, attempt);
  }
  const message = `others changed what the transaction had read, ${retries + 1} times`;
  const details = { what: "retries of a transaction", limit: retries };
  throw new QuorateError("ERR_BUSY", message, details, { retryable: true });
}

class Attempt<Value> implements Tx<Value> {
  readonly #space: Keyspace<Value>;
  readonly #options: CallOptions;
  /** The first read; the others read at the revision that it showed. */
  #first: Promise<ReadKey> | null = null;
  readonly #seen = new Map<Key, Revision>();
  /** What is to be put, as a byte string; null deletes. */
  readonly #writes = new Map<Key, string | null>();

  constructor(space: Keyspace<Value>, options: CallOptions) {
    this.#space = space;
    this.#options = options;
  }

  async get(text: string): Promise<Value | undefined> {
    const key = this.#space.key(text);
    const written = this.#writes.get(key);
    if (written !== undefined) return written === null ? undefined : this.#space.codec.decode(written);

    const { version } = await this.#read(key);
    this.#seen.set(key, version?.modRevision ?? 0);
    return version === undefined ? undefined : this.#space.codec.decode(version.value);
  }

  put(text: string, value: Value): void {
    this.#writes.set(this.#space.key(text), this.#space.codec.encode(value));
  }

  delete(text: string): void {
    this.#writes.set(this.#space.key(text), null);
  }

  async #read(key: Key): Promise<ReadKey> {
    if (this.#first === null) {
      this.#first = this.#space.backend.get(key, this.#options);
      return this.#first;
    }
    const { revision } = await this.#first;
    return this.#space.backend.get(key, { ...this.#options, revision, isShown: true });
  }

  /** False when something that was read has changed. */
  async commit(): Promise<boolean> {
    if (this.#writes.size === 0) return true;
    const compares = [...this.#seen].map(([key, operand]): Compare => {
      return { range: singleKey(key), target: "modRevision", relation: "equal", operand };
    });
    const success = [...this.#writes].map(([key, value]): Operation => {
      if (value === null) return { kind: "delete", range: singleKey(key) };
      return { kind: "put", key, value, lease: NO_LEASE };
    });
    const command = { kind: "txn", compares, success, failure: [] } as const;
    return (await this.#space.propose(command, "txn", this.#options)).succeeded;
  }
}

/** At once after the first conflict: somebody has won, so there is progress. Then longer and longer, and not all alike. */
function backOff({ backend }: Keyspace<unknown>, attempt: number): Promise<void> {
  if (attempt === 0) return Promise.resolve();
  const longest = Math.min(2 ** attempt, BACKOFF_MS_MAX);
  return new Promise((resolve) => {
    backend.clock.after(backend.random.between(1, longest), resolve);
  });
}
