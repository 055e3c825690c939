import { NO_OPTIONS } from "../base/options.ts";
import { takes } from "../base/surplus.ts";
import { type CallOptions, callOptions } from "../replica/calls/call.ts";
import { CallLimit } from "./call-limit.ts";
import { untilDeleted } from "./key-lifetime.ts";
import type { RecipeKv } from "./recipe-kv.ts";
import { checkedName } from "./wait-queue.ts";

const HOLD_OPTIONS = callOptions("barrier.hold");
const RELEASE_OPTIONS = callOptions("barrier.release");
const WAIT_OPTIONS = callOptions("barrier.wait");

/**
 * A gate that anybody can shut and open: one key, which is there while it is shut. It hangs on no lease: whoever shut
 * it may go, and it stays shut until somebody opens it.
 */
export class Barrier {
  readonly #kv: RecipeKv<string>;
  readonly #key: string;

  /** @internal Use `Coordination.barrier`. */
  constructor(kv: RecipeKv<unknown>, name: string) {
    this.#kv = kv.namespace("", { values: "utf8" });
    this.#key = checkedName(name);
  }

  /** Shuts it, if it is not shut already. */
  async hold(options: CallOptions = NO_OPTIONS): Promise<void> {
    HOLD_OPTIONS.check(options);
    await this.#kv.put(this.#key, "", options);
  }

  /** Opens it, and lets everybody go on who waits. */
  async release(options: CallOptions = NO_OPTIONS): Promise<void> {
    RELEASE_OPTIONS.check(options);
    await this.#kv.delete(this.#key, options);
  }

  /** Resolves when it is open: at once, if it is open now. */
  async wait(options: CallOptions = NO_OPTIONS): Promise<void> {
    WAIT_OPTIONS.check(options);
    const limit = new CallLimit(this.#kv.clock, options);
    try {
      const shut = await this.#kv.entry(this.#key, limit.step);
      if (shut === undefined) return;
      await untilDeleted(this.#kv, { ...shut, seenAt: shut.modRevision }, limit.signal);
    } finally {
      limit.end();
    }
  }
}

takes(Barrier, { hold: 1, release: 1, wait: 1 });
