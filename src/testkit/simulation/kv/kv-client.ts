import type { Command, SessionId } from "../../../kv/machine/command.ts";
import type { KvQuery } from "../../../kv/machine/kv-machine.ts";
import type { KvResult } from "../../../kv/machine/result.ts";
import type { SimClient } from "../run/sim-system.ts";
import type { Ending } from "../seen/sim-event.ts";

/** A call of a store as it stands in a scenario. */
export type KvCall =
  | { readonly command: Command }
  | { readonly query: KvQuery; readonly consistency?: "linearizable" | "stale" }
  /** A write that is to take effect once, however often it is made. */
  | { readonly once: Command }
  | NumberedWrite;

/** A write in a client's session. */
export interface NumberedWrite {
  readonly session: SessionId;
  readonly number: number;
  readonly write: Command;
}

/** Makes its writes in a session, and again where it does not know what became of them. */
export class KvClient implements SimClient {
  #session: SessionId | null = null;
  #number = 0;
  /** The number of the newest write that was made again although it was answered. */
  #doubted = 0;

  ask(operation: unknown): KvCall {
    const call = operation as KvCall;
    if (!("once" in call)) return call;
    if (this.#session === null) return { command: { kind: "session-open" } };
    this.#number += 1;
    return { session: this.#session, number: this.#number, write: call.once };
  }

  ended(operation: unknown, ending: Ending): KvCall | undefined {
    const call = operation as KvCall;
    if (ending.is !== "answered") return "session" in call ? call : undefined;
    const result = ending.output as KvResult;
    if (result.kind === "session-open") this.#session = result.session;
    else if (result.kind === "refused" && result.code === "ERR_SESSION_EXPIRED") this.#session = null;
    else if ("session" in call && this.#doubts(call)) return call;
    return undefined;
  }

  /** Now and then the answer is lost on the way to the client. */
  #doubts({ number }: NumberedWrite): boolean {
    if (number % DOUBT_EVERY !== 0 || number <= this.#doubted) return false;
    this.#doubted = number;
    return true;
  }
}

const DOUBT_EVERY = 4;
