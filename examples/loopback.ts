import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";

/** Gives each member an address on this machine, so that all of them can run in one program. */
export async function loopbackPeers(...names: readonly string[]): Promise<Record<string, string>> {
  const servers = names.map(() => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return Object.fromEntries(names.map((name, at) => [name, `127.0.0.1:${ports[at]}`]));
}
