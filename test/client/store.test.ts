import { describe, test } from "vitest";
import { connect } from "../../src/client/connect.ts";
import { serveEtcd } from "../../src/etcd/server.ts";
import { Kv } from "../../src/kv/kv.ts";
import { open } from "../../src/open.ts";
import { partsOf } from "../../src/store.ts";
import { etcdVersion, startEtcd } from "../etcd/support/real-etcd.ts";
import { storeSuite } from "./store-suite.ts";

storeSuite("a store in this process", async () => {
  const store = await open({});
  const { host } = partsOf(store)!;
  return {
    open: async (values) => Kv.over(host.replica, host.machine, { values }),
    close: () => store.close(),
  };
});

storeSuite("a store on a Quorate server", async () => {
  const store = await open({ values: "binary" });
  await store.ready();
  const server = await serveEtcd(store, { listen: { host: "127.0.0.1", port: 0 } });
  return {
    open: (values) => connect({ endpoints: server.urls, values }),
    close: async () => {
      await server.close();
      await store.close();
    },
  };
});

if (etcdVersion === null) {
  describe("a store on a real etcd", () => {
    test.skip("is a store like any other (needs etcd)", () => {});
  });
} else {
  storeSuite(`a store on a real etcd ${etcdVersion}`, async () => {
    const etcd = await startEtcd();
    return { open: (values) => connect({ endpoints: etcd.endpoint, values }), close: () => etcd.stop() };
  });
}
