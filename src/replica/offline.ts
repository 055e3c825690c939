import type { Clock } from "../base/clock.ts";
import { Random } from "../base/random.ts";
import type { MemberId } from "../log/entry.ts";
import { Raft } from "../raft/raft.ts";
import type { Recovered, SnapshotReader } from "../storage/storage.ts";
import { Applier } from "./apply/applier.ts";
import { Checkpoints } from "./apply/checkpoints.ts";
import { Execution, type OnApplyError } from "./apply/execution.ts";
import { CommandTime } from "./calls/command-time.ts";
import { Proposals } from "./calls/proposals.ts";
import { Requests } from "./calls/requests.ts";
import { CommandRandom } from "./command-random.ts";
import { Directory } from "./members/directory.ts";
import { DEFAULT_LIMITS } from "./options.ts";
import { chunksOf } from "./snapshots/snapshot-recovery.ts";
import type { Codec, StateMachine } from "./state-machine.ts";
import type { CapturedState } from "./status.ts";

/** What a member left on its disk. */
export interface StoredState<Command, Result, Query, Answer> {
  readonly clusterId: string;
  readonly memberId: MemberId;
  readonly log: Pick<Recovered, "hardState" | "entries">;
  readonly snapshot: SnapshotReader;
  readonly machine: StateMachine<Command, Result, Query, Answer>;
  readonly codec: Codec<Command>;
  readonly onApplyError?: OnApplyError;
}

/**
 * The state up to the last entry that a member which does not run knew to be committed: its snapshot, with these entries
 * applied to it as the member would. Blocks. Throws what the machine throws.
 */
export function storedState<Command, Result, Query, Answer>(
  stored: StoredState<Command, Result, Query, Answer>,
): CapturedState {
  const { clusterId, memberId, log, snapshot, machine, codec } = stored;
  const nobody = { origin: memberId, epoch: 0 };
  const proposals = new Proposals<Result>(
    nobody,
    0,
    STOPPED,
    new CommandTime(STOPPED),
    DEFAULT_LIMITS,
    new Requests(0),
  );
  const execution = new Execution(
    machine,
    codec,
    new CommandRandom(clusterId),
    stored.onApplyError ?? "stop",
  );
  const directory = new Directory(new Map());
  const applier = new Applier(nobody, machine, execution, directory, proposals, noCheckpoints(), () => {});
  machine.restore(chunksOf(snapshot));
  applier.restored(snapshot.snapshot);

  const raft = new Raft(
    { id: memberId },
    { ...log, snapshot: snapshot.snapshot.metadata, applied: applier.index },
    { random: new Random(0), latestSnapshot: () => undefined },
  );
  for (let { apply } = raft.takeEffects(); apply.length > 0; { apply } = raft.takeEffects()) {
    applier.apply(apply, raft);
    raft.applied(applier.index);
  }
  return { clusterId, ...applier.capture() };
}

/** Nothing happens in time where nothing runs. */
const STOPPED: Clock = {
  monotonic: () => 0,
  wall: () => 0,
  after: () => ({ cancel() {} }),
  soon() {},
};

function noCheckpoints(): Checkpoints {
  return new Checkpoints({
    id: 0,
    clock: STOPPED,
    everyEntries: Number.POSITIVE_INFINITY,
    electionTicks: 1,
    beginHash: () => undefined,
    onDiverged() {},
  });
}
