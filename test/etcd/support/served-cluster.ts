import { Random } from "../../../src/base/random.ts";
import type { EtcdOptions } from "../../../src/etcd/options.ts";
import { serveEtcd } from "../../../src/etcd/server.ts";
import { type OpenOptions, open } from "../../../src/open.ts";
import { MemoryNetwork } from "../../../src/transport/memory-transport.ts";
import type { ServedStore } from "./served-store.ts";

export interface ServedCluster {
  readonly network: MemoryNetwork;
  readonly members: readonly ServedStore[];
  leader(): ServedStore;
  stop(): Promise<void>;
}

/** Stores that are one cluster, in one process, each with a front of its own. */
export async function serveCluster(
  names: readonly string[],
  options: Partial<EtcdOptions> = {},
  storeOptions: OpenOptions = {},
): Promise<ServedCluster> {
  const network = new MemoryNetwork({ random: new Random(5) });
  const peers = Object.fromEntries(names.map((name, at) => [name, `127.0.0.1:${9000 + at}`]));
  const members = await Promise.all(
    names.map(async (name): Promise<ServedStore> => {
      const store = await open({
        name,
        peers,
        transport: network.transport(),
        ...storeOptions,
        limits: { tickMs: 20, electionTicks: 10, ...storeOptions.limits },
      });
      const server = await serveEtcd(store, { listen: { port: 0 }, electionMs: 200, ...options });
      const endpoint = server.urls[0]!.replace(/^https?:\/\//, "");
      const stop = async (): Promise<void> => {
        await server.close();
        await store.close();
      };
      return { store, server, endpoint, stop };
    }),
  );
  await Promise.all(members.map(({ store }) => store.ready({ timeoutMs: 20_000 })));
  return {
    network,
    members,
    leader: () => members.find(({ store }) => store.status().role === "leader")!,
    stop: async () => void (await Promise.all(members.map((member) => member.stop()))),
  };
}
