import type { PowerCut } from "../storage/files/memory-disk.ts";
import { POWER_CUTS } from "../storage/files/memory-disk.ts";

/** What may go wrong in a run. Each seed switches on some of it at random: what never meets is never tested together. */
export interface FaultProfile {
  /** Frames are lost, repeated, delayed and overtake each other. */
  readonly network?: boolean;
  /** Groups of members do not hear each other, in every shape; links fail in one direction; connections break. */
  readonly partitions?: boolean;
  /** Processes end. */
  readonly kills?: boolean;
  /** The power fails, and of what was not synced these things become. */
  readonly powerCuts?: readonly PowerCut[];
  /** Members stand still, and go on as if nothing had been. */
  readonly pauses?: boolean;
  /** Clocks run at different speeds, and jump. */
  readonly clocks?: boolean;
  /** Disks are slow, full, or refuse. */
  readonly disks?: boolean;
  /** Bits change on the disks of a minority. */
  readonly rot?: boolean;
  /** Members come, go, and hand over. */
  readonly membership?: boolean;
  /** Somebody wipes a member's directory, puts an old copy in its place or another member's, or sends in its name. */
  readonly operator?: boolean;
}

/** Ready-made profiles; `mix` puts several together. */
export const faults = {
  none: (): FaultProfile => ({}),
  network: (): FaultProfile => ({ network: true }),
  partitions: (): FaultProfile => ({ partitions: true }),
  crashes: (powerCuts: readonly PowerCut[] = POWER_CUTS): FaultProfile => ({ kills: true, powerCuts }),
  pauses: (): FaultProfile => ({ pauses: true }),
  clocks: (): FaultProfile => ({ clocks: true }),
  disks: (): FaultProfile => ({ disks: true }),
  rot: (): FaultProfile => ({ rot: true }),
  membership: (): FaultProfile => ({ membership: true }),
  operator: (): FaultProfile => ({ operator: true }),
  /** All that a cluster should stand without anybody's help. */
  standard: (): FaultProfile => ({
    network: true,
    partitions: true,
    kills: true,
    powerCuts: POWER_CUTS,
    pauses: true,
    clocks: true,
    disks: true,
    membership: true,
  }),
  /** And what nobody should have to stand. */
  nightmare: (): FaultProfile => ({ ...faults.standard(), rot: true, operator: true }),
  mix: (...profiles: readonly FaultProfile[]): FaultProfile => Object.assign({}, ...profiles),
};
