import { setTimeout as pause } from "node:timers/promises";
import type { KubeObject, ReplicaSet } from "../objects.ts";
import { LOAD_NAMESPACE as namespace } from "../resources.ts";
import { unlessConflict } from "./api-server.ts";
import type { ControlPlane } from "./role.ts";

const PAUSE_MS = 10;
const ROUNDS_PER_SCALE = 16;
const REPLICAS_MAX = 3;
const CONFIG_MAPS_KEPT = 5;

/** A ConfigMap as the writers write them. */
interface ConfigMap extends KubeObject {
  readonly data: Readonly<Record<string, string>>;
}

/**
 * A busy user of the cluster. Each round renews its heartbeat, writes a ConfigMap and deletes an older one; now and
 * then it scales its ReplicaSet, which keeps the other roles at work. Its objects bear its name and the one of this
 * start of the process, so that no two writers ever compete for a new name.
 */
export class Writer {
  readonly #cluster: ControlPlane;
  readonly #name: string;

  constructor(cluster: ControlPlane, number: number) {
    this.#cluster = cluster;
    this.#name = `${cluster.member}-${process.pid}-${number}`;
  }

  /** Works until `signal` is aborted; the round that is under way is finished. */
  async run(signal: AbortSignal): Promise<void> {
    const { api } = this.#cluster;
    let heartbeat = await api.create(this.#heartbeat());
    const set = await api.create(this.#replicaSet());
    const kept: ConfigMap[] = [];

    for (let round = 1; !signal.aborted; round += 1) {
      heartbeat = await api.update({
        ...heartbeat,
        spec: { ...heartbeat.spec, renewTime: new Date().toISOString() },
      });
      kept.push(await api.create(this.#configMap(round)));
      if (kept.length > CONFIG_MAPS_KEPT) await unlessConflict(api.delete(kept.shift()!));
      if (round % ROUNDS_PER_SCALE === 0)
        await this.#scale(set, (round / ROUNDS_PER_SCALE) % (REPLICAS_MAX + 1));
      await pause(PAUSE_MS);
    }
  }

  async #scale(set: ReplicaSet, replicas: number): Promise<void> {
    await this.#cluster.api.modify(set, (current) => ({ ...current, spec: { ...current.spec, replicas } }));
  }

  #heartbeat() {
    return {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { name: this.#name, namespace },
      spec: { holderIdentity: this.#name, leaseDurationSeconds: 10, renewTime: new Date().toISOString() },
    };
  }

  #configMap(round: number): ConfigMap {
    return {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: `${this.#name}-${round}`, namespace },
      data: { writer: this.#name, round: String(round) },
    };
  }

  #replicaSet(): ReplicaSet {
    return {
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      metadata: { name: this.#name, namespace },
      spec: {
        replicas: 0,
        template: {
          metadata: { labels: { app: this.#name } },
          spec: { containers: [{ name: "main", image: "registry.k8s.io/pause:3.10" }] },
        },
      },
    };
  }
}
