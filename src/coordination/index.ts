/** Working together on one store: locks, elections, barriers, queues and a registry of services. */
export type { Barrier } from "./barrier.ts";
export { Coordination } from "./coordination.ts";
export type { DoubleBarrier, Participation } from "./double-barrier.ts";
export type { Election, Leader, ObserveOptions, WhileLeadingOptions } from "./election.ts";
export type { Held, Leadership } from "./hold.ts";
export type { LeaseSession, LeaseSessionOptions } from "./lease-session.ts";
export type { HoldOptions } from "./leased-key.ts";
export type { Lock } from "./lock.ts";
export type { Queue, QueueItem, UndecodableItem } from "./queue.ts";
export type { ReadWriteLock } from "./read-write-lock.ts";
export type {
  RecipeKv,
  RecipeLease,
  RecipePutOptions,
  RecipeScan,
  RecipeTxn,
  RecipeWatch,
} from "./recipe-kv.ts";
export type { Registration, Registry, Service, ServiceDescription } from "./registry.ts";
export type { Term } from "./while-leading.ts";
