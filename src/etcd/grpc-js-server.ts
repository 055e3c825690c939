import type { Socket } from "node:net";
import type {
  ConnectionInjector,
  Server,
  ServerDuplexStream,
  ServerUnaryCall,
  sendUnaryData,
  UntypedHandleCall,
} from "@grpc/grpc-js";
import { QuorateError } from "../base/errors.ts";
import type { RpcCall, RpcHandlers, RpcStream, StreamHandler, UnaryHandler } from "./rpc-server.ts";
import { type RpcError, rpcErrorOf } from "./status.ts";

/** Calls at a time on one connection. An API server of Kubernetes has some hundred watches on a few connections. */
const STREAMS_MAX = 4096;
/** The size of a connection's headers. */
const HEADER_BYTES_MAX = 16 * 1024;
/** A connection whose client does not answer a ping for so long is closed. */
const PING_EVERY_MS = 2 * 60 * 60 * 1000;
const PING_TIMEOUT_MS = 20_000;

type GrpcCall = ServerUnaryCall<Uint8Array, Uint8Array> | GrpcStream;
type GrpcStream = ServerDuplexStream<Uint8Array, Uint8Array>;

/** Speaks gRPC on connections that are handed to it. */
export class GrpcJsServer {
  readonly #server: Server;
  readonly #injector: ConnectionInjector;

  /** Throws ERR_PACKAGE_MISSING. */
  static async create(handlers: RpcHandlers, messageBytesMax: number): Promise<GrpcJsServer> {
    try {
      return new GrpcJsServer(await import("@grpc/grpc-js"), handlers, messageBytesMax);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw cause;
      const message = "serving etcd's clients needs the package @grpc/grpc-js: npm install @grpc/grpc-js";
      throw new QuorateError("ERR_PACKAGE_MISSING", message, { package: "@grpc/grpc-js" }, { cause });
    }
  }

  /** Use `create`. */
  constructor(grpc: typeof import("@grpc/grpc-js"), handlers: RpcHandlers, messageBytesMax: number) {
    this.#server = new grpc.Server({
      // A message is refused by its length, before the rest of it is taken in.
      "grpc.max_receive_message_length": messageBytesMax,
      "grpc.max_send_message_length": -1,
      "grpc.max_concurrent_streams": STREAMS_MAX,
      "grpc.max_metadata_size": HEADER_BYTES_MAX,
      "grpc.keepalive_time_ms": PING_EVERY_MS,
      "grpc.keepalive_timeout_ms": PING_TIMEOUT_MS,
      "grpc.enable_channelz": 0,
    });
    for (const [path, handler] of handlers.unary) this.#register(path, unaryCall(handler), "unary");
    for (const [path, handler] of handlers.streams) this.#register(path, streamCall(handler), "bidi");
    this.#injector = this.#server.createConnectionInjector(grpc.ServerCredentials.createInsecure());
  }

  /** Speaks on a connection on which HTTP/2 begins. */
  accept(socket: Socket): void {
    this.#injector.injectConnection(socket);
  }

  /** Tells clients to go elsewhere, and lets their calls finish until `graceMs` have passed. */
  close(graceMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#injector.drain(graceMs);
      const timer = setTimeout(() => this.#server.forceShutdown(), graceMs);
      this.#server.tryShutdown(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #register(path: string, handle: UntypedHandleCall, type: string): void {
    this.#server.register<Uint8Array, Uint8Array>(path, handle as never, toBuffer, asIs, type);
  }
}

function asIs(bytes: Buffer): Uint8Array {
  return bytes;
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function unaryCall(handler: UnaryHandler) {
  return (call: ServerUnaryCall<Uint8Array, Uint8Array>, answer: sendUnaryData<Uint8Array>): void => {
    handler(call.request, new GrpcJsCall(call)).then(
      (response) => answer(null, response),
      (error: unknown) => answer(statusObject(rpcErrorOf(error))),
    );
  };
}

function streamCall(handler: StreamHandler) {
  return (call: GrpcStream): void => handler(new GrpcJsStream(call));
}

function statusObject({ code, message }: RpcError) {
  return { code: code as number, details: message };
}

class GrpcJsCall implements RpcCall {
  readonly #call: GrpcCall;
  #controller: AbortController | null = null;

  constructor(call: GrpcCall) {
    this.#call = call;
  }

  metadata(name: string): string | undefined {
    return this.#call.metadata.get(name)[0]?.toString();
  }

  get commonName(): string | null {
    const name = this.#call.getAuthContext().sslPeerCertificate?.subject?.CN;
    return (Array.isArray(name) ? name[0] : name) ?? null;
  }

  /** Made on demand: most calls end before anybody asks. */
  get signal(): AbortSignal {
    if (this.#controller === null) {
      const controller = new AbortController();
      this.#controller = controller;
      if (this.#call.cancelled) controller.abort();
      else this.#call.once("cancelled", () => controller.abort());
    }
    return this.#controller.signal;
  }
}

class GrpcJsStream implements RpcStream {
  readonly call: RpcCall;
  readonly #stream: GrpcStream;
  #isOver = false;

  constructor(stream: GrpcStream) {
    this.#stream = stream;
    this.call = new GrpcJsCall(stream);
    // A connection that breaks ends in "cancelled"; what is written then has nobody to go to.
    stream.on("error", () => {});
    stream.once("cancelled", () => {
      this.#isOver = true;
    });
    stream.on("drain", () => stream.resume());
  }

  onMessage(listener: (message: Uint8Array) => void): void {
    this.#stream.on("data", (message: Uint8Array) => {
      if (!this.#isOver) listener(message);
    });
  }

  onHalfClose(listener: () => void): void {
    this.#stream.once("end", listener);
  }

  onClose(listener: () => void): void {
    this.#stream.once("cancelled", listener);
  }

  send(message: Uint8Array): boolean {
    if (this.#isOver) return true;
    const isFree = this.#stream.write(message);
    // A client that does not read is not listened to either: so its questions cannot pile up answers here.
    if (!isFree) this.#stream.pause();
    return isFree;
  }

  onceDrained(listener: () => void): void {
    this.#stream.once("drain", listener);
  }

  end(error?: RpcError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (error === undefined) this.#stream.end();
    // Not `destroy`: the status goes out behind what was written before.
    else this.#stream.emit("error", statusObject(error));
  }
}

