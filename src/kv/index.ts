/** The key-value state machine by itself, for those who host it on a replica of their own making. */
export type { Command } from "./command.ts";
export { decodeCommand, encodeCommand } from "./command-codec.ts";
export type { KvEntry, Range, ReadOptions } from "./keyspace.ts";
export { Kv } from "./kv.ts";
export type { KvLimits, KvReplica } from "./kv-host.ts";
export { type KvAnswer, KvMachine, type KvQuery } from "./kv-machine.ts";
export type { KvResult } from "./result.ts";
