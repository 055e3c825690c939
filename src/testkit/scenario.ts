import { QuorateError } from "../base/errors.ts";
import { exact } from "../base/surplus.ts";
import type { RaftOptions } from "../raft/options.ts";
import type { OnCorruption } from "../storage/disk/disk-opening.ts";
import type { PowerCut } from "../storage/files/memory-disk.ts";
import type { Written } from "./written.ts";

/**
 * One run of a simulated cluster, as plain data: written to a file it can be run again, read by people and made
 * smaller. Every list of actions is a scenario, in any order and with any of them left out: an action that makes no
 * sense at its moment does nothing. Times are virtual milliseconds since the run began.
 */
export interface Scenario {
  readonly format: 1;
  /**
   * `core`: cores alone, with a disk and a network of objects; fast. `full`: whole members with their storage on a
   * simulated disk, their state machine and encoded frames.
   */
  readonly mode: "core" | "full";
  readonly seed: number;
  readonly cluster: ClusterPlan;
  readonly network: NetworkPlan;
  readonly disk: DiskPlan;
  /** The storm: actions happen in this time. */
  readonly stormMs: number;
  /** After the storm everything is mended, and within this time the cluster must be of one mind again. */
  readonly calmMs: number;
  readonly actions: readonly Action[];
}

/** The cluster of a scenario: its size and its timing, in virtual milliseconds. */
export interface ClusterPlan {
  /** How many members found the cluster. */
  readonly voters: number;
  /** How many more stand ready to be added. */
  readonly spares: number;
  readonly tickMs: number;
  readonly electionTicks: number;
  /** How much faster each member's clock runs than true time, in thousandths; 0 where none is named. */
  readonly driftPermille: readonly number[];
  /** A snapshot is taken after so many applied entries. */
  readonly snapshotEntries: number;
  readonly trailingEntries: number;
  /** Options of the members, in `full` mode. */
  readonly member?: MemberPlan;
  /** Options of the core, in `core` mode. */
  readonly core: Partial<Omit<RaftOptions, "id">>;
}

/** Options that all members of a scenario share. */
export interface MemberPlan {
  /** Clients make half of their linearizable reads by lease. */
  readonly leaseReads?: boolean;
  /** Members compare their logs and states after so many entries. */
  readonly checkpointEntries?: number;
  readonly onCorruption?: OnCorruption;
}

/** How the network of a scenario behaves. Shares are between 0 and 1, delays in virtual milliseconds. */
export interface NetworkPlan {
  /** Share of the frames that are lost. */
  readonly loss: number;
  /** Share of the frames that arrive twice, the second time perhaps much later. */
  readonly duplication: number;
  readonly delayMsMin: number;
  readonly delayMsMax: number;
  /** Frames on one link arrive in the order in which they were sent. */
  readonly isOrdered: boolean;
}

/** How long each disk operation takes: between the two limits, in virtual milliseconds. */
export interface DiskPlan {
  readonly delayMsMin: number;
  readonly delayMsMax: number;
}

/** Members are counted from 0; those after the voters are spares. -1 is whoever leads at that moment. */
export type MemberNumber = number;

export const LEADER: MemberNumber = -1;

/** An action that lasts ends by itself after `forMs`, so that nothing depends on a second action that ends it. */
export type Action = { readonly at: number } & (
  | OperationAction
  | CrashAction
  | { readonly kind: "pause"; readonly member: MemberNumber; readonly forMs: number }
  /** Frames between members of different groups are lost; members that no group names hear nobody. */
  | {
      readonly kind: "partition";
      readonly groups: readonly (readonly MemberNumber[])[];
      readonly forMs: number;
    }
  /** Frames from one member to another are lost, in this direction only. */
  | {
      readonly kind: "cut";
      readonly from: MemberNumber;
      readonly to: MemberNumber;
      readonly forMs: number;
    }
  /** Connections break and stand again at once: each side hears that the other one went. */
  | { readonly kind: "disconnect"; readonly member: MemberNumber }
  | { readonly kind: "campaign"; readonly member: MemberNumber }
  | { readonly kind: "snapshot"; readonly member: MemberNumber }
  | { readonly kind: "transfer"; readonly member: MemberNumber; readonly to: MemberNumber }
  | ChangeAction
  /** Every call of the disk takes this much longer. */
  | { readonly kind: "slow-disk"; readonly member: MemberNumber; readonly ms: number; readonly forMs: number }
  /** The disk has no room: what takes more of it fails. */
  | { readonly kind: "full-disk"; readonly member: MemberNumber; readonly forMs: number }
  /** One of the next calls of the disk fails, and the process is started again after `downMs`. */
  | {
      readonly kind: "disk-error";
      readonly member: MemberNumber;
      readonly operation: "write" | "sync";
      readonly after: number;
      readonly downMs: number;
    }
  /** A bit of what the member has on its disk changes; the process is started again `downMs` later. */
  | { readonly kind: "rot"; readonly member: MemberNumber; readonly place: number; readonly downMs: number }
  /** The wall clock jumps. */
  | { readonly kind: "clock-jump"; readonly member: MemberNumber; readonly ms: number }
  /** The operator starts the member with an empty directory, after `downMs`. */
  | { readonly kind: "wipe"; readonly member: MemberNumber; readonly downMs: number }
  | OldBackupAction
  /** The operator starts the member on a copy of another one's directory, and puts its own back after `forMs`. */
  | {
      readonly kind: "clone";
      readonly member: MemberNumber;
      readonly of: MemberNumber;
      readonly forMs: number;
    }
  /**
   * For a while others send under the member's name: a store of another cluster does, frames of long ago come again, and
   * bytes that are no frames.
   */
  | { readonly kind: "stranger"; readonly member: MemberNumber; readonly forMs: number }
  | ExpectAction
);

/** A client calls. What it asks for is the workload's to read. */
export interface OperationAction {
  readonly kind: "operation";
  readonly client: number;
  readonly member: MemberNumber;
  readonly operation: unknown;
}

/** `kill` ends the process and keeps what it wrote; any other end is a power cut, which keeps what the disk has of it. */
export interface CrashAction {
  readonly kind: "crash";
  readonly member: MemberNumber;
  readonly how: "kill" | PowerCut;
  readonly downMs: number;
}

/** Asks a member to change the membership. */
export interface ChangeAction {
  readonly kind: "change";
  /** Whom to ask. */
  readonly member: MemberNumber;
  readonly changes: readonly {
    readonly kind: "add-voter" | "add-learner" | "remove";
    readonly member: MemberNumber;
  }[];
}

/**
 * The operator copies the directory, puts the copy back `ageMs` later, and starts the process on it after another
 * `downMs`: if the others hold all that the copy lacks, or `regardless` of that, which no cluster has to stand.
 */
export interface OldBackupAction {
  readonly kind: "old-backup";
  readonly member: MemberNumber;
  readonly ageMs: number;
  readonly downMs: number;
  readonly regardless?: true;
}

/**
 * Whoever wrote the scenario expects that the member's machine gives this answer, just as it is then: nobody else is
 * asked. After the storm it is looked at when the cluster has come to rest.
 */
export interface ExpectAction {
  readonly kind: "expect";
  readonly member: MemberNumber;
  /** A query, as in an operation. */
  readonly operation: unknown;
  readonly answer: Written;
}

export type ActionKind = Action["kind"];

/** Reads a scenario that was written as JSON. Throws ERR_INVALID_ARGUMENT, and ERR_INCOMPATIBLE for a later format. */
export const parseScenario = exact("parseScenario", 1, function parseScenario(text: string): Scenario {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalid("not JSON", cause);
  }
  if (typeof value !== "object" || value === null) throw invalid("not an object");
  const { format } = value as Scenario;
  if (typeof format !== "number") throw invalid("it has no format");
  if (format !== 1) {
    const details = { what: "scenario", found: format, supported: 1 };
    throw new QuorateError(
      "ERR_INCOMPATIBLE",
      "the scenario is in a form that this release does not know",
      details,
    );
  }
  const { mode, seed, cluster, network, disk, actions } = value as Scenario;
  const isWhole =
    typeof seed === "number" && cluster !== undefined && network !== undefined && disk !== undefined;
  if ((mode !== "core" && mode !== "full") || !isWhole || !Array.isArray(actions)) {
    throw invalid("a part is missing");
  }
  return value as Scenario;
});

function invalid(reason: string, cause?: unknown): QuorateError {
  return new QuorateError(
    "ERR_INVALID_ARGUMENT",
    `this is no scenario: ${reason}`,
    { argument: "scenario" },
    { cause },
  );
}
