import type { CallOptions } from "../replica/call.ts";
import { CallLimit } from "./call-limit.ts";
import { lifeOver } from "./key-life.ts";
import { checkedName } from "./line.ts";
import type { RecipeKv } from "./recipe-kv.ts";

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
  async hold(options: CallOptions = {}): Promise<void> {
    await this.#kv.put(this.#key, "", options);
  }

  /** Opens it, and lets everybody go on who waits. */
  async release(options: CallOptions = {}): Promise<void> {
    await this.#kv.delete(this.#key, options);
  }

  /** Resolves when it is open: at once, if it is open now. */
  async wait(options: CallOptions = {}): Promise<void> {
    const limit = new CallLimit(this.#kv.clock, options);
    try {
      const shut = await this.#kv.entry(this.#key, limit.step);
      if (shut === undefined) return;
      await lifeOver(this.#kv, { ...shut, seenAt: shut.modRevision }, limit.signal);
    } finally {
      limit.end();
    }
  }
}
