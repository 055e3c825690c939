import { invalidArgument, QuorateError } from "../base/errors.ts";
import { NO_OPTIONS, OptionTable, whole } from "../base/options.ts";
import { takes } from "../base/surplus.ts";
import { CALL, type CallOptions } from "../replica/calls/call.ts";
import { CallTime } from "./call-time.ts";
import type { Keyspace } from "./keyspace.ts";
import type { ReadKey } from "./kv-backend.ts";
import { chosenLease, LEASE_CHOICE, type LeaseChoice } from "./lease-choice.ts";
import type { Compare, DeleteCommand, PutCommand } from "./machine/command.ts";
import type { LeaseId, Revision } from "./mvcc/key-history.ts";
import { type Key, singleKey } from "./mvcc/key-range.ts";

/** A transaction in the making: reads show one revision and its own writes; writes wait for the end. */
export interface Tx<Value> {
  /** Throws ERR_DECODE. */
  get(key: string): Promise<Value | undefined>;
  /** Without options the key hangs on no lease afterwards, whatever it hung on before. */
  put(key: string, value: Value, options?: LeaseChoice): void;
  /** Deletes the key when the transaction commits; `get` does not see it afterwards. */
  delete(key: string): void;
}

/** The limit in milliseconds is for the whole, however often the function runs. */
export interface TransactOptions extends CallOptions {
  /** How often the function may run again because somebody else changed what it had read; default 16. */
  readonly retries?: number | undefined;
}

export const TRANSACT_OPTIONS = new OptionTable<TransactOptions>("transact", { ...CALL, retries: whole(0) });

const TX_PUT_OPTIONS = new OptionTable<LeaseChoice>("tx.put", LEASE_CHOICE);

/** A put whose value is its own. */
type Put = PutCommand & { readonly value: string };

const RETRIES = 16;
const BACKOFF_MS_MAX = 64;

/**
 * Runs `work` and commits what it wrote, if nothing that it read has changed meanwhile; otherwise runs it again. So
 * `work` must have no effects of its own. What only reads needs no commit: it has seen one revision.
 */
export async function transact<Value, Result>(
  space: Keyspace<Value>,
  work: (tx: Tx<Value>) => Promise<Result> | Result,
  { retries = RETRIES, ...options }: TransactOptions,
): Promise<Result> {
  const time = new CallTime(space.clock, options);
  for (let attempt = 0; attempt <= retries; attempt++) {
    time.check();
    const attempted = new Attempt(space, time);
    const result = await attempted.run(work);
    if (await attempted.commit()) return result;
    await backOff(space as Keyspace<unknown>, attempt);
  }
  const message = `others changed what the transaction had read, ${retries + 1} times`;
  const details = { what: "retries of a transaction", limit: retries };
  throw new QuorateError("ERR_BUSY", message, details, { retryable: true });
}

class Attempt<Value> implements Tx<Value> {
  readonly #space: Keyspace<Value>;
  readonly #time: CallTime;
  /** The first read; the others read at the revision that it showed. */
  #first: Promise<ReadKey> | null = null;
  #isOver = false;
  readonly #seen = new Map<Key, Revision>();
  readonly #writes = new Map<Key, Put | DeleteCommand>();

  constructor(space: Keyspace<Value>, time: CallTime) {
    this.#space = space;
    this.#time = time;
  }

  /** Has the function read and write. What comes after its end could be part of no commit, and is refused. */
  async run<Result>(work: (tx: Tx<Value>) => Promise<Result> | Result): Promise<Result> {
    try {
      return await work(this);
    } finally {
      this.#isOver = true;
    }
  }

  async get(text: string): Promise<Value | undefined> {
    this.#check("get");
    const key = this.#space.key(text);
    const written = this.#writes.get(key);
    if (written?.kind === "put") return this.#space.ownValue(text, written.value);
    if (written !== undefined) return undefined;

    const { version } = await this.#read(key);
    this.#seen.set(key, version?.modRevision ?? 0);
    return version === undefined ? undefined : this.#space.value(version);
  }

  put(text: string, value: Value, options: LeaseChoice = NO_OPTIONS): void {
    this.#check("put");
    TX_PUT_OPTIONS.check(options);
    const key = this.#space.key(text);
    const lease = chosenLease(options) ?? this.#keptLease(key);
    this.#writes.set(key, { kind: "put", key, value: this.#space.codec.encode(value), lease });
  }

  delete(text: string): void {
    this.#check("delete");
    const key = this.#space.key(text);
    this.#writes.set(key, { kind: "delete", range: singleKey(key) });
  }

  #check(method: string): void {
    if (!this.#isOver) return;
    const message = `tx.${method} was called after the function given to transact had ended: await all that it does`;
    throw invalidArgument("tx", undefined, message);
  }

  /** The lease that the key will hang on by what was written so far. */
  #keptLease(key: Key): LeaseId | null {
    const written = this.#writes.get(key);
    if (written?.kind !== "delete") return written === undefined ? null : written.lease;
    const details = { key: this.#space.keyText(key) };
    throw new QuorateError("ERR_KEY_NOT_FOUND", "the key whose lease is to stay was deleted", details);
  }

  async #read(key: Key): Promise<ReadKey> {
    if (this.#first === null) {
      this.#first = this.#space.backend.get(key, this.#time.step());
      return this.#first;
    }
    const { revision } = await this.#first;
    return this.#space.backend.get(key, { ...this.#time.step(), revision, isShown: true });
  }

  /** False when something that was read has changed. */
  async commit(): Promise<boolean> {
    if (this.#writes.size === 0) return true;
    const compares = [...this.#seen].map(([key, operand]): Compare => {
      return { range: singleKey(key), target: "modRevision", relation: "equal", operand };
    });
    const command = { kind: "txn", compares, success: [...this.#writes.values()], failure: [] } as const;
    return (await this.#space.propose(command, "txn", this.#time.step())).succeeded;
  }
}

takes(Attempt, { get: 1, put: 3, delete: 1 });

/** At once after the first conflict: somebody has won, so there is progress. Then longer and longer, and not all alike. */
function backOff({ backend }: Keyspace<unknown>, attempt: number): Promise<void> {
  if (attempt === 0) return Promise.resolve();
  const longest = Math.min(2 ** attempt, BACKOFF_MS_MAX);
  return new Promise((resolve) => {
    backend.clock.after(backend.random.between(1, longest), resolve);
  });
}
