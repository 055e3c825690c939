import { createServer, type Server, type Socket } from "node:net";
import type { Done } from "../../base/callback.ts";
import { QuorateError } from "../../base/errors.ts";
import { clearTimeout, monotonicNow, setTimeout } from "../../base/system-time.ts";
import { TokenBucket } from "../../base/token-bucket.ts";
import type { MemberId } from "../../log/entry.ts";
import { addressBlock, formatAddress, listenError, parseAddress } from "../address.ts";
import { encodeHandshake, type HandshakePart } from "../codec/handshake-codec.ts";
import type { TlsAcceptor, TlsPeers } from "../tls/tls-peers.ts";
import type { Newcomer, StrangerCounts } from "../transport.ts";
import { protocolError, TcpConnection } from "./tcp-connection.ts";
import { AcceptorHandshake, type HandshakeConfig } from "./tcp-handshake.ts";
import type { TcpLimits } from "./tcp-limits.ts";
import type { TcpSockets } from "./tcp-sockets.ts";
import { Strangers } from "./tcp-strangers.ts";

export interface AcceptorEvents {
  idOf(name: string): MemberId | null;
  /** Whether a member is known to be at an address, as `addressBlock` writes it. */
  isMembers(address: string): boolean;
  /** A member has proved itself. What it sends goes to the handlers that this gives. */
  accepted(name: string, connection: TcpConnection): AcceptedEvents;
  refused(error: QuorateError): void;
  /** A newcomer wants its ticket. */
  enrol(newcomer: Newcomer, settle: (error: unknown, ticket?: string) => void): void;
}

export interface AcceptedEvents {
  frame(payload: Uint8Array): void;
  /** Told once: why the connection was given up, or null when the other end let go. */
  lost(error: QuorateError | null): void;
}

/** What is reported of strangers: some at once, and then one a second, however many there are. */
const REPORTS_BURST = 20;
const REPORTS_PER_SECOND = 1;

/**
 * Listens, and lets in who proves to be a member. Strangers are bounded in number, in bytes, in time, in the processor
 * time that TLS takes for them, and in what is reported of them.
 */
export class TcpAcceptor {
  readonly #config: HandshakeConfig;
  readonly #limits: TcpLimits;
  readonly #events: AcceptorEvents;
  readonly #server: Server;
  readonly #tls: TlsAcceptor | null;
  readonly #strangers: Strangers<Stranger>;
  /** The same by the place that each connection comes from. */
  readonly #byPlace = new Map<string, Stranger>();
  readonly #reports = new TokenBucket(REPORTS_BURST, REPORTS_PER_SECOND, monotonicNow());
  readonly #tlsPace: TlsPace;
  #displaced = 0;
  #refused = 0;
  readonly #sockets: TcpSockets;
  #isStarting = false;
  #onSettled: (() => void) | null = null;

  constructor(
    config: HandshakeConfig,
    limits: TcpLimits,
    sockets: TcpSockets,
    tls: TlsPeers | null,
    events: AcceptorEvents,
  ) {
    this.#config = config;
    this.#limits = limits;
    this.#sockets = sockets;
    this.#events = events;
    this.#strangers = new Strangers(limits, events.isMembers);
    this.#tlsPace = new TlsPace(limits.tlsHandshakesPerSecondMax, events.isMembers);
    this.#server = createServer((socket) => this.#onSocket(socket));
    this.#tls = tls?.acceptor((socket, names) => this.#greet(socket, names)) ?? null;
    this.#tls?.onFailure((socket, { code, message }) => {
      if (code !== "ECONNRESET") this.#refuse(protocolError(placeOf(socket), `TLS: ${message}`));
      socket.destroy();
    });
  }

  listen(address: string, done: Done): void {
    const place = parseAddress(address);
    if (place === null) {
      const message = `cannot listen on "${address}": it must be host:port`;
      done(new QuorateError("ERR_LISTEN", message, { address, errno: "EINVAL" }));
      return;
    }

    const settle = (error: QuorateError | null): void => {
      this.#isStarting = false;
      done(error);
      this.#onSettled?.();
    };
    const onError = (error: NodeJS.ErrnoException): void => settle(listenError(address, error));
    this.#isStarting = true;
    this.#server.once("error", onError);
    this.#server.listen({ ...place, exclusive: true }, () => {
      this.#server.off("error", onError);
      // What fails later is one connection, not the listening.
      this.#server.on("error", () => {});
      settle(null);
    });
  }

  /** Where it listens in truth, after port 0; null when it does not. */
  address(): string | null {
    const bound = this.#server.address();
    if (bound === null || typeof bound === "string") return null;
    return formatAddress({ host: bound.address, port: bound.port });
  }

  get counts(): StrangerCounts {
    return { waiting: this.#strangers.size, displaced: this.#displaced, refused: this.#refused };
  }

  /** Stops listening and lets go of strangers. Calls back when nothing more can come in. */
  close(done: () => void): void {
    for (const { socket } of this.#strangers.all()) socket.destroy();
    // A server that is only about to listen cannot be closed yet.
    if (this.#isStarting) this.#onSettled = () => this.#server.close(() => done());
    else this.#server.close(() => done());
  }

  #onSocket(socket: Socket): void {
    this.#sockets.add(socket);
    // Without a listener an error would end the process; "close" always follows it.
    socket.on("error", () => {});
    const place = placeOf(socket);
    const deadline = setTimeout(() => this.#onLate(stranger), this.#limits.handshakeMs);
    const stranger: Stranger = { place, socket, deadline, connection: null };
    socket.on("close", () => this.#forget(stranger));
    this.#byPlace.set(place, stranger);
    const displaced = this.#strangers.add(stranger, socket.remoteAddress ?? "");
    if (displaced !== null) this.#displace(displaced);
    if (this.#tls === null) this.#greet(socket, null);
    // Who says nothing costs no TLS. What arrives stays in the socket, and TLS takes it from there.
    else socket.once("readable", () => this.#startTls(this.#tls!, stranger));
  }

  #startTls(tls: TlsAcceptor, stranger: Stranger): void {
    const { socket } = stranger;
    if (socket.destroyed) return;
    if (socket.readableLength === 0) socket.destroy();
    else if (this.#tlsPace.admits(socket.remoteAddress ?? "")) tls.take(socket);
    else this.#displace(stranger);
  }

  #displace(stranger: Stranger): void {
    this.#displaced += 1;
    this.#forget(stranger);
    stranger.socket.destroy();
  }

  #onLate(stranger: Stranger): void {
    if (stranger.connection === null) this.#refuse(protocolError(stranger.place, TOO_SLOW));
    else stranger.connection.fail(TOO_SLOW);
    // Also one that was answered and does not take the answer.
    stranger.socket.destroy();
  }

  /** Its handshake is over, with success or not. */
  #forget(stranger: Stranger): void {
    clearTimeout(stranger.deadline);
    this.#strangers.remove(stranger);
    if (this.#byPlace.get(stranger.place) === stranger) this.#byPlace.delete(stranger.place);
  }

  /** Counts a refusal, and reports it unless there were too many. */
  #refuse(error: QuorateError): void {
    this.#refused += 1;
    if (this.#reports.spend(monotonicNow())) this.#events.refused(error);
  }

  /** `names` are those that its certificate may speak for, null where there is no TLS. */
  #greet(socket: Socket, names: readonly string[] | null): void {
    const stranger = this.#byPlace.get(placeOf(socket));
    if (stranger === undefined) {
      socket.destroy();
      return;
    }
    const handshake = new AcceptorHandshake(this.#config, this.#events.idOf, names);
    let member: AcceptedEvents | null = null;
    const connection = new TcpConnection(socket, {
      frame: (payload) => {
        if (member !== null) {
          member.frame(payload);
          return;
        }
        member = this.#answer(connection, handshake, payload);
        if (member !== null) this.#forget(stranger);
      },
      lost: (error) => {
        this.#forget(stranger);
        if (member !== null) {
          if (error !== null) this.#events.refused(error);
          member.lost(error);
        } else if (error !== null) this.#refuse(error);
      },
      drained: () => {},
    });
    stranger.connection = connection;
  }

  #answer(
    connection: TcpConnection,
    handshake: AcceptorHandshake,
    payload: Uint8Array,
  ): AcceptedEvents | null {
    const step = handshake.step(payload);
    if (step.send !== null) connection.write([step.send]);
    switch (step.kind) {
      case "waiting":
        return null;
      case "refused":
        connection.end();
        this.#refuse(step.error);
        return null;
      case "accepted":
        connection.open(this.#limits);
        return this.#events.accepted(step.claim.name, connection);
      case "enrolling":
        this.#enrol(connection, step.newcomer);
        return null;
    }
  }

  #enrol(connection: TcpConnection, newcomer: Newcomer): void {
    this.#events.enrol(newcomer, (error, ticket) => {
      const part: HandshakePart =
        ticket === undefined
          ? { kind: "no-ticket", reason: error instanceof Error ? error.message : "refused" }
          : { kind: "ticket", ticket };
      connection.write([encodeHandshake(part)]);
      connection.end();
    });
  }
}

/** A connection whose other end has not proved to be a member. */
interface Stranger {
  readonly place: string;
  readonly socket: Socket;
  readonly deadline: NodeJS.Timeout;
  /** Null while TLS has not come about. */
  connection: TcpConnection | null;
}

/** How many TLS handshakes may begin: for each member's address, and for all others together. */
class TlsPace {
  readonly #perSecond: number;
  readonly #isMembers: (address: string) => boolean;
  readonly #ofMembers = new Map<string, TokenBucket>();
  #ofOthers: TokenBucket;

  constructor(perSecond: number, isMembers: (address: string) => boolean) {
    this.#perSecond = perSecond;
    this.#isMembers = isMembers;
    this.#ofOthers = this.#allowance();
  }

  admits(remoteAddress: string): boolean {
    const address = addressBlock(remoteAddress);
    if (!this.#isMembers(address)) return this.#ofOthers.spend(monotonicNow());
    const known = this.#ofMembers.get(address) ?? this.#allowance();
    if (this.#ofMembers.size >= MEMBER_ADDRESSES_MAX) this.#ofMembers.clear();
    this.#ofMembers.set(address, known);
    return known.spend(monotonicNow());
  }

  #allowance(): TokenBucket {
    return new TokenBucket(this.#perSecond, this.#perSecond, monotonicNow());
  }
}

/** Members move; those that are where they were begin with a full allowance again. */
const MEMBER_ADDRESSES_MAX = 1_000;

const TOO_SLOW = "too slow in the handshake";

function placeOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress}:${remotePort}`;
}
