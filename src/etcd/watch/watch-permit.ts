import type { AuthInfo } from "../../kv/auth/auth.ts";
import type { AuthRevision } from "../../kv/auth/auth-state.ts";
import type { KeyRange } from "../../kv/mvcc/key-range.ts";
import { type RpcError, rpcErrorOf } from "../../wire/status.ts";
import type { Caller } from "../call/caller.ts";
import { throwRefused } from "../call/throw-refused.ts";

/**
 * Whether a watch may tell what it sees: asked before it begins, and again wherever users and roles have changed since.
 * So a permission that is taken back ends the watches that lived by it.
 */
export class WatchPermit {
  readonly #client: Caller;
  readonly #range: KeyRange;
  /** Who began the watch: a token may run out while the watch goes on. */
  #caller: AuthInfo | null = null;
  /** The auth revision under which it may. */
  #grantedAt: AuthRevision | null = null;

  constructor(client: Caller, range: KeyRange) {
    this.#client = client;
    this.#range = range;
  }

  /** Null if it may. */
  whyNot(): RpcError | null {
    const { auth, authority } = this.#client.front.machine;
    if (this.#grantedAt === auth.revision) return null;
    try {
      this.#caller ??= this.#client.identify();
      throwRefused(authority.refuseReads(this.#caller, [this.#range]));
      this.#grantedAt = auth.revision;
      return null;
    } catch (error) {
      return rpcErrorOf(error);
    }
  }
}
