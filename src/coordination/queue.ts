import { QuorateError } from "../base/errors.ts";
import { NO_OPTIONS, OptionTable } from "../base/options.ts";
import { takes } from "../base/surplus.ts";
import {
  DECODE,
  type DecodeChoice,
  type DecodeOr,
  type DecodeOrRaw,
  type DecodeOrSkip,
  insteadOf,
  type Undecodable,
} from "../kv/decoding.ts";
import type { KvEntry } from "../kv/keyspace.ts";
import { CALL, type CallOptions, callOptions } from "../replica/calls/call.ts";
import { CallLimit } from "./call-limit.ts";
import type { RecipeKv } from "./recipe-kv.ts";
import { checkedName } from "./wait-queue.ts";

/** What was taken from a queue. */
export interface QueueItem<Value> {
  readonly value: Value;
  /** The revision at which it was taken: greater with each item that anybody takes. */
  readonly fence: number;
}

const ENQUEUE_OPTIONS = callOptions("queue.enqueue");
const DEQUEUE_OPTIONS = new OptionTable<CallOptions & DecodeChoice>("queue.dequeue", { ...CALL, ...DECODE });
const TRY_DEQUEUE_OPTIONS = new OptionTable<CallOptions & DecodeChoice>("queue.tryDequeue", {
  ...CALL,
  ...DECODE,
});
const UNDECODABLE_OPTIONS = callOptions("queue.undecodable");

/** An item that the store's codec cannot decode, and that stays in the queue. */
export type UndecodableItem = Undecodable;

/**
 * First in, first out, for any number of producers and consumers. Each item is given to one consumer at most: it is
 * gone from the queue before it is handed out, so a consumer that crashes then takes it along.
 *
 * An item that this store's codec cannot decode is passed over and stays where it is, for a consumer that can decode it:
 * `undecodable` lists such items, and `onDecodeError` takes them. Keys under the queue's name that are no items are ignored.
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

  /**
   * Puts a value at the end. A failure with the outcome `unknown` may have put it there.
   *
   * @example
   * ```ts
   * import { open } from "quorate";
   * import { Coordination } from "quorate/coordination";
   *
   * const store = await open({});
   * const queue = new Coordination(store).queue("mail");
   * await queue.enqueue("hello");
   * const item = await queue.dequeue();
   * console.log(item.value); // → hello
   * await store.close();
   * ```
   */
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
   * Takes the first item, and waits for one where there is none. A call that is given up by its signal while it takes an
   * item gives the item all the same. After a failure with the outcome `unknown` an item may have been taken and lost.
   */
  dequeue(options: CallOptions & DecodeOrRaw): Promise<QueueItem<Value | Uint8Array>>;
  dequeue<Other>(
    options: CallOptions & DecodeOr<Other>,
  ): Promise<QueueItem<Value | Exclude<Other, undefined>>>;
  dequeue(options?: CallOptions & DecodeOrSkip): Promise<QueueItem<Value>>;
  async dequeue(options: CallOptions & DecodeChoice = NO_OPTIONS): Promise<unknown> {
    DEQUEUE_OPTIONS.check(options);
    const { onDecodeError, ...call } = options;
    const limit = new CallLimit(this.#kv.clock, call);
    try {
      for (;;) {
        const { first, revision } = await this.#first(limit.step, onDecodeError);
        const item = first === null ? undefined : await this.#take(first, limit.wholeStep);
        if (item !== undefined) return item;
        if (first === null) await this.#nextArrival(revision, limit.signal);
      }
    } finally {
      limit.end();
    }
  }

  /** Takes the first item, or gives undefined when there is none. */
  tryDequeue(options: CallOptions & DecodeOrRaw): Promise<QueueItem<Value | Uint8Array> | undefined>;
  tryDequeue<Other>(
    options: CallOptions & DecodeOr<Other>,
  ): Promise<QueueItem<Value | Exclude<Other, undefined>> | undefined>;
  tryDequeue(options?: CallOptions & DecodeOrSkip): Promise<QueueItem<Value> | undefined>;
  async tryDequeue(options: CallOptions & DecodeChoice = NO_OPTIONS): Promise<unknown> {
    TRY_DEQUEUE_OPTIONS.check(options);
    const { onDecodeError, ...call } = options;
    const limit = new CallLimit(this.#kv.clock, call);
    try {
      for (;;) {
        const { first } = await this.#first(limit.step, onDecodeError);
        if (first === null) return undefined;
        const item = await this.#take(first, limit.wholeStep);
        if (item !== undefined) return item;
      }
    } finally {
      limit.end();
    }
  }

  /** The items that this store's codec cannot decode, in the order of the queue. */
  async undecodable(options: CallOptions = NO_OPTIONS): Promise<readonly UndecodableItem[]> {
    UNDECODABLE_OPTIONS.check(options);
    const items: UndecodableItem[] = [];
    const onDecodeError = (item: Undecodable): void => {
      if (this.#isItem(item.key)) items.push(item);
    };
    await this.#kv.range({ ...options, ...this.#items, onDecodeError }).toArray();
    return items;
  }

  /** The first item that can be decoded, or is given as something else, and what the reading showed. */
  async #first(
    call: CallOptions,
    onDecodeError: DecodeChoice["onDecodeError"] = "skip",
  ): Promise<{ readonly first: Item | null; readonly revision: number }> {
    const given = (broken: Undecodable): unknown => {
      return this.#isItem(broken.key) ? insteadOf(broken, onDecodeError) : undefined;
    };
    // Most of the time the first key is the item; only where it is not more are read.
    let scan = this.#kv.range({ ...call, ...this.#items, onDecodeError: given, limit: 1 });
    let [first] = await scan.toArray();
    if (first !== undefined && !this.#isItem(first.key)) {
      scan = this.#kv.range({ ...call, ...this.#items, onDecodeError: given });
      first = (await scan.toArray()).find(({ key }) => this.#isItem(key));
    }
    return { first: first ?? null, revision: scan.revision! };
  }

  /** Every item lies in this range, and few other keys. */
  get #items(): { readonly gte: string; readonly lt: string } {
    return { gte: `${this.#prefix}0`, lt: `${this.#prefix}g` };
  }

  #isItem(key: string): boolean {
    return TICKET.test(key.slice(this.#prefix.length));
  }

  /** Null when somebody else was quicker; then another item is the first one. */
  async #take(first: Item, options: CallOptions): Promise<QueueItem<unknown> | undefined> {
    const taken = await this.#kv
      .txn()
      .when((key) => key(first.key).createRevision.eq(first.createRevision))
      .do((op) => [op.delete(first.key)])
      .commit(options);
    return taken.ok ? { value: first.value, fence: taken.revision } : undefined;
  }

  async #nextArrival(revision: number, signal: AbortSignal): Promise<void> {
    const range = { ...this.#items, from: revision + 1, without: "delete", signal } as const;
    try {
      // Whether it can be decoded is seen when it is looked at.
      for await (const _arrival of this.#tickets.watch(range)) return;
    } catch (error) {
      // Something may have arrived in what was compacted: look again.
      if (!QuorateError.is(error, "ERR_COMPACTED")) throw error;
    }
  }
}

takes(Queue, { enqueue: 2, dequeue: 1, tryDequeue: 1, undecodable: 1 });

type Item = KvEntry<unknown>;

const TICKET = /^[0-9a-f]{14}$/;

/** As long for the greatest revision as for the least, so that the order of the texts is that of the numbers. */
function ticketText(revision: number): string {
  return revision.toString(16).padStart(14, "0");
}
