import type { IncomingMessage, ServerResponse } from "node:http";
import { MalformedBytes } from "../base/bytes.ts";
import { formatAddress } from "../transport/address.ts";
import { GatewayStream } from "./gateway-stream.ts";
import { JsonSplitter, parseJson } from "./json-splitter.ts";
import type { RpcCall, RpcHandlers, StreamHandler, UnaryHandler } from "./rpc-server.ts";
import { Grpc, type GrpcCode, RpcError, rpcErrorOf } from "./status.ts";
import { METHODS, type Method } from "./wire/services.ts";

type AnyMethod = Method<unknown, unknown>;

/**
 * etcd's JSON over HTTP: the same methods, with proto3's JSON for messages. Requests go through the same handlers as
 * gRPC's, in the same bytes, so that nothing can be had here that is refused there.
 */
export class Gateway {
  readonly #handlers: RpcHandlers;
  readonly #methods = new Map<string, AnyMethod>();
  readonly #lengthMax: number;

  constructor(handlers: RpcHandlers, messageBytesMax: number) {
    this.#handlers = handlers;
    // Base64 makes four characters of three bytes.
    this.#lengthMax = messageBytesMax * 2;
    for (const method of Object.values(METHODS)) {
      for (const path of method.gateway) this.#methods.set(path, method as unknown as AnyMethod);
    }
  }

  has(path: string): boolean {
    return this.#methods.has(path);
  }

  serve(path: string, request: IncomingMessage, response: ServerResponse): void {
    const method = this.#methods.get(path)!;
    const unary = this.#handlers.unary.get(method.path);
    const stream = this.#handlers.streams.get(method.path);
    if (unary !== undefined) void this.#answer(method, unary, request, response);
    else if (stream !== undefined) this.#converse(method, stream, request, response);
    else sendError(response, new RpcError(Grpc.unimplemented, "Not Implemented"));
  }

  async #answer(
    method: AnyMethod,
    handler: UnaryHandler,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    try {
      const json = parseJson((await readText(request, this.#lengthMax)) || "{}");
      const bytes = method.request.encode(method.request.fromJson(json) as object);
      const answer = await handler(bytes, new GatewayCall(request, response));
      sendJson(response, 200, method.response.toJson(method.response.decode(answer)));
    } catch (error) {
      sendError(response, asRpcError(error));
    }
  }

  #converse(
    method: AnyMethod,
    handler: StreamHandler,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    const splitter = new JsonSplitter(this.#lengthMax);
    const read = (text: string): Uint8Array[] =>
      [...splitter.take(text)].map((json) => method.request.encode(method.request.fromJson(json) as object));
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

async function readText(request: IncomingMessage, lengthMax: number): Promise<string> {
  const tooLarge = new RpcError(Grpc.resourceExhausted, `the request is larger than ${lengthMax} bytes`);
  if (Number(request.headers["content-length"] ?? 0) > lengthMax) throw tooLarge;
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > lengthMax) throw tooLarge;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
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
  if (response.destroyed || response.headersSent) return;
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(json));
}
