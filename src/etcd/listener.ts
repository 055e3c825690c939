import type { Server as HttpServer } from "node:http";
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions, type Server as TlsServer } from "node:tls";
import { formatAddress, type HostPort, listenError } from "../transport/address.ts";

/** A connection that says nothing for so long is closed. */
const FIRST_BYTES_MS = 10_000;
const HANDSHAKE_TIMEOUT_MS = 10_000;

/** How HTTP/2 begins, whatever follows; no method of HTTP/1.1 begins so. */
const HTTP2_BEGINNING = "PRI";

/** Takes connections that begin with HTTP/2. */
interface Http2Acceptor {
  accept(socket: Socket): void;
}

interface ListenerOptions {
  readonly address: HostPort;
  readonly tls: TlsOptions | null;
  readonly connectionsMax: number;
}

/** One port for gRPC and HTTP/1.1: the first bytes tell which it is. */
export class Listener {
  readonly url: string;
  readonly #server: Server | TlsServer;
  readonly #sockets: Set<Socket>;

  /** Connections beyond `connectionsMax` are closed as they come. Throws ERR_LISTEN. */
  static open(
    { address, tls, connectionsMax }: ListenerOptions,
    grpc: Http2Acceptor | null,
    http: HttpServer,
  ): Promise<Listener> {
    const sockets = new Set<Socket>();
    const accept = (socket: Socket): void => {
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
      acceptByFirstBytes(socket, grpc, http);
    };
    const server = tls === null ? createServer(accept) : createTlsServer(tlsOptions(tls), accept);
    server.maxConnections = connectionsMax;
    return new Promise((resolve, reject) => {
      server.once("error", (error: NodeJS.ErrnoException) =>
        reject(listenError(formatAddress(address), error)),
      );
      server.listen(address.port, address.host, () => {
        const bound = server.address();
        const port = typeof bound === "object" && bound !== null ? bound.port : address.port;
        resolve(new Listener(server, sockets, { host: address.host, port }, tls !== null));
      });
    });
  }

  /** Use `open`. */
  constructor(server: Server | TlsServer, sockets: Set<Socket>, address: HostPort, isTls: boolean) {
    this.#server = server;
    this.#sockets = sockets;
    this.url = `${isTls ? "https" : "http"}://${formatAddress(address)}`;
  }

  setSecureContext(options: TlsOptions): void {
    if ("setSecureContext" in this.#server) this.#server.setSecureContext(options);
  }

  /** Takes no new connections. */
  stop(): void {
    this.#server.close();
  }

  destroy(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

/**
 * gRPC's clients offer HTTP/2 alone. Whoever offers HTTP/1.1 as well, as curl and browsers do, wants the pages and the
 * JSON, which are served over that.
 */
function tlsOptions(options: TlsOptions): TlsOptions {
  return {
    minVersion: "TLSv1.2",
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    ...options,
    ALPNCallback: ({ protocols }) => ["http/1.1", "h2"].find((protocol) => protocols.includes(protocol)),
  };
}

function acceptByFirstBytes(socket: Socket, grpc: Http2Acceptor | null, http: HttpServer): void {
  let beginning = Buffer.alloc(0);
  const onError = (): void => void socket.destroy();
  const onData = (chunk: Buffer): void => {
    beginning = Buffer.concat([beginning, chunk]);
    const text = beginning.toString("latin1", 0, HTTP2_BEGINNING.length);
    if (text.length < HTTP2_BEGINNING.length && HTTP2_BEGINNING.startsWith(text)) return;
    socket.off("data", onData);
    socket.off("error", onError);
    socket.setTimeout(0);
    socket.off("timeout", onError);
    socket.pause();
    socket.unshift(beginning);
    if (text !== HTTP2_BEGINNING) {
      http.emit("connection", socket);
      // What was paused on purpose does not begin to flow by itself.
      socket.resume();
    } else if (grpc !== null) grpc.accept(socket);
    else socket.destroy();
  };
  socket.setNoDelay(true);
  socket.setTimeout(FIRST_BYTES_MS, onError);
  socket.on("error", onError);
  socket.on("data", onData);
}
