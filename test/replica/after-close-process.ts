/**
 * Opens stores in the directory of the first argument, brings each into another state and closes it. Says so, and does
 * nothing to end the process: that is to end by itself.
 */
import { join } from "node:path";
import { open } from "../../src/open.ts";
import { MemoryNetwork } from "../../src/transport/memory-transport.ts";
import type { Transport, TransportHost } from "../../src/transport/transport.ts";

const directory = process.argv[2]!;

/** Holds locks, leases and watches, and reports progress. */
async function busy(): Promise<void> {
  const store = await open({ dir: join(directory, "busy") });
  await store.ready();
  await store.lease(60_000);
  store.watch({ prefix: "a", progress: true }).on("put", () => {});
  await store.lock("a").acquire();
  await store.put("a", "1");
  store.snapshot();
  await store.close();
}

/** Reaches nobody, and calls wait. */
async function lonely(): Promise<void> {
  const peers = { n1: "127.0.0.1:0", n2: "127.0.0.1:9", n3: "127.0.0.1:9" };
  const store = await open({ dir: join(directory, "lonely"), name: "n1", peers });
  const waiting = [store.put("a", "1", { timeoutMs: 60_000 }), store.ready({ timeoutMs: 60_000 })];
  const settled = Promise.allSettled(waiting);
  await store.close();
  await settled;
}

/** Fails by what its transport hands it. */
async function failed(): Promise<void> {
  const transport = new MemoryNetwork().transport();
  let host: TransportHost | null = null;
  const spied: Transport = {
    start: (given, started) => {
      host = given;
      transport.start(given, started);
    },
    setPeers: (peers) => transport.setPeers(peers),
    send: (to, frame) => transport.send(to, frame),
    close: (closed) => transport.close(closed),
  };
  const store = await open({ transport: spied });
  await store.ready();
  await store.lease(60_000);
  const lock = store.lock("a").acquire();
  await lock;
  const stopped = new Promise<void>((resolve) => store.once("error", () => resolve()));
  host!.deliver("member", null as unknown as Uint8Array);
  await stopped;
  await store.close();
}

await Promise.all([busy(), lonely(), failed()]);
console.log(`closed ${performance.now()}`);
process.on("exit", () => console.log(`ended ${performance.now()}`));
