import type { Caller } from "../kv/auth/auth.ts";
import type { AuthRevision } from "../kv/auth/auth-state.ts";
import type { KeyRange } from "../kv/key-range.ts";
import type { Client } from "./client.ts";
import { throwRefused } from "./refused.ts";
import { Grpc, rpcErrorOf } from "./status.ts";

/**
 * Whether a watch may tell what it sees: asked before it begins, and again wherever users and roles have changed since.
 * So a permission that is taken back ends the watches that lived by it.
 */
export class WatchPermit {
  readonly #client: Client;
  readonly #range: KeyRange;
  /** Who began the watch: a token may run out while the watch goes on. */
  #caller: Caller | null = null;
  /** The auth revision under which it may. */
  #grantedAt: AuthRevision | null = null;

  constructor(client: Client, range: KeyRange) {
    this.#client = client;
    this.#range = range;
  }

  /** Why it may not, in etcd's words for a watch: the error as Go prints it. Null if it may. */
  whyNot(): string | null {
    const { auth, authority } = this.#client.front.machine;
    if (this.#grantedAt === auth.revision) return null;
    try {
      this.#caller ??= this.#client.identify();
      throwRefused(authority.refuseReads(this.#caller, [this.#range]));
      this.#grantedAt = auth.revision;
      return null;
    } catch (error) {
      const { code, message } = rpcErrorOf(error);
      return `rpc error: code = ${CODE_NAMES[code] ?? "Unknown"} desc = ${message}`;
    }
  }
}

const CODE_NAMES: Readonly<Record<number, string>> = {
  [Grpc.invalidArgument]: "InvalidArgument",
  [Grpc.permissionDenied]: "PermissionDenied",
  [Grpc.unauthenticated]: "Unauthenticated",
};
