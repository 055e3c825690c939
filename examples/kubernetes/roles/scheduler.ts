import type { Node, Pod } from "../objects.ts";
import { follow } from "./follow.ts";
import type { ControlPlane, Role } from "./role.ts";

/** Binds each Pod without a Node to the Node that has the fewest Pods, of those that can take it. */
export const scheduler: Role = async (cluster, signal) => {
  const state = new Scheduler(cluster);
  await Promise.all([state.followNodes(signal), state.followPods(signal)]);
};

/** Whether a Node takes a Pod: it accepts new ones and has the labels that the Pod asks for. */
export function fits(pod: Pod, node: Node): boolean {
  const { labels = {} } = node.metadata;
  const wanted = Object.entries(pod.spec.nodeSelector ?? {});
  return node.spec?.unschedulable !== true && wanted.every(([name, value]) => labels[name] === value);
}

class Scheduler {
  readonly #cluster: ControlPlane;
  readonly #nodes = new Map<string, Node>();
  readonly #unbound = new Map<string, Pod>();
  /** The name of each bound Pod's Node, by the Pod's key. */
  readonly #bindings = new Map<string, string>();

  constructor(cluster: ControlPlane) {
    this.#cluster = cluster;
  }

  async followNodes(signal: AbortSignal): Promise<void> {
    for await (const { type, object: node } of follow<Node>(this.#cluster.store, "nodes", signal)) {
      if (type === "deleted") this.#nodes.delete(node.metadata.name);
      else this.#nodes.set(node.metadata.name, node);
      for (const [key, pod] of this.#unbound) await this.#bind(key, pod);
    }
  }

  async followPods(signal: AbortSignal): Promise<void> {
    for await (const { type, key, object: pod } of follow<Pod>(this.#cluster.store, "pods", signal)) {
      this.#unbound.delete(key);
      this.#bindings.delete(key);
      if (type === "deleted") continue;
      if (pod.spec.nodeName !== undefined) this.#bindings.set(key, pod.spec.nodeName);
      else await this.#bind(key, pod);
    }
  }

  /** A Pod that fits nowhere stays unbound; it is tried again when a Node comes or changes. */
  async #bind(key: string, pod: Pod): Promise<void> {
    const nodeName = this.#emptiestNodeFor(pod);
    if (nodeName === null) {
      this.#unbound.set(key, pod);
      return;
    }
    this.#unbound.delete(key);
    this.#bindings.set(key, nodeName);
    const bound = await this.#cluster.api.modify(pod, (current) =>
      current.spec.nodeName === undefined ? { ...current, spec: { ...current.spec, nodeName } } : null,
    );
    if (bound !== null) await this.#cluster.events.record(bound, "Scheduled", `assigned to ${nodeName}`);
  }

  #emptiestNodeFor(pod: Pod): string | null {
    const load = new Map<string, number>();
    for (const node of this.#nodes.values()) if (fits(pod, node)) load.set(node.metadata.name, 0);
    for (const name of this.#bindings.values()) if (load.has(name)) load.set(name, load.get(name)! + 1);
    const [emptiest] = [...load].sort(([, a], [, b]) => a - b);
    return emptiest?.[0] ?? null;
  }
}
