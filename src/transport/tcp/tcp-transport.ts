import { assert } from "../../base/assert.ts";
import type { Done } from "../../base/callback.ts";
import type { Overrides } from "../../base/defaults.ts";
import { QuorateError } from "../../base/errors.ts";
import { definite, demand, flag, NO_OPTIONS, nested, OptionTable, text } from "../../base/options.ts";
import { isLoopback, parseAddress } from "../address.ts";
import { MUTUAL_TLS_OPTIONS } from "../tls/tls-files.ts";
import { type PeerTlsOptions, TlsPeers } from "../tls/tls-peers.ts";
import type { Peer, PeerTraffic, StrangerCounts, Transport, TransportHost } from "../transport.ts";
import { type AcceptedEvents, TcpAcceptor } from "./tcp-acceptor.ts";
import type { TcpConnection } from "./tcp-connection.ts";
import type { HandshakeConfig } from "./tcp-handshake.ts";
import { TCP_LIMITS, type TcpLimits, tcpLimits } from "./tcp-limits.ts";
import { TcpPeer } from "./tcp-peer.ts";
import { TcpSockets } from "./tcp-sockets.ts";

/** Options of `TcpTransport`: where to listen, the cluster's secret, TLS, and limits. */
export interface TcpOptions {
  /** Where to listen, `host:port`, when that is not the member's own address: `0.0.0.0:2380`, or port 0 for any free one. */
  readonly listen?: string | undefined;
  /**
   * Known to all members and to nobody else. Each end of a connection proves that it knows it, before anything else
   * is believed. By itself it proves who speaks, not what is said: frames are neither encrypted nor signed.
   */
  readonly secret?: string;
  /** Mutual TLS: frames are encrypted, and each member's certificate must name it. */
  readonly tls?: PeerTlsOptions;
  /** Listen without TLS where other machines can connect. Otherwise that is refused, with ERR_INSECURE. */
  readonly insecure?: boolean | undefined;
  readonly limits?: Overrides<TcpLimits> | undefined;
}

const TCP_OPTIONS = new OptionTable<TcpOptions>("tcp", {
  listen: demand(
    "an address, host:port",
    (value): value is string => typeof value === "string" && parseAddress(value) !== null,
  ),
  secret: definite(text),
  tls: definite(nested<PeerTlsOptions>(MUTUAL_TLS_OPTIONS)),
  insecure: flag,
  limits: nested(TCP_LIMITS),
});

/** Carries frames over TCP. Throws ERR_INVALID_ARGUMENT on options that cannot be meant. */
export function tcp(options: TcpOptions = NO_OPTIONS): TcpTransport {
  return new TcpTransport(options);
}

/** How long a closing member waits for its last frames to leave. */
const CLOSE_GRACE_MS = 250;

/** What exists between `start` and `close`. */
interface Running {
  readonly host: TransportHost;
  readonly config: HandshakeConfig;
  readonly acceptor: TcpAcceptor;
}

/** One connection each way between any two members: each dials every other, and sends on what it dialled. */
export class TcpTransport implements Transport {
  readonly #options: TcpOptions;
  readonly #limits: TcpLimits;
  readonly #tls: TlsPeers | null;
  readonly #sockets = new TcpSockets();
  #state: "new" | "starting" | "running" | "closed" = "new";
  #running: Running | null = null;
  #closing: Done[] = [];
  #wanted: readonly Peer[] = [];
  readonly #peers = new Map<string, TcpPeer>();

  get frameBytesMax(): number {
    return this.#limits.frameBytesMax;
  }

  /** Throws ERR_INVALID_ARGUMENT. */
  constructor(options: TcpOptions) {
    TCP_OPTIONS.check(options);
    this.#options = options;
    this.#limits = tcpLimits(options.limits);
    const { tls } = options;
    this.#tls = tls === undefined ? null : new TlsPeers(tls, (error) => this.#running?.host.refused(error));
  }

  start(host: TransportHost, started: Done): void {
    assert(this.#state === "new", "a transport is started once");
    this.#state = "starting";
    const address = this.#options.listen ?? host.self.address;
    const insecure = this.#whyInsecure(address);
    if (insecure !== null) {
      started(insecure);
      return;
    }
    const config = { self: host.self, secret: this.#options.secret ?? "" };
    const acceptor = new TcpAcceptor(config, this.#limits, this.#sockets, this.#tls, {
      idOf: (name) => this.#peers.get(name)?.peer.id ?? null,
      isMembers: (place) => [...this.#peers.values()].some((peer) => peer.isAt(place)),
      accepted: (name, connection) => this.#onAccepted(host, name, connection),
      refused: (error) => host.refused(error),
      enrol: (newcomer, settle) =>
        host.enrol === undefined
          ? settle(new Error("this member gives no tickets"))
          : host.enrol(newcomer, settle),
    });
    this.#running = { host, config, acceptor };
    acceptor.listen(address, (error) => {
      if (this.#state === "closed") {
        started(error ?? new QuorateError("ERR_CLOSED", "the transport was closed", {}));
        return;
      }
      if (error === null) this.#state = "running";
      this.#reconcile();
      started(error);
    });
  }

  setPeers(peers: readonly Peer[]): void {
    this.#wanted = peers;
    this.#reconcile();
  }

  send(to: string, frame: Uint8Array): void {
    this.#peers.get(to)?.send(frame);
  }

  metrics(): readonly PeerTraffic[] {
    return [...this.#peers.values()].map(({ traffic }) => traffic);
  }

  strangers(): StrangerCounts {
    return this.#running?.acceptor.counts ?? { waiting: 0, displaced: 0, refused: 0 };
  }

  close(closed: Done): void {
    this.#closing.push(closed);
    if (this.#closing.length > 1) return;
    this.#state = "closed";
    for (const peer of this.#peers.values()) peer.close();
    this.#peers.clear();
    this.#closeSockets();
  }

  /** Where it listens, `host:port`, with the port that was chosen for port 0; null before and after. */
  address(): string | undefined {
    return this.#running?.acceptor.address() ?? undefined;
  }

  #whyInsecure(address: string): QuorateError<"ERR_INSECURE"> | null {
    const { tls, insecure } = this.#options;
    const host = parseAddress(address)?.host;
    if (tls !== undefined || insecure === true || host === undefined || isLoopback(host)) return null;
    const message = `${address} can be reached by others: give tls, or say insecure if the network keeps them out`;
    return new QuorateError("ERR_INSECURE", message, { address });
  }

  /** Tells those who wait for the end when the last socket is closed and the listening has stopped. */
  #closeSockets(): void {
    let open = 2;
    const onClosed = (): void => {
      open -= 1;
      if (open === 0) for (const closed of this.#closing.splice(0)) closed(null);
    };
    this.#sockets.whenEmpty(CLOSE_GRACE_MS, onClosed);
    if (this.#running === null) onClosed();
    else this.#running.acceptor.close(onClosed);
  }

  /** Makes the peers that we keep those that are wanted. */
  #reconcile(): void {
    if (this.#state !== "running" || this.#running === null) return;
    const { host, config } = this.#running;
    const wanted = new Map(this.#wanted.map((peer) => [peer.name, peer]));
    wanted.delete(host.self.name);

    for (const [name, kept] of this.#peers) {
      if (isSamePeer(kept.peer, wanted.get(name))) continue;
      kept.close();
      this.#peers.delete(name);
    }
    for (const [name, peer] of wanted) {
      if (this.#peers.has(name)) continue;
      this.#peers.set(name, new TcpPeer(peer, config, host, this.#limits, this.#sockets, this.#tls));
    }
  }

  #onAccepted(host: TransportHost, name: string, connection: TcpConnection): AcceptedEvents {
    const peer = this.#peers.get(name);
    assert(peer !== undefined, "the handshake knew the member");
    peer.adopt(connection);
    return {
      frame: (payload) => {
        peer.received(payload.length);
        host.deliver(name, payload);
      },
      lost: (error) => peer.onInboundLost(connection, error),
    };
  }
}

function isSamePeer(left: Peer, right: Peer | undefined): boolean {
  return right !== undefined && left.id === right.id && left.address === right.address;
}
