import {
  createServer,
  type Http2Server,
  type Http2Session,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";
import { Http2Call } from "./http2-call.ts";
import { Unfinished } from "./message-reader.ts";
import type { RpcHandlers, UnaryHandler } from "./rpc-server.ts";
import { Grpc, RpcError, rpcErrorOf } from "./status.ts";

/** Calls at a time on one connection. An API server of Kubernetes has some hundred watches on a few connections. */
const STREAMS_MAX = 4096;
/** The headers of a call. */
const HEADER_BYTES_MAX = 16 * 1024;
/** Megabytes that a connection may occupy, answers that wait to be read included, before it may begin no more calls. */
const SESSION_MEGABYTES_MAX = 512;

/**
 * Speaks gRPC on connections that are handed to it: a call is a stream of HTTP/2 with messages that are led by their
 * lengths, and ends with trailers (decision 0012). Nothing that a client sends, or leaves out, throws out of here.
 */
export class Http2RpcServer {
  readonly #handlers: RpcHandlers;
  readonly #messageBytesMax: number;
  readonly #server: Http2Server;
  readonly #sessions = new Map<Http2Session, Unfinished>();

  constructor(handlers: RpcHandlers, messageBytesMax: number) {
    this.#handlers = handlers;
    this.#messageBytesMax = messageBytesMax;
    this.#server = createServer({
      maxSessionMemory: SESSION_MEGABYTES_MAX,
      settings: {
        enablePush: false,
        maxConcurrentStreams: STREAMS_MAX,
        maxHeaderListSize: HEADER_BYTES_MAX,
      },
    });
    this.#server.on("session", (session) => this.#begin(session));
    this.#server.on("stream", (stream, headers) => this.#serve(stream, headers));
  }

  /** Speaks on a connection on which HTTP/2 begins. */
  accept(socket: Socket): void {
    this.#server.emit("connection", socket);
  }

  /** Tells clients to go elsewhere, and lets their calls finish until `graceMs` have passed. */
  async close(graceMs: number): Promise<void> {
    const ended = [...this.#sessions.keys()].map((session) => {
      return new Promise<void>((resolve) => session.close(resolve));
    });
    const timer = setTimeout(() => {
      for (const session of this.#sessions.keys()) session.destroy();
    }, graceMs);
    await Promise.all(ended);
    clearTimeout(timer);
  }

  #begin(session: ServerHttp2Session): void {
    this.#sessions.set(session, new Unfinished());
    // Connections break, and clients err: it concerns nobody else.
    session.on("error", () => {});
    session.once("close", () => this.#sessions.delete(session));
  }

  #serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    stream.on("error", () => {});
    const unfinished = stream.session === undefined ? undefined : this.#sessions.get(stream.session);
    // A stream that was reset in the same breath is not there any more.
    if (stream.destroyed || stream.closed || unfinished === undefined) return;
    const isGrpc = headers["content-type"]?.startsWith("application/grpc") === true;
    if (!isGrpc || headers[":method"] !== "POST") {
      stream.respond({ ":status": isGrpc ? 405 : 415 }, { endStream: true });
      return;
    }
    this.#open(String(headers[":path"]), new Http2Call(stream, headers, this.#messageBytesMax, unfinished));
  }

  #open(path: string, call: Http2Call): void {
    if (call.isOver) return;
    const unary = this.#handlers.unary.get(path);
    const stream = this.#handlers.streams.get(path);
    if (unary !== undefined) answer(unary, call);
    else if (stream !== undefined) stream(call);
    else call.end(new RpcError(Grpc.unimplemented, unknownMethod(path)));
  }
}

/** One message is asked for and given; what else a client sends is not looked at. */
function answer(handler: UnaryHandler, call: Http2Call): void {
  let isAsked = false;
  call.onMessage((request) => {
    if (isAsked) return;
    isAsked = true;
    handler(request, call).then(
      (response) => {
        call.send(response);
        call.end();
      },
      (error: unknown) => call.end(rpcErrorOf(error)),
    );
  });
  call.onHalfClose(() => {
    if (!isAsked) call.end(new RpcError(Grpc.internal, "grpc: the call has no message"));
  });
}

function unknownMethod(path: string): string {
  const [, service = "", method = ""] = path.split("/");
  return `unknown method ${method} for service ${service}`;
}
