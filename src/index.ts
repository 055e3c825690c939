/**
 * Quorate: replicated, crash-safe storage and coordination inside your Node.js processes. No server to run.
 *
 * `open` gives a key-value store with etcd's data model; `createReplica` replicates a state machine of your own.
 * Both are members of a cluster that agrees by Raft, or alone. The parts are under `quorate/raft`, `quorate/storage`,
 * `quorate/kv`, `quorate/replica`, `quorate/transport`, `quorate/transport/tcp` and
 * `quorate/transport/memory`; types that few programs name are there too.
 */

export type { Clock } from "./base/clock.ts";
export { type ErrorCode, type ErrorFields, type Outcome, QuorateError } from "./base/errors.ts";
export { Coordination } from "./coordination/coordination.ts";
export type { Range } from "./kv/bounds.ts";
export type { ClientSession } from "./kv/client-session.ts";
export type { KvEntry, ReadOptions } from "./kv/keyspace.ts";
export type { DeleteOptions, LeaseOptions, PutOptions, WriteResult } from "./kv/kv.ts";
export { Kv } from "./kv/kv.ts";
export type { Lease } from "./kv/lease.ts";
export type { Scan, ScanOptions } from "./kv/scan.ts";
export type { Tx } from "./kv/transact.ts";
export type { TxnBuilder } from "./kv/txn-builder.ts";
export type { Watch, WatchEvent, WatchOptions } from "./kv/watch.ts";
export {
  type CreateReplicaOptions,
  createReplica,
  type MemberOptions,
  type OpenOptions,
  open,
} from "./open.ts";
export type { CallOptions } from "./replica/calls/call.ts";
export type { Cluster } from "./replica/cluster.ts";
export type { ReplicaEvents } from "./replica/events.ts";
export type { MemberRecord } from "./replica/members/directory.ts";
export type { NewMember } from "./replica/membership/cluster-changes.ts";
export type { ReplicaLimits } from "./replica/options.ts";
export { Replica } from "./replica/replica.ts";
export type { Applied, Codec, Restoration, StateMachine } from "./replica/state-machine.ts";
export type { ReplicaStatus } from "./replica/status.ts";
export { Store, type StoreMetrics, type StoreStatus } from "./store.ts";
export type { Transport } from "./transport/transport.ts";
