import { createServer, type Server, type Socket } from "node:net";
import type { Done } from "../base/callback.ts";
import { QuorateError } from "../base/errors.ts";
import type { MemberId } from "../log/entry.ts";
import { formatAddress, listenError, parseAddress } from "./address.ts";
import { encodeHandshake, type HandshakePart } from "./handshake-codec.ts";
import { protocolError, TcpConnection } from "./tcp-connection.ts";
import { AcceptorHandshake, type HandshakeConfig } from "./tcp-handshake.ts";
import type { TcpLimits } from "./tcp-limits.ts";
import type { TcpSockets } from "./tcp-sockets.ts";
import type { TlsAcceptor, TlsPeers } from "./tls-peers.ts";
import type { Newcomer } from "./transport.ts";

export interface AcceptorEvents {
  idOf(name: string): MemberId | null;
  /** A member has proved itself. What it sends goes to the handlers that this gives. */
  accepted(name: string, connection: TcpConnection): AcceptedEvents;
  refused(error: QuorateError): void;
  /** A newcomer wants its ticket. */
  enrol(newcomer: Newcomer, settle: (error: unknown, ticket?: string) => void): void;
}

export interface AcceptedEvents {
  frame(payload: Uint8Array): void;
  lost(): void;
}

/** Listens, and lets in who proves to be a member. Strangers are bounded in number, in bytes and in time. */
export class TcpAcceptor {
  readonly #config: HandshakeConfig;
  readonly #limits: TcpLimits;
  readonly #events: AcceptorEvents;
  readonly #server: Server;
  readonly #tls: TlsAcceptor | null;
  /** Whoever has not proved to be a member yet, by the place where the connection comes from. */
  readonly #strangers = new Map<string, Stranger>();
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
    this.#server = createServer((socket) => this.#onSocket(socket));
    this.#tls = tls?.acceptor((socket, names) => this.#greet(socket, names)) ?? null;
    this.#tls?.onFailure((socket, { code, message }) => {
      if (code !== "ECONNRESET") events.refused(protocolError(placeOf(socket), `TLS: ${message}`));
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

  /** Stops listening and lets go of strangers. Calls back when nothing more can come in. */
  close(done: () => void): void {
    for (const { socket } of this.#strangers.values()) socket.destroy();
    // A server that is only about to listen cannot be closed yet.
    if (this.#isStarting) this.#onSettled = () => this.#server.close(() => done());
    else this.#server.close(() => done());
  }

  #onSocket(socket: Socket): void {
    if (!this.#hasRoomFor(socket)) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    const place = placeOf(socket);
    const deadline = setTimeout(() => this.#onLate(place), this.#limits.handshakeMs);
    this.#strangers.set(place, { socket, deadline, connection: null });
    socket.on("close", () => this.#forget(place));
    // Without a listener an error would end the process; "close" always follows it.
    socket.on("error", () => {});
    if (this.#tls === null) this.#greet(socket, null);
    else this.#tls.take(socket);
  }

  #hasRoomFor({ remoteAddress }: Socket): boolean {
    const strangers = [...this.#strangers.values()];
    const fromThere = strangers.filter(({ socket }) => socket.remoteAddress === remoteAddress);
    const { halfOpenMax, halfOpenPerAddressMax } = this.#limits;
    return strangers.length < halfOpenMax && fromThere.length < halfOpenPerAddressMax;
  }

  #onLate(place: string): void {
    const stranger = this.#strangers.get(place);
    if (stranger?.connection != null) stranger.connection.fail(TOO_SLOW);
    else if (stranger !== undefined) {
      stranger.socket.destroy();
      this.#events.refused(protocolError(place, TOO_SLOW));
    }
  }

  /** Its handshake is over, with success or not. */
  #forget(place: string): void {
    clearTimeout(this.#strangers.get(place)?.deadline);
    this.#strangers.delete(place);
  }

  /** `names` are those that its certificate may speak for, null where there is no TLS. */
  #greet(socket: Socket, names: readonly string[] | null): void {
    const place = placeOf(socket);
    const stranger = this.#strangers.get(place);
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
        if (member !== null) this.#forget(place);
      },
      lost: (error) => {
        this.#forget(place);
        if (error !== null) this.#events.refused(error);
        member?.lost();
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
        this.#events.refused(step.error);
        return null;
      case "accepted":
        connection.open(this.#limits.frameBytesMax, this.#limits.silenceMs);
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
  readonly socket: Socket;
  readonly deadline: NodeJS.Timeout;
  /** Null while TLS has not come about. */
  connection: TcpConnection | null;
}

const TOO_SLOW = "too slow in the handshake";

function placeOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress}:${remotePort}`;
}
