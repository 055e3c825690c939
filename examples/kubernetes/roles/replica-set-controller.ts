import { createHash } from "node:crypto";
import type { Pod, ReplicaSet } from "../objects.ts";
import { REGISTRY } from "../resources.ts";
import { unlessConflict } from "./api-server.ts";
import { follow } from "./follow.ts";
import type { ControlPlane, Role } from "./role.ts";

/** Gives each ReplicaSet the Pods that it asks for: creates the missing, deletes the surplus, reports their number. */
export const replicaSetController: Role = async (cluster, signal) => {
  const state = new ReplicaSetController(cluster);
  await Promise.all([state.followPods(signal), state.followSets(signal)]);
};

/** The key of the ReplicaSet that a Pod belongs to; null if it belongs to none. */
export function ownerKeyOf({ metadata }: Pod): string | null {
  const owner = metadata.ownerReferences?.find(({ kind }) => kind === "ReplicaSet");
  return owner === undefined
    ? null
    : `${REGISTRY}replicasets/${metadata.namespace ?? "default"}/${owner.name}`;
}

class ReplicaSetController {
  readonly #cluster: ControlPlane;
  readonly #sets = new Map<string, ReplicaSet>();
  /** The Pods of each set, by the set's key and then their own. */
  readonly #pods = new Map<string, Map<string, Pod>>();

  constructor(cluster: ControlPlane) {
    this.#cluster = cluster;
  }

  async followSets(signal: AbortSignal): Promise<void> {
    for await (const { type, key, object: set } of follow<ReplicaSet>(
      this.#cluster.store,
      "replicasets",
      signal,
    )) {
      if (type === "deleted") this.#sets.delete(key);
      else this.#sets.set(key, set);
      await this.#reconcile(key);
    }
  }

  async followPods(signal: AbortSignal): Promise<void> {
    for await (const { type, key, object: pod } of follow<Pod>(this.#cluster.store, "pods", signal)) {
      const setKey = ownerKeyOf(pod);
      if (setKey === null) continue;
      if (type === "deleted") this.#podsOf(setKey).delete(key);
      else this.#podsOf(setKey).set(key, pod);
      if (type !== "modified") await this.#reconcile(setKey);
    }
  }

  /** Compares what is with what is wanted. What we see may be late; what is done then brings another call. */
  async #reconcile(setKey: string): Promise<void> {
    const set = this.#sets.get(setKey);
    if (set === undefined) return;

    const pods = [...this.#podsOf(setKey).values()];
    const wanted = set.spec.replicas ?? 1;
    for (const pod of pods.slice(wanted)) await unlessConflict(this.#cluster.api.delete(pod));
    for (const pod of missingPods(set, pods)) await this.#create(set, pod);

    const status = { replicas: pods.length };
    await this.#cluster.api.modify(set, (current) =>
      current.status?.replicas === status.replicas ? null : { ...current, status },
    );
  }

  async #create(set: ReplicaSet, pod: Pod): Promise<void> {
    const created = await unlessConflict(this.#cluster.api.create(pod));
    if (created !== null)
      await this.#cluster.events.record(set, "SuccessfulCreate", `created ${pod.metadata.name}`);
  }

  #podsOf(setKey: string): Map<string, Pod> {
    const known = this.#pods.get(setKey) ?? new Map<string, Pod>();
    this.#pods.set(setKey, known);
    return known;
  }
}

/** The Pods to create. Their names follow from the set, so that one made twice is refused the second time. */
function missingPods(set: ReplicaSet, pods: readonly Pod[]): Pod[] {
  const names = new Set(pods.map((pod) => pod.metadata.name));
  const missing: Pod[] = [];
  for (let slot = 0; pods.length + missing.length < (set.spec.replicas ?? 1); slot += 1) {
    const pod = podOf(set, slot);
    if (!names.has(pod.metadata.name)) missing.push(pod);
  }
  return missing;
}

function podOf({ apiVersion, kind, metadata, spec }: ReplicaSet, slot: number): Pod {
  const { name, namespace = "default", uid = "" } = metadata;
  const suffix = createHash("sha1").update(`${uid}/${slot}`).digest("hex").slice(0, 5);
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: `${name}-${suffix}`,
      namespace,
      labels: spec.template.metadata?.labels ?? {},
      ownerReferences: [{ apiVersion, kind, name, uid, controller: true }],
    },
    spec: spec.template.spec,
    status: { phase: "Pending" },
  };
}
