import type { EtcdOptions } from "../../../src/etcd/options.ts";
import { type EtcdServer, serveEtcd } from "../../../src/etcd/server.ts";
import { type OpenOptions, open } from "../../../src/open.ts";
import type { Store } from "../../../src/store.ts";

export interface ServedStore {
  readonly store: Store<string>;
  readonly server: EtcdServer;
  /** `host:port` of its clients. */
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** A lone store in memory, served on a free port of loopback. */
export async function serveStore(
  options: Partial<EtcdOptions> = {},
  storeOptions: OpenOptions = {},
): Promise<ServedStore> {
  const store = await open(storeOptions);
  if (storeOptions.peers === undefined) await store.ready();
  const server = await serveEtcd(store, { listen: { port: 0 }, ...options });
  return {
    store,
    server,
    endpoint: server.urls[0]!.replace(/^https?:\/\//, ""),
    stop: async () => {
      await server.close();
      await store.close();
    },
  };
}
