import type { Done } from "../../base/callback.ts";
import { throwUncaught } from "../../base/uncaught.ts";
import type { Peer, PeerTraffic, Transport, TransportHost } from "../../transport/transport.ts";

/**
 * A transport that may be an application's own. It must not throw; where it does, the frame counts as lost, and what it
 * threw surfaces as an uncaught exception. So no network can stop a member. What it brings runs by way of `enter`.
 */
export class GuardedTransport implements Transport {
  readonly #transport: Transport;
  readonly #enter: (run: () => void) => void;

  constructor(transport: Transport, enter: (run: () => void) => void) {
    this.#transport = transport;
    this.#enter = enter;
  }

  start(host: TransportHost, started: Done): void {
    const enter = this.#enter;
    const entering: TransportHost = {
      self: host.self,
      deliver: (from, frame) => enter(() => host.deliver(from, frame)),
      peerUp: (name) => enter(() => host.peerUp(name)),
      peerDown: (name) => enter(() => host.peerDown(name)),
      refused: (reason) => enter(() => host.refused(reason)),
      enrol: (newcomer, settle) => enter(() => host.enrol?.(newcomer, settle)),
    };
    this.#transport.start(entering, started);
  }

  setPeers(peers: readonly Peer[]): void {
    try {
      this.#transport.setPeers(peers);
    } catch (error) {
      throwUncaught(error);
    }
  }

  send(to: string, frame: Uint8Array): void {
    try {
      this.#transport.send(to, frame);
    } catch (error) {
      throwUncaught(error);
    }
  }

  metrics(): readonly PeerTraffic[] {
    return this.#transport.metrics?.() ?? [];
  }

  close(closed: Done): void {
    try {
      this.#transport.close(closed);
    } catch (error) {
      throwUncaught(error);
      closed(null);
    }
  }
}
