import type { Clock } from "../base/clock.ts";
import { defined, type Overrides } from "../base/defaults.ts";
import { invalidArgument } from "../base/errors.ts";
import { type Demands, OptionTable, whole } from "../base/options.ts";
import type { Random } from "../base/random.ts";
import type { Storage } from "../storage/storage.ts";
import type { Transport } from "../transport/transport.ts";
import type { OnApplyError } from "./apply/execution.ts";
import type { Codec, StateMachine } from "./state-machine.ts";

/** What a replica is made of. `open` and `createReplica` fill it in for the usual cases. */
export interface ReplicaOptions<Command, Result, Query, Answer> {
  /** This member's name. */
  readonly name: string;
  /** Name and address of every first member, this one included. */
  readonly peers: Readonly<Record<string, string>>;
  /** Tells clusters apart whose members have the same names. */
  readonly cluster?: string | undefined;
  /** The ticket of a member that was added later; it takes the place of `peers` and `cluster`. */
  readonly join?: string | undefined;
  readonly machine: StateMachine<Command, Result, Query, Answer>;
  /** How commands become bytes. */
  readonly codec: Codec<Command>;
  readonly storage: Storage;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits?: Overrides<ReplicaLimits> | undefined;
  /**
   * Whether reads may ask for `lease`. All members must have the same: each then holds back its vote for an election
   * timeout after it heard from a leader, so a fallen leader is replaced later than otherwise. Default false.
   */
  readonly leaseReads?: boolean | undefined;
  /**
   * What happens when the machine throws at a command, or the codec at its bytes. `stop`, the default: the member stops with
   * ERR_APPLY. `report`: whoever proposed the command gets ERR_APPLY with outcome `none`, and every member goes on without
   * it. That needs a machine that leaves its state as it was when it throws, and throws at the same commands on every
   * member; commands are then applied one by one. All members must have the same.
   */
  readonly onApplyError?: OnApplyError | undefined;
  /** The number of the first command of this start. For tests of what happens after very many. Default 0. */
  readonly firstSequence?: number | undefined;
}

/** Every limit and span of a replica, by name. Times are milliseconds, sizes bytes. */
export interface ReplicaLimits {
  /** One tick of the core. The leader sends a heartbeat with each. */
  readonly tickMs: number;
  /** Ticks without a word from the leader after which a follower stands for election: drawn from this up to twice this. */
  readonly electionTicks: number;
  /** How long a call waits when it sets no limit of its own. */
  readonly callTimeoutMs: number;
  /** Commands that may wait at this member; more are refused with ERR_BUSY. */
  readonly proposalsMax: number;
  /** What the commands that may wait at this member may weigh together, 1 KiB each for the call included; then ERR_BUSY. */
  readonly proposalBytesMax: number;
  /** The largest command, envelope included. */
  readonly commandBytesMax: number;
  /** Reads that may wait at this member; more are refused with ERR_BUSY. */
  readonly readsMax: number;
  /** Changes of membership, and transfers of leadership, that may wait at this member; more are refused with ERR_BUSY. */
  readonly changesMax: number;
  /** Frames from peers that may wait for the next turn; more are dropped, as a network would. */
  readonly inboxFramesMax: number;
  /** A snapshot is taken once this many entries have been applied since the last … */
  readonly snapshotEntries: number;
  /** … or once they take this many bytes of memory. A state that is larger than this waits until they take a quarter of it. */
  readonly snapshotBytes: number;
  /**
   * Entries kept behind a snapshot, so that a follower that lags a little needs no snapshot. Fewer where these take more than
   * an eighth of `snapshotBytes`.
   */
  readonly trailingEntries: number;
  /**
   * After every so many entries the members compare their logs and states: see `Checkpoints`. The same for all members, and
   * 20 at least: each member's report is an entry itself.
   */
  readonly checkpointEntries: number;
}

export const DEFAULT_LIMITS: ReplicaLimits = {
  tickMs: 100,
  electionTicks: 10,
  callTimeoutMs: 10_000,
  proposalsMax: 100_000,
  proposalBytesMax: 128 * 1024 * 1024,
  commandBytesMax: 1_600_000,
  readsMax: 100_000,
  changesMax: 1_000,
  inboxFramesMax: 10_000,
  snapshotEntries: 100_000,
  snapshotBytes: 64 * 1024 * 1024,
  trailingEntries: 5_000,
  checkpointEntries: 100_000,
};

/** What a frame may hold beside the largest command: other commands that go with it, and the message around them. */
const FRAME_ROOM_BYTES = 1024 * 1024 + 64 * 1024;

/** Throws ERR_INVALID_ARGUMENT where the largest command would be lost on the way, each time it is sent. */
export function checkFrames({ commandBytesMax }: ReplicaLimits, { frameBytesMax }: Transport): void {
  if (frameBytesMax === undefined || commandBytesMax + FRAME_ROOM_BYTES <= frameBytesMax) return;
  const most = frameBytesMax - FRAME_ROOM_BYTES;
  const message = `commandBytesMax must be ${most} at most, since the transport carries frames of ${frameBytesMax} bytes; raise its frameBytesMax for more`;
  throw invalidArgument("limits.commandBytesMax", commandBytesMax, message);
}

const CHECKPOINT_ENTRIES_MIN = 20;

const DEMANDS: Demands<ReplicaLimits> = {
  tickMs: whole(1),
  electionTicks: whole(1),
  callTimeoutMs: whole(1),
  proposalsMax: whole(1),
  proposalBytesMax: whole(1),
  commandBytesMax: whole(1),
  readsMax: whole(1),
  inboxFramesMax: whole(1),
  snapshotEntries: whole(1),
  snapshotBytes: whole(1),
  trailingEntries: whole(1),
  checkpointEntries: whole(CHECKPOINT_ENTRIES_MIN),
  changesMax: whole(1),
};

export const REPLICA_LIMITS = new OptionTable<Overrides<ReplicaLimits>>("limits", DEMANDS, "limits.");

/** The defaults with what the caller sets. Throws ERR_INVALID_ARGUMENT for an unknown name or an impossible value. */
export function replicaLimits(given: Overrides<ReplicaLimits> = {}): ReplicaLimits {
  REPLICA_LIMITS.check(given);
  return { ...DEFAULT_LIMITS, ...defined(given) };
}
