import type { Done } from "../../../base/callback.ts";
import type { MemberId } from "../../../log/entry.ts";
import type { Peer, Transport, TransportHost } from "../../../transport/transport.ts";

/** What a transport needs of the simulated network. */
export interface TransportWorld {
  send(to: string, frame: Uint8Array): void;
  soon(run: () => void): void;
  /** The list of those whom the member wants to reach is another one. */
  peersChanged(): void;
}

/** One process's end of the simulated network. */
export class SimTransport implements Transport {
  readonly #world: TransportWorld;
  #host: TransportHost | null = null;
  #peers = new Map<string, Peer>();
  readonly #reached = new Set<string>();

  constructor(world: TransportWorld) {
    this.#world = world;
  }

  start(host: TransportHost, started: Done): void {
    this.#host = host;
    this.#world.soon(() => started(null));
  }

  setPeers(peers: readonly Peer[]): void {
    this.#peers = new Map(peers.map((peer) => [peer.name, peer]));
    for (const name of this.#reached) if (!this.#peers.has(name)) this.#reached.delete(name);
    this.#world.peersChanged();
  }

  send(to: string, frame: Uint8Array): void {
    if (this.#host !== null && this.#peers.has(to)) this.#world.send(to, frame.slice());
  }

  close(closed: Done): void {
    this.#host = null;
    this.#world.soon(() => closed(null));
  }

  knows(id: MemberId, name: string): boolean {
    return this.#peers.get(name)?.id === id;
  }

  wants(name: string): boolean {
    return this.#host !== null && this.#peers.has(name);
  }

  receive(from: string, frame: Uint8Array): void {
    if (this.#peers.has(from)) this.#host?.deliver(from, frame);
  }

  connected(name: string): void {
    if (this.#host === null || this.#reached.has(name)) return;
    this.#reached.add(name);
    this.#host.peerUp(name);
  }

  disconnected(name: string): void {
    if (this.#reached.delete(name)) this.#host?.peerDown(name);
  }
}
