import type { Codec } from "../../replica/state-machine.ts";
import type { Command } from "../../kv/command.ts";
import { encodeCommand } from "../../kv/command-codec.ts";
import { KvHost, type KvReplica } from "../../kv/kv-host.ts";
import { type KvAnswer, KvMachine, type KvQuery } from "../../kv/kv-machine.ts";
import type { KvResult } from "../../kv/result.ts";
import { Upkeep } from "../../kv/upkeep.ts";
import type { Attended, Input, SimSystem } from "./system.ts";

/** A call of a store as it stands in a scenario. */
export type KvCall =
  | { readonly command: Command }
  | { readonly query: KvQuery; readonly consistency?: "linearizable" | "stale" };

const BYTES: Codec<Uint8Array> = { name: "bytes", encode: (bytes) => bytes, decode: (bytes) => bytes };

/** The key-value store as it ships: its state machine, and what each member does for it beside calls. */
export const kvSystem: SimSystem<Uint8Array, KvResult, KvQuery, KvAnswer> = {
  makeMachine: () => new KvMachine(),
  codec: BYTES,
  read(operation) {
    const call = operation as KvCall;
    return "command" in call ? { command: encodeCommand(call.command) } : (call as Input<Uint8Array, KvQuery>);
  },
  attend(machine, member) {
    new Upkeep(new KvHost(asReplica(member), machine as KvMachine, { historyRevisions: 50 }));
  },
};

/** What upkeep needs of a replica. Its calls end at once where a replica's promises would end a little later. */
function asReplica(member: Attended<Uint8Array, KvResult>): KvReplica {
  return {
    id: member.id,
    clock: member.clock,
    get isLeader() {
      return member.isLeader;
    },
    propose: (command: Uint8Array) => new Soon<KvResult>((settle) => member.propose(command, settle)),
    barrier: () => new Soon<void>((settle) => settle(null)),
    on: (_event: "role", listener: Parameters<typeof member.onRole>[0]) => member.onRole(listener),
    off: () => {},
  } as unknown as KvReplica;
}

/** Enough of a promise for whoever only wants to know how a call ended, without a promise's turn of its own. */
class Soon<Value> {
  readonly #begin: (settle: (error: unknown, value?: Value) => void) => void;

  constructor(begin: (settle: (error: unknown, value?: Value) => void) => void) {
    this.#begin = begin;
  }

  // biome-ignore lint/suspicious/noThenProperty: it stands in for a promise
  then(done: ((value: Value) => unknown) | null, failed?: (error: unknown) => unknown): this {
    try {
      this.#begin((error, value) => {
        if (error === null) done?.(value as Value);
        else failed?.(error);
      });
    } catch (error) {
      failed?.(error);
    }
    return this;
  }

  catch(failed: (error: unknown) => unknown): this {
    return this.then(null, failed);
  }
}
