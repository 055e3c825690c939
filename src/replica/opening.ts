import { QuorateError } from "../base/errors.ts";
import type { Recovered, SnapshotReader } from "../storage/storage.ts";
import type { MemberRecord } from "./directory.ts";
import { checkMemberNames, firstClusterId, firstMemberId } from "./identity.ts";
import { type ReplicaOptions, replicaLimits } from "./options.ts";
import { found, isUnused } from "./recovery.ts";

/** What a member starts from. */
export interface OpenedStorage {
  readonly recovered: Recovered;
  /** Open for reading; whoever takes it closes it. */
  readonly snapshot: SnapshotReader;
}

/** Here the machine matters by its first state only. */
type Options = Omit<ReplicaOptions<never, unknown, never, unknown>, "codec" | "machine"> & {
  readonly machine: { snapshot(): Iterable<Uint8Array> };
};

/** Opens the storage, and founds the cluster where it is new. After a failure the storage is closed again. */
export function openStorage(options: Options, done: (error: unknown, opened?: OpenedStorage) => void): void {
  checkOptions(options);
  const { name, storage, machine } = options;
  const identity = { clusterId: clusterIdOf(options), memberId: firstMemberId(name), memberName: name };
  const recovered = storage.open(identity);
  const finish = (error: QuorateError | null): void => {
    const snapshot = error === null ? storage.openSnapshot() : null;
    if (snapshot !== null) done(null, { recovered, snapshot });
    else storage.close(() => done(error ?? noSnapshot()));
  };
  if (isUnused(recovered)) found(storage, firstMembers(options), machine.snapshot(), finish);
  else finish(null);
}

/** The cluster's id follows from what its first members were told. */
export function clusterIdOf({ cluster, peers }: Pick<Options, "cluster" | "peers">): string {
  return firstClusterId(cluster ?? "", Object.keys(peers));
}

function firstMembers({ peers }: Options): MemberRecord[] {
  return Object.entries(peers).map(([name, address]) => {
    return { id: firstMemberId(name), name, address, store: null };
  });
}

function checkOptions({ name, peers, limits }: Options): void {
  checkMemberNames(Object.keys(peers));
  replicaLimits(limits);
  if (name in peers) return;
  throw new QuorateError("ERR_INVALID_ARGUMENT", `peers must name every member, ${name} included`, {
    argument: "peers",
    received: Object.keys(peers),
  });
}

function noSnapshot(): QuorateError {
  return new QuorateError("ERR_INTERNAL", "the storage has a log but no snapshot", {});
}
