import { kvLimits } from "../../../kv/kv-context.ts";
import { encodeCommand } from "../../../kv/machine/command-codec.ts";
import { type KvAnswer, KvMachine, type KvQuery } from "../../../kv/machine/kv-machine.ts";
import type { KvResult } from "../../../kv/machine/result.ts";
import type { KeyRange } from "../../../kv/mvcc/key-range.ts";
import { Upkeep } from "../../../kv/upkeep/upkeep.ts";
import { BYTE_COMMANDS } from "../../../replica/checked-codec.ts";
import { AttachedKeys } from "../../invariants/kv/attached-keys.ts";
import { FaithfulWatches } from "../../invariants/kv/faithful-watches.ts";
import { FiniteLeases } from "../../invariants/kv/finite-leases.ts";
import { KeptTime } from "../../invariants/kv/kept-time.ts";
import type { KvNote } from "../../invariants/kv/kv-note.ts";
import { viewOf } from "../../invariants/kv/kv-view.ts";
import { PatientLeases } from "../../invariants/kv/patient-leases.ts";
import { ReadablePast } from "../../invariants/kv/readable-past.ts";
import { RevisionSteps } from "../../invariants/kv/revision-steps.ts";
import { SessionAnswers } from "../../invariants/kv/session-answers.ts";
import { StoreRun } from "../../invariants/kv/store-run.ts";
import { TrueChanges } from "../../invariants/kv/true-changes.ts";
import { TrueRanges } from "../../invariants/kv/true-ranges.ts";
import { WholeTransactions } from "../../invariants/kv/whole-transactions.ts";
import type { Attended, SimSystem } from "../run/sim-system.ts";
import { type KvCall, KvClient } from "./kv-client.ts";

/** The key-value store as it ships: its state machine, and what each member does for it beside calls. */
export const kvSystem: SimSystem<Uint8Array, KvResult, KvQuery, KvAnswer> = {
  makeMachine: () => new KvMachine(),
  codec: BYTE_COMMANDS,
  read(operation) {
    const call = operation as KvCall;
    if ("command" in call) return { command: encodeCommand(call.command) };
    if ("query" in call) return call;
    // Outside of a session it is a write like others.
    if ("once" in call) return { command: encodeCommand(call.once) };
    const { session, number, write } = call;
    return {
      command: encodeCommand({ kind: "session-write", session, number, write: encodeCommand(write) }),
    };
  },
  makeClient: () => new KvClient(),
  makeChecks() {
    const run = new StoreRun();
    return [
      new RevisionSteps(),
      new TrueRanges(run),
      new ReadablePast(run),
      new WholeTransactions(run),
      new FaithfulWatches(),
      new TrueChanges(run),
      new PatientLeases(),
      new FiniteLeases(),
      new AttachedKeys(run),
      new KeptTime(run),
      new SessionAnswers(),
    ];
  },
  view: (machine) => viewOf(machine as KvMachine),
  unrest(machine) {
    const [lease] = (machine as KvMachine).leases.all();
    return lease === undefined ? undefined : `lease ${lease.id} is still there`;
  },
  attend(machine, member) {
    const kv = machine as KvMachine;
    new Upkeep(member, kv, kvLimits({ historyRevisions: 50 }));
    const first = kv.store.revision + 1;
    const plain = { from: first, previous: false, without: null };
    watch(kv, member, { ...plain, watch: 1, range: EVERYTHING }, 1024);
    watch(kv, member, { ...plain, watch: 2, range: { from: "a", to: "d" } }, 2);
    watch(kv, member, { ...plain, watch: 3, range: EVERYTHING, from: 2, previous: true }, 3);
    watch(kv, member, { ...plain, watch: 4, range: { from: "b", to: null }, without: "put" }, 1024);
  },
};

/** Every key there is. */
const EVERYTHING: KeyRange = { from: "", to: null };

/** Watches as a client would, and tells the checks what it is told. */
function watch(
  machine: KvMachine,
  member: Attended<Uint8Array>,
  begun: Omit<Extract<KvNote, { kind: "watch-began" }>, "kind">,
  pendingMax: number,
): void {
  member.note({ kind: "watch-began", ...begun } satisfies KvNote);
  const { range, from, previous, without } = begun;
  let isScheduled = false;
  const takeSoon = (): void => {
    if (isScheduled) return;
    isScheduled = true;
    // Not within the machine's own turn.
    member.clock.soon(() => {
      isScheduled = false;
      for (let batch = watcher.take(); batch !== undefined; batch = watcher.take()) {
        member.note({ kind: "watched", watch: begun.watch, batch } satisfies KvNote);
      }
    });
  };
  const request = { range, from, previous, pendingMax, without: without ?? undefined };
  const watcher = machine.watches.watch(request, takeSoon);
  takeSoon();
}
