import { METHODS, type Method } from "../../wire/services.ts";
import { refusal } from "../../wire/status.ts";
import { Caller } from "./caller.ts";
import type { Front } from "./front.ts";
import type { RpcCall } from "./rpc-server.ts";

/** What every call passes before its service sees it. */
export class Guard {
  readonly #front: Front;

  constructor(front: Front) {
    this.#front = front;
  }

  /** Whoever calls. Throws what etcd answers when the call cannot be served here, or not to this caller. */
  admit(method: Method<never, never>, request: object | null, call: RpcCall): Caller | Promise<Caller> {
    this.#check(method, request, call);
    const { gate } = this.#front;
    const caller = gate.admit(gate.policy(method.path), call);
    if (!(caller instanceof Promise)) return new Caller(this.#front, caller, call);
    return caller.then((admitted) => new Caller(this.#front, admitted, call));
  }

  #check(method: Method<never, never>, request: object | null, call: RpcCall): void {
    if (this.#front.failure !== null) throw refusal("stopped");
    if (this.#front.standing.isLearner && !servesLearner(method, request))
      throw refusal("notSupportedForLearner");
    if (requiresLeader(call) && this.#front.standing.leader === undefined) throw refusal("noLeader");
  }
}

export function requiresLeader(call: RpcCall): boolean {
  return call.metadata("hasleader") === "true";
}

/** What a learner answers: what needs neither a leader nor a vote. */
function servesLearner(method: Method<never, never>, request: object | null): boolean {
  const path = method.path;
  if (path === METHODS.range.path)
    return (request as { serializable: boolean } | null)?.serializable === true;
  return LEARNER_PATHS.has(path);
}

const LEARNER_PATHS: ReadonlySet<string> = new Set([
  METHODS.status.path,
  METHODS.snapshot.path,
  METHODS.healthCheck.path,
  METHODS.healthWatch.path,
]);
