import { createServer, type Server, type Socket } from "node:net";
import type { Done } from "../base/callback.ts";
import { QuorateError } from "../base/errors.ts";
import type { MemberId } from "../log/entry.ts";
import { formatAddress, parseAddress } from "./address.ts";
import { TcpConnection } from "./tcp-connection.ts";
import { AcceptorHandshake, type HandshakeConfig } from "./tcp-handshake.ts";
import type { TcpLimits } from "./tcp-limits.ts";
import type { TcpSockets } from "./tcp-sockets.ts";

export interface AcceptorEvents {
  idOf(name: string): MemberId | null;
  /** A member has proved itself. What it sends goes to the handlers that this gives. */
  accepted(name: string, connection: TcpConnection): AcceptedEvents;
  refused(error: QuorateError): void;
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
  readonly #halfOpen = new Set<TcpConnection>();
  readonly #sockets: TcpSockets;
  #isStarting = false;
  #onSettled: (() => void) | null = null;

  constructor(config: HandshakeConfig, limits: TcpLimits, sockets: TcpSockets, events: AcceptorEvents) {
    this.#config = config;
    this.#limits = limits;
    this.#sockets = sockets;
    this.#events = events;
    this.#server = createServer((socket) => this.#onSocket(socket));
  }

  listen(address: string, done: Done): void {
    const place = parseAddress(address);
    if (place === null) {
      done(listenError(address, "EINVAL"));
      return;
    }

    const settle = (error: QuorateError | null): void => {
      this.#isStarting = false;
      done(error);
      this.#onSettled?.();
    };
    const onError = (error: NodeJS.ErrnoException): void =>
      settle(listenError(address, error.code ?? "unknown"));
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
    for (const connection of this.#halfOpen) connection.destroy();
    // A server that is only about to listen cannot be closed yet.
    if (this.#isStarting) this.#onSettled = () => this.#server.close(() => done());
    else this.#server.close(() => done());
  }

  #onSocket(socket: Socket): void {
    if (this.#halfOpen.size >= this.#limits.halfOpenMax) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    this.#greet(socket);
  }

  #greet(socket: Socket): void {
    const handshake = new AcceptorHandshake(this.#config, this.#events.idOf);
    let member: AcceptedEvents | null = null;
    const connection = new TcpConnection(socket, {
      frame: (payload) => {
        if (member !== null) {
          member.frame(payload);
          return;
        }
        member = this.#answer(connection, handshake, payload);
        if (member !== null) end();
      },
      lost: (error) => {
        end();
        if (error !== null) this.#events.refused(error);
        member?.lost();
      },
      drained: () => {},
    });
    const deadline = setTimeout(() => connection.fail("too slow in the handshake"), this.#limits.handshakeMs);
    const end = (): void => {
      clearTimeout(deadline);
      this.#halfOpen.delete(connection);
    };
    socket.on("close", end);
    this.#halfOpen.add(connection);
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
    }
  }
}

function listenError(address: string, errno: string): QuorateError {
  return new QuorateError("ERR_LISTEN", `cannot listen on ${address}: ${errno}`, { address, errno });
}
