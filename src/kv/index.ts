/** The key-value state machine by itself, for those who host it on a replica of their own making. */

export type { Bounds, Range, RangeOrder } from "./bounds.ts";
export { ClientSession } from "./client-session.ts";
export type { Command } from "./command.ts";
export { decodeCommand, encodeCommand } from "./command-codec.ts";
export type { DecodeOr, DecodeOrRaw, DecodeOrSkip, Undecodable } from "./decoding.ts";
export type { KvEntry, ReadOptions } from "./keyspace.ts";
export { type DeleteOptions, Kv, type LeaseInfo, type LeaseOptions, type SessionOptions } from "./kv.ts";
export type { KvLimits, KvReplica } from "./kv-host.ts";
export { type KvAnswer, KvMachine, type KvQuery } from "./kv-machine.ts";
export type { KvMetrics } from "./kv-metrics.ts";
export type { LeaseChoice } from "./lease-choice.ts";
export type { KvResult } from "./result.ts";
export type { Page, PageOptions, Scan, ScanOptions } from "./scan.ts";
export type { Selection, SelectionOptions, SortTarget } from "./selection.ts";
