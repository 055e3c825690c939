import type { Command } from "../../kv/command.ts";
import { encodeCommand } from "../../kv/command-codec.ts";
import type { KeyRange } from "../../kv/key-range.ts";
import { KvHost, type KvReplica } from "../../kv/kv-host.ts";
import { type KvAnswer, KvMachine, type KvQuery } from "../../kv/kv-machine.ts";
import type { KvResult } from "../../kv/result.ts";
import { Upkeep } from "../../kv/upkeep.ts";
import type { WatchRequest } from "../../kv/watch.ts";
import type { Codec } from "../../replica/state-machine.ts";
import { PatientLeases } from "../invariants/kv/leases.ts";
import type { KvNote } from "../invariants/kv/note.ts";
import { RevisionSteps } from "../invariants/kv/revisions.ts";
import { TrueRanges } from "../invariants/kv/true-ranges.ts";
import { FaithfulWatches } from "../invariants/kv/watches.ts";
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
    return "command" in call
      ? { command: encodeCommand(call.command) }
      : (call as Input<Uint8Array, KvQuery>);
  },
  makeChecks: () => [new RevisionSteps(), new TrueRanges(), new FaithfulWatches(), new PatientLeases()],
  attend(machine, member) {
    const kv = machine as KvMachine;
    new Upkeep(new KvHost(asReplica(member), kv, { historyRevisions: 50 }));
    const first = kv.store.revision + 1;
    watch(kv, member, { watch: 1, range: EVERYTHING, from: first }, {});
    watch(kv, member, { watch: 2, range: { from: "a", to: "d" }, from: first }, { pendingMax: 2 });
  },
};

/** Every key there is. */
const EVERYTHING: KeyRange = { from: "", to: null };

/** Watches as a client would, and tells the checks what it is told. */
function watch(
  machine: KvMachine,
  member: Attended<Uint8Array, KvResult>,
  begun: { readonly watch: number; readonly range: KeyRange; readonly from: number },
  options: Partial<WatchRequest>,
): void {
  member.note({ kind: "watch-began", ...begun } satisfies KvNote);
  let isScheduled = false;
  const watcher = machine.watches.watch({ range: begun.range, from: begun.from, ...options }, () => {
    if (isScheduled) return;
    isScheduled = true;
    // Not within the machine's own turn.
    member.clock.soon(() => {
      isScheduled = false;
      for (let batch = watcher.take(); batch !== null; batch = watcher.take()) {
        member.note({ kind: "watched", watch: begun.watch, batch } satisfies KvNote);
      }
    });
  });
}

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
