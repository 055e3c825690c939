import type { IncomingMessage, ServerResponse } from "node:http";
import { MalformedBytes } from "../../base/bytes.ts";
import { ByteAccumulator } from "../../http2/byte-accumulator.ts";
import { formatAddress } from "../../transport/address.ts";
import { METHODS, type Method } from "../../wire/services.ts";
import { Grpc, type GrpcCode, RpcError, rpcErrorOf } from "../../wire/status.ts";
import type { RpcCall, RpcHandlers, StreamHandler, UnaryHandler } from "../call/rpc-server.ts";
import type { ClientConnection } from "../grpc/connections.ts";
import type { PendingRequest } from "../grpc/intake.ts";
import { GatewayStream } from "./gateway-stream.ts";
import { JsonSplitter, parseJson } from "./json-splitter.ts";

type AnyMethod = Method<unknown, unknown>;

/**
 * etcd's JSON over HTTP: the same methods, with proto3's JSON for messages. Requests go through the same handlers as
 * gRPC's, in the same bytes, so that nothing can be had here that is refused there.
 */
export class Gateway {
  readonly #handlers: RpcHandlers;
  readonly #methods = new Map<string, AnyMethod>();
  readonly #lengthMax: number;
  readonly #unreadBytesMax: number;
  #unreadBytes = 0;

  constructor(handlers: RpcHandlers, messageBytesMax: number, unreadBytesMax: number) {
    this.#handlers = handlers;
    this.#unreadBytesMax = unreadBytesMax;
    // Base64 makes four characters of three bytes.
    this.#lengthMax = messageBytesMax * 2;
    for (const method of Object.values(METHODS)) {
      for (const path of method.gateway) this.#methods.set(path, method as unknown as AnyMethod);
    }
  }

  has(path: string): boolean {
    return this.#methods.has(path);
  }

  serve(
    path: string,
    connection: ClientConnection,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    const method = this.#methods.get(path)!;
    const unary = this.#handlers.unary.get(method.path);
    const stream = this.#handlers.streams.get(method.path);
    const pending = connection.intake.request((reason) => {
      sendError(response, reason);
      request.destroy();
    });
    response.once("close", () => pending.end());
    if (unary !== undefined) void this.#answer(method, unary, pending, request, response);
    else if (stream !== undefined) {
      connection.answer();
      this.#converse(method, stream, pending, request, response);
    } else sendError(response, new RpcError(Grpc.unimplemented, "Not Implemented"));
  }

  async #answer(
    method: AnyMethod,
    handler: UnaryHandler,
    pending: PendingRequest,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    try {
      const json = parseJson((await readText(request, this.#lengthMax, pending)) || "{}");
      const bytes = method.request.encode(method.request.fromJson(json) as object);
      const answer = await handler(bytes, new GatewayCall(request, response));
      this.#send(response, JSON.stringify(method.response.toJson(method.response.decode(answer))));
    } catch (error) {
      sendError(response, asRpcError(error));
    }
  }

  /** Answers are kept until they are read, as many as there is room for. */
  #send(response: ServerResponse, body: string): void {
    if (this.#unreadBytes + body.length > this.#unreadBytesMax)
      throw new RpcError(Grpc.resourceExhausted, "too many answers wait to be read");
    this.#unreadBytes += body.length;
    response.once("close", () => {
      this.#unreadBytes -= body.length;
    });
    sendText(response, 200, body);
  }

  #converse(
    method: AnyMethod,
    handler: StreamHandler,
    pending: PendingRequest,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    const splitter = new JsonSplitter(this.#lengthMax);
    const read = (text: string): Uint8Array[] => {
      const complete = [...splitter.take(text)];
      pending.end();
      if (splitter.unfinishedLength > 0) pending.hold(splitter.unfinishedLength);
      return complete.map((json) => method.request.encode(method.request.fromJson(json) as object));
    };
    const show = (bytes: Uint8Array): unknown => method.response.toJson(method.response.decode(bytes));
    handler(
      new GatewayStream(new GatewayCall(request, response), request, response, { read, show, asRpcError }),
    );
  }
}

/** The headers of an HTTP request as gRPC's metadata. A certificate is of no account here: it need not be the user's. */
class GatewayCall implements RpcCall {
  readonly commonName = null;
  readonly signal: AbortSignal;
  readonly #request: IncomingMessage;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.#request = request;
    const controller = new AbortController();
    this.signal = controller.signal;
    response.once("close", () => controller.abort());
  }

  get address(): string {
    const { remoteAddress: host = "", remotePort: port = 0 } = this.#request.socket;
    return formatAddress({ host, port });
  }

  metadata(name: string): string | undefined {
    const { headers } = this.#request;
    const value =
      headers[`grpc-metadata-${name}`] ?? (name === "authorization" ? headers.authorization : undefined);
    return Array.isArray(value) ? value[0] : value;
  }
}

/** Rejects with RpcError alone, and leaves the request open, so that it can be answered. */
function readText(request: IncomingMessage, lengthMax: number, pending: PendingRequest): Promise<string> {
  const tooLarge = new RpcError(Grpc.resourceExhausted, `the request is larger than ${lengthMax} bytes`);
  return new Promise((resolve, reject) => {
    const gathered = new ByteAccumulator();
    const fail = (error: unknown): void => {
      request.off("data", onData);
      request.resume();
      gathered.take();
      pending.end();
      reject(error);
    };
    const onData = (chunk: Buffer): void => {
      try {
        if (gathered.length + chunk.length > lengthMax) throw tooLarge;
        pending.hold(chunk.length);
        gathered.add(chunk);
      } catch (error) {
        fail(error);
      }
    };
    request.on("data", onData);
    request.once("end", () => {
      pending.end();
      resolve(gathered.take().toString());
    });
    request.once("close", () => fail(new RpcError(Grpc.cancelled, "the client went away")));
    if (Number(request.headers["content-length"] ?? 0) > lengthMax) fail(tooLarge);
  });
}

/** What cannot be read is the client's fault here, where a person may have written it. */
function asRpcError(error: unknown): RpcError {
  return error instanceof MalformedBytes
    ? new RpcError(Grpc.invalidArgument, error.message)
    : rpcErrorOf(error);
}

const HTTP_STATUS: Readonly<Record<GrpcCode, number>> = {
  [Grpc.cancelled]: 499,
  [Grpc.unknown]: 500,
  [Grpc.invalidArgument]: 400,
  [Grpc.deadlineExceeded]: 504,
  [Grpc.notFound]: 404,
  [Grpc.permissionDenied]: 403,
  [Grpc.resourceExhausted]: 429,
  [Grpc.failedPrecondition]: 400,
  [Grpc.outOfRange]: 400,
  [Grpc.unimplemented]: 501,
  [Grpc.internal]: 500,
  [Grpc.unavailable]: 503,
  [Grpc.dataLoss]: 500,
  [Grpc.unauthenticated]: 401,
};

export function sendError(response: ServerResponse, { code, message }: RpcError): void {
  sendJson(response, HTTP_STATUS[code], { code, message, details: [] });
}

export function sendJson(response: ServerResponse, status: number, json: unknown): void {
  sendText(response, status, JSON.stringify(json));
}

function sendText(response: ServerResponse, status: number, text: string): void {
  if (response.destroyed || response.headersSent) return;
  // What is still to come of a request that was answered is not read.
  if (!response.req.complete) response.setHeader("connection", "close");
  response.writeHead(status, { "content-type": "application/json" });
  response.end(text);
}
