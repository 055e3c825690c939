/** Types of a member that few programs name: events in detail, captured state, metrics. */

export type { Callback, Done } from "../base/callback.ts";
export type { Timer } from "../base/clock.ts";
export type { Overrides } from "../base/defaults.ts";
export type { Durations } from "../base/durations.ts";
export type { Emitter, Observer } from "../base/emitter.ts";
export type { AuthChangeReason, ErrorOptions } from "../base/errors.ts";
export type { OnApplyError } from "./apply/execution.ts";
export type { CommandCodecName } from "./calls/command-codec.ts";
export type { ReadOptions as BarrierOptions } from "./calls/reads.ts";
export type { MemberNews } from "./membership/cluster-changes.ts";
export type { ReplicaOptions } from "./options.ts";
export type { SnapshotTaken } from "./snapshots/snapshotter.ts";
export type { CapturedState, ReplicaMetrics } from "./status.ts";
