import { QuorateError } from "../base/errors.ts";
import { NO_OPTIONS } from "../base/options.ts";
import type { KvEntry } from "../kv/keyspace.ts";
import { type CallOptions, callOptions } from "../replica/call.ts";
import { CallLimit } from "./call-limit.ts";
import { checkedName } from "./line.ts";
import { look } from "./picture.ts";
import type { RecipeKv } from "./recipe-kv.ts";

/** What was taken from a queue. */
export interface QueueItem<Value> {
  readonly value: Value;
  /** The revision at which it was taken: greater with each item that anybody takes. */
  readonly fence: number;
}

const ENQUEUE_OPTIONS = callOptions("queue.enqueue");
const DEQUEUE_OPTIONS = callOptions("queue.dequeue");
const TRY_DEQUEUE_OPTIONS = callOptions("queue.tryDequeue");

/**
 * First in, first out, for any number of producers and consumers. Each item is given to one consumer at most: it is
 * gone from the queue before it is handed out, so a consumer that crashes then takes it along.
 *
 * The key `name` draws the tickets: each put gives a revision, which no other has. Items are `name/<ticket>`, so that
 * the order of the keys is the order of the tickets, and producers never get into each other's way.
 */
export class Queue<Value> {
  readonly #kv: RecipeKv<Value>;
  readonly #tickets: RecipeKv<string>;
  readonly #name: string;
  readonly #prefix: string;

  /** @internal Use `Coordination.queue`. */
  constructor(kv: RecipeKv<Value>, name: string) {
    this.#kv = kv;
    this.#tickets = kv.namespace("", { values: "utf8" });
    this.#name = checkedName(name);
    this.#prefix = `${name}/`;
  }

  /** Puts a value at the end. A failure with the outcome `unknown` may have put it there. */
  async enqueue(value: Value, options: CallOptions = NO_OPTIONS): Promise<void> {
    ENQUEUE_OPTIONS.check(options);
    const limit = new CallLimit(this.#kv.clock, options);
    try {
      const ticket = await this.#tickets.put(this.#name, "", limit.step);
      await this.#kv.put(this.#prefix + ticketText(ticket.revision), value, limit.step);
    } finally {
      limit.end();
    }
  }

  /**
   * Takes the first item, and waits for one where there is none. After a failure with the outcome `unknown` an item may
   * have been taken and lost.
   */
  async dequeue(options: CallOptions = NO_OPTIONS): Promise<QueueItem<Value>> {
    DEQUEUE_OPTIONS.check(options);
    const limit = new CallLimit(this.#kv.clock, options);
    try {
      for (;;) {
        const { entries, revision } = await look(this.#kv, this.#prefix, limit.step, 1);
        const [first] = entries.values();
        const item = first === undefined ? null : await this.#take(first, limit.step);
        if (item !== null) return item;
        if (first === undefined) await this.#nextArrival(revision, limit.signal);
      }
    } finally {
      limit.end();
    }
  }

  /** Takes the first item, or gives null when there is none. */
  async tryDequeue(options: CallOptions = NO_OPTIONS): Promise<QueueItem<Value> | null> {
    TRY_DEQUEUE_OPTIONS.check(options);
    for (;;) {
      const [first] = (await look(this.#kv, this.#prefix, options, 1)).entries.values();
      if (first === undefined) return null;
      const item = await this.#take(first, options);
      if (item !== null) return item;
    }
  }

  /** Null when somebody else was quicker; then another item is the first one. */
  async #take(first: KvEntry<Value>, options: CallOptions): Promise<QueueItem<Value> | null> {
    const taken = await this.#kv
      .txn()
      .when((key) => key(first.key).createRevision.eq(first.createRevision))
      .do((op) => [op.delete(first.key)])
      .commit(options);
    return taken.ok ? { value: first.value, fence: taken.revision } : null;
  }

  async #nextArrival(revision: number, signal: AbortSignal): Promise<void> {
    const watch = this.#kv.watch({ prefix: this.#prefix, from: revision + 1, without: "delete", signal });
    try {
      for await (const _arrival of watch) return;
    } catch (error) {
      // Something may have arrived in what was compacted: look again.
      if (!QuorateError.is(error, "ERR_COMPACTED")) throw error;
    }
  }
}

/** As long for the greatest revision as for the least, so that the order of the texts is that of the numbers. */
function ticketText(revision: number): string {
  return revision.toString(16).padStart(14, "0");
}
