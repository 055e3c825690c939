import { createHash } from "node:crypto";
import type { Pod } from "../objects.ts";
import { unlessConflict } from "./api-server.ts";
import { follow } from "./follow.ts";
import { list } from "./list.ts";
import type { ControlPlane, Role } from "./role.ts";

/** Reports each bound Pod as Running. One kubelet stands for those of all Nodes. */
export const kubelet: Role = async (cluster, signal) => {
  await registerIfAlone(cluster);
  for await (const { type, object: pod } of follow<Pod>(cluster.store, "pods", signal)) {
    if (type !== "deleted" && isWaitingToRun(pod)) await run(cluster, pod);
  }
};

/** Kubelets make their Nodes known themselves. Ours does so when the manifests bring none. */
async function registerIfAlone({ store, api, member }: ControlPlane): Promise<void> {
  if ((await list(store, "nodes")).objects.length > 0) return;
  const node = { apiVersion: "v1", kind: "Node", metadata: { name: member } };
  await unlessConflict(api.create(node));
}

async function run({ api, events }: ControlPlane, pod: Pod): Promise<void> {
  const started = { phase: "Running", startTime: new Date().toISOString(), podIP: addressOf(pod) } as const;
  const running = await api.modify(pod, (current) =>
    isWaitingToRun(current) ? { ...current, status: { ...current.status, ...started } } : null,
  );
  if (running !== null) await events.record(running, "Started", `runs on ${running.spec.nodeName}`);
}

/** Whether a Pod has a Node, but was not started there yet. */
export function isWaitingToRun({ spec, status }: Pod): boolean {
  return spec.nodeName !== undefined && (status?.phase ?? "Pending") === "Pending";
}

/** An address in the Pod network that stays the same however often the Pod is started. */
function addressOf({ metadata }: Pod): string {
  const hash = createHash("sha1")
    .update(metadata.uid ?? metadata.name)
    .digest();
  return `10.42.${hash[0]}.${hash[1]}`;
}
