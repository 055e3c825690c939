/**
 * Judges histories of any system: what clients called and were answered, held against a model that does one thing at
 * a time.
 */

export { visualizeHistory } from "../report/visualize-history.ts";
export { type CheckOptions, checkHistory, type HistoryResult, type PartResult } from "./check-history.ts";
export { readHistory, writeHistory } from "./history-text.ts";
export type { Model } from "./model.ts";
export type { KvState } from "./models/kv.ts";
export { type KvInput, type KvOutput, type KvWrite, kvModel } from "./models/kv.ts";
export type { Lists } from "./models/list-append.ts";
export { type ListAppendInput, listAppendModel } from "./models/list-append.ts";
export { type QueueInput, queueModel } from "./models/queue.ts";
export { type RegisterInput, type RegisterOutput, registerModel } from "./models/register.ts";
export type { CompletedOperation, Operation, UnknownOperation } from "./operation.ts";
