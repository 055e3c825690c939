import type { AuthInfo } from "../../kv/auth/auth.ts";
import type { AsCommand } from "../../kv/machine/command.ts";
import type { KvResult } from "../../kv/machine/result.ts";
import type { LeaseId } from "../../kv/mvcc/key-history.ts";
import type { KeyRange } from "../../kv/mvcc/key-range.ts";
import type { Front } from "./front.ts";
import type { RpcCall } from "./rpc-server.ts";
import { throwRefused } from "./throw-refused.ts";

/**
 * Whoever makes one call, and the store as far as they may use it. All that a client writes goes through here, and all
 * that it is shown is asked for here first.
 */
export class Caller {
  readonly front: Front;
  readonly caller: AuthInfo;
  readonly #call: RpcCall;

  constructor(front: Front, caller: AuthInfo, call: RpcCall) {
    this.front = front;
    this.caller = caller;
    this.#call = call;
  }

  /** Aborted once nobody waits for the answer. */
  get signal(): AbortSignal {
    return this.#call.signal;
  }

  /** Who calls, as of now: a stream outlives what was proved when it began. Throws for a token that is not known. */
  identify(): AuthInfo {
    return this.front.gate.identify(this.#call);
  }

  /**
   * Has a command agreed on, which is carried out if the caller may do so then. `shown` are keys that the answer will
   * tell about beside what the command itself reads. Throws what the machine refuses.
   */
  propose<Kind extends Exclude<KvResult["kind"], "refused">>(
    command: AsCommand["command"],
    kind: Kind,
    shown: readonly KeyRange[] = [],
  ): Promise<Extract<KvResult, { kind: Kind }>> {
    return this.front.agree({ kind: "as", caller: this.caller, shown, command }, kind);
  }

  /** Throws unless the caller may read all of this now. To be asked in one go with the reading. */
  checkReads(...ranges: readonly KeyRange[]): void {
    throwRefused(this.front.machine.authority.refuseReads(this.caller, ranges));
  }

  /** Throws unless the caller may do now what the command does. To be asked in one go with carrying it out. */
  check(command: AsCommand["command"]): void {
    const asked: AsCommand = { kind: "as", caller: this.caller, shown: [], command };
    throwRefused(this.front.machine.authority.refuseCommand(asked));
  }

  /** Throws unless the caller may see which keys hang on the lease now. */
  checkLeaseKeys(lease: LeaseId): void {
    throwRefused(this.front.machine.authority.refuseLeaseKeys(this.caller, lease));
  }
}
