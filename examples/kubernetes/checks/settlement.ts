import type { Store } from "quorate";
import type { Node, Pod, ReplicaSet } from "../objects.ts";
import type { Settlement } from "../protocol.ts";
import { keyOf } from "../resources.ts";
import { isWaitingToRun } from "../roles/kubelet.ts";
import { list } from "../roles/list.ts";
import { ownerKeyOf } from "../roles/replica-set-controller.ts";
import { fits } from "../roles/scheduler.ts";

const WAITING_TOLD = 10;

/** How far the roles have come. A Pod that fits on no Node waits for a Node, not for them. */
export async function settlement(store: Store<unknown>): Promise<Settlement> {
  const { objects: nodes } = await list<Node>(store, "nodes");
  const { objects: sets } = await list<ReplicaSet>(store, "replicasets");
  const { objects: pods } = await list<Pod>(store, "pods");

  const unbound = pods.filter(
    (pod) => pod.spec.nodeName === undefined && nodes.some((node) => fits(pod, node)),
  );
  const bound = pods.filter(isWaitingToRun);
  const unequal = sets.filter((set) => !hasItsPods(set, pods));
  const waiting = [
    ...unbound.map((pod) => `${keyOf(pod)} is not bound`),
    ...bound.map((pod) => `${keyOf(pod)} does not run`),
    ...unequal.map((set) => `${keyOf(set)} has not the Pods it asks for`),
  ];
  const runningPods = pods.filter(({ status }) => status?.phase === "Running").length;
  return { runningPods, waiting: waiting.slice(0, WAITING_TOLD) };
}

function hasItsPods(set: ReplicaSet, pods: readonly Pod[]): boolean {
  const wanted = set.spec.replicas ?? 1;
  const count = pods.filter((pod) => ownerKeyOf(pod) === keyOf(set)).length;
  return count === wanted && set.status?.replicas === wanted;
}
