import type { Server as HttpServer } from "node:http";
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions, type Server as TlsServer } from "node:tls";
import { formatAddress, type HostPort, listenError } from "../transport/address.ts";
import type { ClientConnection, Connections } from "./grpc/connections.ts";

const MIN_VERSION = "TLSv1.2";

/** How HTTP/2 begins, whatever follows; no method of HTTP/1.1 begins so. */
const HTTP2_BEGINNING = "PRI";

/** Takes connections that begin with HTTP/2. */
interface Http2Acceptor {
  accept(socket: Socket, connection: ClientConnection): void;
}

/** Who serves what comes. */
export interface Acceptors {
  readonly connections: Connections;
  readonly grpc: Http2Acceptor | null;
  readonly http: HttpServer;
}

interface ListenerOptions {
  readonly address: HostPort;
  readonly tls: TlsOptions | null;
  /** For the TLS handshake. */
  readonly beginMs: number;
}

/** One port for gRPC and HTTP/1.1: the first bytes tell which it is. */
export class Listener {
  readonly url: string;
  readonly #server: Server;
  readonly #tls: TlsServer | null;

  /** Throws ERR_LISTEN. */
  static open({ address, tls, beginMs }: ListenerOptions, acceptors: Acceptors): Promise<Listener> {
    const { connections } = acceptors;
    const tlsServer = tls === null ? null : createTlsServer(tlsOptions(tls, beginMs));
    const server = createServer((socket) => {
      const connection = connections.admit(socket);
      socket.setNoDelay(true);
      // Without a listener an error would end the process; "close" always follows it.
      socket.on("error", () => {});
      if (tlsServer === null) acceptByFirstBytes(socket, connection, acceptors);
      else startTls(tlsServer, socket);
    });
    // What TLS accepts is met by a socket of its own, from the same place.
    tlsServer?.on("secureConnection", (socket) => {
      const connection = connections.at(socket);
      if (connection === null) socket.destroy();
      else acceptByFirstBytes(socket, connection, acceptors);
    });
    tlsServer?.on("tlsClientError", (_error, socket) => socket.destroy());
    return new Promise((resolve, reject) => {
      server.once("error", (error: NodeJS.ErrnoException) =>
        reject(listenError(formatAddress(address), error)),
      );
      server.listen(address.port, address.host, () => {
        const bound = server.address();
        const port = typeof bound === "object" && bound !== null ? bound.port : address.port;
        resolve(new Listener(server, tlsServer, { host: address.host, port }));
      });
    });
  }

  /** Use `open`. */
  constructor(server: Server, tls: TlsServer | null, address: HostPort) {
    this.#server = server;
    this.#tls = tls;
    this.url = `${tls === null ? "http" : "https"}://${formatAddress(address)}`;
  }

  setSecureContext(options: TlsOptions): void {
    this.#tls?.setSecureContext({ minVersion: MIN_VERSION, ...options });
  }

  /** Takes no new connections. */
  stop(): void {
    this.#server.close();
  }
}

/** Who says nothing costs no TLS. What arrives stays in the socket, and TLS takes it from there. */
function startTls(tls: TlsServer, socket: Socket): void {
  socket.once("readable", () => {
    if (socket.destroyed) return;
    if (socket.readableLength > 0) tls.emit("connection", socket);
    else socket.destroy();
  });
}

/**
 * gRPC's clients offer HTTP/2 alone. Whoever offers HTTP/1.1 as well, as curl and browsers do, wants the pages and the
 * JSON, which are served over that.
 */
function tlsOptions(options: TlsOptions, handshakeTimeout: number): TlsOptions {
  return {
    minVersion: MIN_VERSION,
    handshakeTimeout,
    ...options,
    ALPNCallback: ({ protocols }) => ["http/1.1", "h2"].find((protocol) => protocols.includes(protocol)),
  };
}

/** What it waits for is limited by `connections`. */
function acceptByFirstBytes(
  socket: Socket,
  connection: ClientConnection,
  { connections, grpc, http }: Acceptors,
): void {
  connections.name(socket, connection);
  let beginning = Buffer.alloc(0);
  const onError = (): void => void socket.destroy();
  const onData = (chunk: Buffer): void => {
    beginning = Buffer.concat([beginning, chunk]);
    const text = beginning.toString("latin1", 0, HTTP2_BEGINNING.length);
    if (text.length < HTTP2_BEGINNING.length && HTTP2_BEGINNING.startsWith(text)) return;
    socket.off("data", onData);
    socket.off("error", onError);
    socket.pause();
    socket.unshift(beginning);
    if (text !== HTTP2_BEGINNING) {
      http.emit("connection", socket);
      // What was paused on purpose does not begin to flow by itself.
      socket.resume();
    } else if (grpc !== null && !connection.isReserve) grpc.accept(socket, connection);
    else socket.destroy();
  };
  socket.on("error", onError);
  socket.on("data", onData);
}
