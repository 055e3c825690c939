/**
 * Who offers a service, and where: instances come and go, and whoever calls them has the list as it is now.
 * Run it: npx tsx examples/service-registry.ts
 */
import { Coordination, open } from "quorate";
import { loopbackPeers } from "./loopback.ts";

const peers = await loopbackPeers("n1", "n2", "n3");
const [n1, n2, n3] = await Promise.all(Object.keys(peers).map((name) => open({ name, peers })));
const registries = [n1!, n2!, n3!].map((member) => new Coordination(member).registry());

// The caller follows the list: the first one at once, then one after every change.
const stop = new AbortController();
let addresses: string[] = [];
let notify = (): void => {};
const following = follow().catch((error: unknown) => {
  if (!stop.signal.aborted) throw error;
});

// An instance says where it is, and what else callers should know. It stays in the list while it can be heard of.
const stays = await registries[0]!.register({
  name: "mail",
  address: "10.0.0.1:2525",
  metadata: { version: "1.4", zone: "a" },
});
await registries[1]!.register({ name: "mail", address: "10.0.0.2:2525" }, { ttlMs: 1000 });
await listBecomes("10.0.0.1:2525 10.0.0.2:2525");

// One of them fails without a word: it is gone from the list when its lease has ended.
await n2!.close();
await listBecomes("10.0.0.1:2525");

const [service] = await registries[2]!.services("mail");
console.log(`version ${service?.metadata?.["version"]} is left`);

// The other one says goodbye, and is gone at once.
await stays.release();
await listBecomes("");

stop.abort();
await following;
await Promise.all([n1!.close(), n3!.close()]);

async function follow(): Promise<void> {
  for await (const services of registries[2]!.watch("mail", { signal: stop.signal })) {
    addresses = services.map(({ address }) => address);
    notify();
  }
}

async function listBecomes(expected: string): Promise<void> {
  while (addresses.join(" ") !== expected) await new Promise<void>((resolve) => (notify = resolve));
  console.log(`mail: ${expected || "nobody"}`);
}
