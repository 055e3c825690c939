import { connect, isIP } from "node:net";
import { MalformedBytes } from "../../base/bytes.ts";
import { QuorateError } from "../../base/errors.ts";
import { clearTimeout, monotonicNow, nextTick, setTimeout } from "../../base/system-time.ts";
import { addressBlock, type HostPort, parseAddress } from "../address.ts";
import type { TlsPeers } from "../tls/tls-peers.ts";
import type { Peer, PeerTraffic, TransportHost } from "../transport.ts";
import { protocolError, TcpConnection } from "./tcp-connection.ts";
import { DiallerHandshake, type HandshakeConfig } from "./tcp-handshake.ts";
import type { TcpLimits } from "./tcp-limits.ts";
import type { TcpSockets } from "./tcp-sockets.ts";

/** What leaves in one write. The rest follows when the kernel has taken it. */
const BATCH_BYTES_MAX = 1024 * 1024;

/** At how many addresses one peer is known to be at once: its name may resolve to several. */
const PLACES_MAX = 8;

/** The way out to the peer: a role with only its own data. */
type Outbound =
  | { readonly kind: "idle" }
  | { readonly kind: "waiting"; readonly timer: NodeJS.Timeout; readonly mayHurry: boolean }
  | { readonly kind: "dialing"; readonly connection: TcpConnection; readonly deadline: NodeJS.Timeout }
  | { readonly kind: "open"; readonly connection: TcpConnection; readonly since: number }
  | { readonly kind: "closed" };

/**
 * Another member as TCP sees it: the connection that we dialled, on which we send, and the one that it dialled, on
 * which it sends. Events only record; `#advance` alone decides when to dial, to write and to wait.
 */
export class TcpPeer {
  readonly peer: Peer;
  readonly #config: HandshakeConfig;
  readonly #host: TransportHost;
  readonly #limits: TcpLimits;
  readonly #sockets: TcpSockets;
  readonly #tls: TlsPeers | null;
  readonly #address: HostPort | null;

  #outbound: Outbound = { kind: "idle" };
  #redialMs: number;
  /** Frames wait here while we dial, and while the kernel is full. */
  #queue: Uint8Array[] = [];
  #queueBytes = 0;
  #isFlushDue = false;
  #sentBytes = 0;
  #receivedBytes = 0;
  #framesDropped = 0;
  #connectionsBroken = 0;

  #inbound: TcpConnection | null = null;
  /** Whether the peer has let go of its connection to us and not come back. */
  #hasLeft = false;
  #isUp = false;
  #lastRefusal = "";
  /** What the last attempt to reach it failed with. */
  #trouble: string | null = null;
  /** Where it is known to be: what its name resolves to, and where it last proved to be itself. The newest last. */
  readonly #places = new Set<string>();

  constructor(
    peer: Peer,
    config: HandshakeConfig,
    host: TransportHost,
    limits: TcpLimits,
    sockets: TcpSockets,
    tls: TlsPeers | null,
  ) {
    this.peer = peer;
    this.#config = config;
    this.#host = host;
    this.#limits = limits;
    this.#sockets = sockets;
    this.#tls = tls;
    this.#address = parseAddress(peer.address);
    this.#redialMs = limits.redialMsMin;
    if (this.#address !== null && isIP(this.#address.host) !== 0) this.#notePlace(this.#address.host);
    this.#advance();
  }

  /** Whether the peer is known to be at this address, as `addressBlock` writes it. */
  isAt(address: string): boolean {
    return this.#places.has(address);
  }

  /** Drops the frame where there is no way, or no room. */
  send(frame: Uint8Array): void {
    if (!this.#takes(frame)) {
      this.#framesDropped += 1;
      return;
    }

    this.#queue.push(frame);
    this.#queueBytes += frame.length;
    this.#flushSoon();
  }

  /** Notes what came from the peer. */
  received(bytes: number): void {
    this.#receivedBytes += bytes;
  }

  get traffic(): PeerTraffic {
    const { name, id } = this.peer;
    return {
      ...{ name, id, isUp: this.#isUp, sentBytes: this.#sentBytes },
      ...{ receivedBytes: this.#receivedBytes, framesDropped: this.#framesDropped },
      connectionsBroken: this.#connectionsBroken,
      trouble: this.#isUp ? undefined : (this.#trouble ?? undefined),
    };
  }

  /** Takes the connection on which the peer sends from now on. */
  adopt(inbound: TcpConnection): void {
    this.#inbound?.destroy();
    this.#inbound = inbound;
    this.#notePlace(inbound.remoteAddress);
    this.#hasLeft = false;
    // It has just come up, so that there is no need to wait longer before we dial.
    if (this.#outbound.kind === "waiting" && this.#outbound.mayHurry) this.#becomeIdle();
    this.#advance();
  }

  /** Tells that the adopted connection is lost: with the reason, or with null when the peer let go. */
  onInboundLost(inbound: TcpConnection, error: QuorateError | null): void {
    if (error !== null) this.#connectionsBroken += 1;
    if (inbound !== this.#inbound) return;
    this.#inbound = null;
    this.#hasLeft = true;
    this.#advance();
  }

  /** Lets go of both connections, without news: it is we who leave. What was queued still goes out if the kernel takes it. */
  close(): void {
    const outbound = this.#outbound;
    if (outbound.kind === "waiting") clearTimeout(outbound.timer);
    if (outbound.kind === "dialing") {
      clearTimeout(outbound.deadline);
      outbound.connection.destroy();
    }
    if (outbound.kind === "open") {
      if (this.#queue.length > 0) outbound.connection.write(this.#queue);
      outbound.connection.end();
    }
    this.#outbound = { kind: "closed" };
    this.#dropQueue();
    this.#inbound?.end();
    this.#inbound = null;
    this.#isUp = false;
  }

  /** Whether there is a way, and room. */
  #takes(frame: Uint8Array): boolean {
    const outbound = this.#outbound;
    if (outbound.kind !== "open" && outbound.kind !== "dialing") return false;
    if (frame.length === 0 || frame.length > this.#limits.frameBytesMax) return false;
    const waiting = this.#queueBytes + outbound.connection.waitingBytes;
    return waiting + frame.length <= this.#limits.queueBytesMax;
  }

  #advance(): void {
    this.#report();
    switch (this.#outbound.kind) {
      case "idle":
        // Without an address it is unreachable, until the list of peers says where it is.
        if (this.#address !== null) this.#dial(this.#address);
        return;
      case "open":
        this.#flush(this.#outbound.connection);
        return;
      case "waiting":
      case "dialing":
      case "closed":
        return; // Nothing to do until the next event.
    }
  }

  /** Tells the host when the peer came or went: once for each. */
  #report(): void {
    const isUp = this.#outbound.kind === "open" && !this.#hasLeft;
    if (isUp === this.#isUp) return;
    this.#isUp = isUp;
    if (isUp) this.#host.peerUp(this.peer.name);
    else this.#host.peerDown(this.peer.name);
  }

  #dial(address: HostPort): void {
    const handshake = new DiallerHandshake(this.#config, this.peer);
    const socket = this.#tls === null ? connect(address) : this.#tls.connect(address, this.peer.name);
    this.#sockets.add(socket);
    socket.on("lookup", (_error, place) => this.#notePlace(place));
    socket.on("connect", () => this.#notePlace(socket.remoteAddress));
    const connection = new TcpConnection(socket, {
      frame: (payload) => this.#onFrame(connection, handshake, payload),
      lost: (error) => this.#onLost(error),
      drained: () => this.#advance(),
    });
    socket.on(this.#tls === null ? "connect" : "secureConnect", () => connection.write([handshake.hello]));
    socket.on("error", (error) => this.#onSocketError(error));
    const deadline = setTimeout(() => {
      this.#trouble = `no answer within ${this.#limits.handshakeMs} ms`;
      this.#giveUp(connection);
    }, this.#limits.handshakeMs);
    this.#outbound = { kind: "dialing", connection, deadline };
  }

  #notePlace(place: string | undefined): void {
    if (place === undefined || place === "") return;
    const block = addressBlock(place);
    this.#places.delete(block);
    this.#places.add(block);
    if (this.#places.size > PLACES_MAX) this.#places.delete(this.#places.values().next().value!);
  }

  /** What TLS finds wrong has to be told: nobody will come up, however often we dial. */
  #onSocketError(error: NodeJS.ErrnoException): void {
    if (this.#outbound.kind !== "dialing") return;
    this.#trouble = error.message === "" ? (error.code ?? error.name) : error.message;
    if (QuorateError.is(error)) this.#onRefused(error);
    else if (error.syscall === undefined)
      this.#onRefused(protocolError(this.peer.address, `TLS: ${error.message}`));
  }

  #onFrame(connection: TcpConnection, handshake: DiallerHandshake, payload: Uint8Array): void {
    if (this.#outbound.kind === "open") throw new MalformedBytes("frames travel on the other connection");
    const step = handshake.step(payload);
    switch (step.kind) {
      case "waiting":
        connection.write([step.send]);
        return;
      case "accepted":
        this.#onOpen(connection);
        return;
      case "refused":
        this.#onRefused(step.error);
        this.#giveUp(connection);
        return;
      case "enrolling":
        return; // Not at this end.
    }
  }

  #giveUp(connection: TcpConnection): void {
    connection.destroy();
    this.#onLost(null);
  }

  #onOpen(connection: TcpConnection): void {
    this.#endDial();
    connection.open(this.#limits);
    this.#outbound = { kind: "open", connection, since: monotonicNow() };
    this.#hasLeft = false;
    this.#lastRefusal = "";
    this.#trouble = null;
    this.#advance();
  }

  /** Each attempt is refused for the same reason until somebody mends it: told once. */
  #onRefused(error: QuorateError): void {
    this.#trouble = error.message;
    if (error.message === this.#lastRefusal) return;
    this.#lastRefusal = error.message;
    this.#host.refused(error);
  }

  #onLost(error: QuorateError | null): void {
    const outbound = this.#outbound;
    this.#endDial();
    const hasHeld = outbound.kind === "open" && monotonicNow() - outbound.since > this.#limits.redialMsMax;
    if (hasHeld) this.#redialMs = this.#limits.redialMsMin;
    if (error !== null) {
      if (outbound.kind === "open") this.#connectionsBroken += 1;
      this.#onRefused(error);
    }

    this.#dropQueue();
    // A connection that stood and broke at once would break again: two members who dialled
    // each other back each time would never rest.
    this.#wait(hasHeld || outbound.kind !== "open");
    this.#advance();
  }

  #wait(mayHurry: boolean): void {
    const timer = setTimeout(() => this.#onWaited(), this.#redialMs * (0.5 + Math.random() / 2));
    this.#outbound = { kind: "waiting", timer, mayHurry };
    this.#redialMs = Math.min(this.#redialMs * 2, this.#limits.redialMsMax);
  }

  #onWaited(): void {
    this.#becomeIdle();
    this.#advance();
  }

  #becomeIdle(): void {
    if (this.#outbound.kind === "waiting") clearTimeout(this.#outbound.timer);
    this.#outbound = { kind: "idle" };
  }

  #endDial(): void {
    if (this.#outbound.kind === "dialing") clearTimeout(this.#outbound.deadline);
  }

  // All that is sent in one turn of the replica leaves in one write: the next tick comes after the turn,
  // and before the process looks at its sockets again.
  #flushSoon(): void {
    if (this.#isFlushDue || this.#outbound.kind !== "open") return;
    this.#isFlushDue = true;
    nextTick(() => {
      this.#isFlushDue = false;
      this.#advance();
    });
  }

  #flush(connection: TcpConnection): void {
    while (this.#queue.length > 0 && !connection.isFull) connection.write(this.#takeBatch());
  }

  #takeBatch(): readonly Uint8Array[] {
    let count = 0;
    let bytes = 0;
    while (count < this.#queue.length && (count === 0 || bytes < BATCH_BYTES_MAX))
      bytes += this.#queue[count++]!.length;
    this.#queueBytes -= bytes;
    this.#sentBytes += bytes;
    if (count < this.#queue.length) return this.#queue.splice(0, count);

    const batch = this.#queue;
    this.#queue = [];
    return batch;
  }

  #dropQueue(): void {
    this.#queue = [];
    this.#queueBytes = 0;
  }
}
