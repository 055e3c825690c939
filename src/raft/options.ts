import { defined } from "../base/defaults.ts";
import { invalidArgument, type QuorateError } from "../base/errors.ts";
import type { MemberId } from "../log/entry.ts";

/** How one member behaves. Spans are in ticks, sizes in bytes. What is not set has the default named here. */
export interface RaftOptions {
  readonly id: MemberId;

  /** Ticks without a leader before a follower stands for election: drawn from this up to twice this, less one. Default 10. */
  readonly electionTicks?: number;
  /** Ticks between two heartbeats of a leader. Default 1. */
  readonly heartbeatTicks?: number;
  /** Who stands first: 0 at once, each step above waits another `electionTicks`. At most 10. Default 0. */
  readonly priority?: number;
  /** Ask before beginning a term, so that a member that was cut off disturbs nobody on return (thesis, 9.6). Default true. */
  readonly preVote?: boolean;
  /** A leader without a majority steps down, and voters that hear from a leader ignore candidates (thesis, 6.2). Default true. */
  readonly checkQuorum?: boolean;
  /**
   * A candidate asks for votes only once its own disk holds its vote and all of its log. Otherwise it could crash, forget
   * the term and the end of its log, stand in that term again, and be elected by answers to what it asked before.
   * etcd asks at once. Default true.
   */
  readonly ownVoteFirst?: boolean;

  /** A candidate and the voters that refuse it tell each other what is committed. Default true. */
  readonly commitNews?: boolean;

  /** Followers pass proposals on to the leader. Default true. */
  readonly forwardProposals?: boolean;
  /** The leader answers forwarded proposals, and a member that does not lead refuses them. Default true. */
  readonly replyToForwarded?: boolean;

  /** Bytes of entries in one append; one entry may be larger. Default 1 MiB. */
  readonly messageBytesMax?: number;
  /** Appends under way to one follower. Default 256. */
  readonly inflightMessagesMax?: number;
  /** Bytes of entries under way to one follower. Default 16 MiB. */
  readonly inflightBytesMax?: number;
  /** Bytes in the leader's log that are not applied yet; above it proposals are refused. Default 64 MiB. */
  readonly uncommittedBytesMax?: number;
  /** Bytes handed out to be applied and not reported as applied. Default 16 MiB. */
  readonly committedBytesMax?: number;
  /** Reads that may wait on one member; more are refused. Default 100 000. */
  readonly readsMax?: number;
  /**
   * What gathers between two calls of `takeEffects` is sent as one: appends, commit indexes, acknowledgements. A commit
   * index without entries waits for one call more. Default true.
   */
  readonly coalesce?: boolean;
  /** Hand out committed entries that the own disk does not hold yet. Only for hosts that save before they apply. Default false. */
  readonly applyUnsaved?: boolean;

  /**
   * A change of membership is applied only once the own disk knows that it is committed. A member that applied and forgot
   * it could need the vote of one that was removed by it and is gone. etcd applies it at once. Default true.
   */
  readonly durableChanges?: boolean;
  /** A leader that is removed or demoted steps down. Default true. */
  readonly stepDownOnRemoval?: boolean;
  /** And then asks the voter that is furthest to stand for election at once. Default true. */
  readonly handOver?: boolean;
  /** A change of membership that cannot be made: `refuse` says so; `empty-entry` appends nothing but a place, as etcd does. Default `refuse`. */
  readonly refusedChange?: "refuse" | "empty-entry";
  /** Whether changes are checked against the configuration before they are appended. Off is unsafe; etcd's scenarios use it. Default true. */
  readonly validateChanges?: boolean;
  /** Entries that a learner may lack when it becomes a voter. Default 1 000. */
  readonly learnerLagMax?: number;
  /** Take a snapshot in which this member has no part: it was made before the member joined. Default true. */
  readonly takeEarlierSnapshots?: boolean;
  /** The leader makes voters of learners once they are ready. Default false. */
  readonly promoteLearners?: boolean;

  /**
   * The leader answers reads without a round to its followers while its lease lasts: `electionTicks - leaseMarginTicks`
   * from when a majority last answered. Needs `checkQuorum` on every member. The bound on clocks: within one lease no
   * member may tick more than (electionTicks - 1) / (electionTicks - leaseMarginTicks) times as fast as the leader, and
   * a leader that was paused must be told the time (`timeIs`) before any read. Reads that others forward are never answered
   * so. Default false.
   */
  readonly leaseReads?: boolean;
  /** With `leaseReads`: ignore candidates for an election timeout after a start, as if a leader had just been heard. Default true. */
  readonly leaseGuard?: boolean;
  /** What the lease is shorter than an election timeout. Default 2. */
  readonly leaseMarginTicks?: number;
  /** After so many ticks without anything to do the group falls asleep: no heartbeats, no elections. 0 is never. Default 0. */
  readonly quiesceTicks?: number;
}

export type Settings = Required<RaftOptions>;

const DEFAULTS: Omit<Settings, "id"> = {
  electionTicks: 10,
  heartbeatTicks: 1,
  priority: 0,
  preVote: true,
  checkQuorum: true,
  ownVoteFirst: true,
  commitNews: true,
  forwardProposals: true,
  replyToForwarded: true,
  messageBytesMax: 1024 * 1024,
  inflightMessagesMax: 256,
  inflightBytesMax: 16 * 1024 * 1024,
  uncommittedBytesMax: 64 * 1024 * 1024,
  committedBytesMax: 16 * 1024 * 1024,
  readsMax: 100_000,
  coalesce: true,
  applyUnsaved: false,
  durableChanges: true,
  stepDownOnRemoval: true,
  handOver: true,
  refusedChange: "refuse",
  validateChanges: true,
  learnerLagMax: 1000,
  takeEarlierSnapshots: true,
  promoteLearners: false,
  leaseReads: false,
  leaseGuard: true,
  leaseMarginTicks: 2,
  quiesceTicks: 0,
};

/** The behaviour of etcd-io/raft 3.7 without options of its own, message for message. */
export const etcdProfile = {
  preVote: false,
  checkQuorum: false,
  ownVoteFirst: false,
  commitNews: false,
  replyToForwarded: false,
  messageBytesMax: Number.POSITIVE_INFINITY,
  inflightMessagesMax: Number.POSITIVE_INFINITY,
  inflightBytesMax: Number.POSITIVE_INFINITY,
  uncommittedBytesMax: Number.POSITIVE_INFINITY,
  committedBytesMax: Number.POSITIVE_INFINITY,
  coalesce: false,
  durableChanges: false,
  stepDownOnRemoval: false,
  handOver: false,
  refusedChange: "empty-entry",
  leaseGuard: false,
  takeEarlierSnapshots: false,
  learnerLagMax: Number.POSITIVE_INFINITY,
} as const satisfies Partial<RaftOptions>;

/** The options with their defaults. Throws ERR_INVALID_ARGUMENT for what cannot work. */
export function raftSettings(options: RaftOptions): Settings {
  const settings: Settings = { ...DEFAULTS, ...defined(options) };
  for (const name of Object.keys(options)) {
    if (name !== "id" && !(name in DEFAULTS)) throw invalid(name, "there is no such option", settings);
  }
  checkWhole(settings, "id", 1, Number.MAX_SAFE_INTEGER);
  checkWhole(settings, "electionTicks", 2, 1_000_000);
  checkWhole(settings, "heartbeatTicks", 1, settings.electionTicks - 1);
  checkWhole(settings, "priority", 0, 10);
  checkWhole(settings, "leaseMarginTicks", 1, settings.electionTicks - 1);
  checkWhole(settings, "quiesceTicks", 0, 1_000_000);
  for (const name of LIMITS) checkLimit(settings, name);
  if (settings.leaseReads && !settings.checkQuorum) {
    throw invalid("leaseReads", "reads by lease need checkQuorum", settings);
  }
  if (settings.leaseReads && settings.quiesceTicks > 0) {
    throw invalid(
      "leaseReads",
      "a sleeping leader has no lease: choose one of leaseReads and quiesceTicks",
      settings,
    );
  }
  return settings;
}

const LIMITS = [
  "messageBytesMax",
  "inflightMessagesMax",
  "inflightBytesMax",
  "uncommittedBytesMax",
  "committedBytesMax",
  "readsMax",
  "learnerLagMax",
] as const satisfies readonly (keyof Settings)[];

function checkWhole(settings: Settings, name: keyof Settings, least: number, most: number): void {
  const value = settings[name];
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < least || value > most) {
    throw invalid(name, `${name} must be a whole number from ${least} to ${most}`, settings);
  }
}

function checkLimit(settings: Settings, name: (typeof LIMITS)[number]): void {
  const value: unknown = settings[name];
  if (typeof value !== "number" || !(value >= 1)) throw invalid(name, `${name} must be at least 1`, settings);
}

function invalid(argument: string, message: string, settings: object): QuorateError {
  return invalidArgument(argument, (settings as Record<string, unknown>)[argument], message);
}
