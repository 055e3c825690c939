import type { Socket } from "node:net";
import { clearTimeout, setTimeout } from "../../base/system-time.ts";
import { headerBlock } from "../../http2/header-block.ts";
import type { Http2Stream, StreamReceiver } from "../../http2/http2-stream.ts";
import { SocketLink } from "../../http2/socket-link.ts";
import type { StreamService } from "../../http2/stream-table.ts";
import { Grpc, RpcError, refusal, rpcErrorOf } from "../../wire/status.ts";
import type { RpcHandlers, UnaryHandler } from "../call/rpc-server.ts";
import type { ClientLimits } from "../client-limits.ts";
import type { ClientConnection } from "./connections.ts";
import { GrpcCall } from "./grpc-call.ts";
import type { PendingRequest } from "./intake.ts";

/** How often, at most, it is counted what clients leave unread. */
const SHED_MS = 50;

const METHOD_NOT_ALLOWED = headerBlock(405, {});
const UNSUPPORTED_MEDIA_TYPE = headerBlock(415, {});

/**
 * Speaks gRPC on connections that are handed to it: a call is a stream of HTTP/2 with messages that are led by their
 * lengths, and ends with trailers (decision 0013). Nothing that a client sends, or leaves out, throws out of here.
 */
export class GrpcServer {
  readonly #handlers: RpcHandlers;
  readonly #messageBytesMax: number;
  readonly #links = new Map<SocketLink, () => void>();
  readonly #limits: Pick<ClientLimits, "callsMax" | "unreadBytesMax">;
  readonly #callsPerAddressMax: number;
  /** Calls that are open, by address, and in all. */
  readonly #callsOf = new Map<string, number>();
  #calls = 0;
  /** Calls refused since the start because too many were open. */
  callsRefused = 0;
  #isShedding = false;
  /** Since the start: calls, and connections with the most unread, that ended because their clients did not read. */
  unreadEnded = 0;

  constructor(
    handlers: RpcHandlers,
    messageBytesMax: number,
    limits: Pick<ClientLimits, "callsMax" | "unreadBytesMax">,
  ) {
    this.#handlers = handlers;
    this.#messageBytesMax = messageBytesMax;
    this.#limits = limits;
    this.#callsPerAddressMax = Math.max(1, Math.floor((limits.callsMax * 7) / 8));
  }

  /** Bytes of answers that wait for clients to read them. */
  get unreadBytes(): number {
    let bytes = 0;
    for (const link of this.#links.keys()) bytes += link.unread;
    return bytes;
  }

  /** Speaks on a connection on which HTTP/2 begins. */
  accept(socket: Socket, connection: ClientConnection): void {
    const { intake } = connection;
    const paused = intake.request(() => link.destroy(), false);
    const service: StreamService = {
      open: (stream) => {
        this.#count(intake.address, 1);
        return this.#open(
          new GrpcCall(stream, socket, this.#messageBytesMax, intake),
          stream,
          intake.address,
        );
      },
      closed: () => this.#count(intake.address, -1),
      hold: (bytes) => hold(paused, bytes),
      queued: () => this.#shedSoon(),
      stalled: () => {
        this.unreadEnded += 1;
      },
    };
    const link = new SocketLink(socket, service, () => {
      const onClose = this.#links.get(link);
      this.#links.delete(link);
      paused.end();
      onClose?.();
    });
    this.#links.set(link, () => {});
    connection.speakHttp2(link);
  }

  /** Tells clients to go elsewhere, and lets their calls finish until `graceMs` have passed. */
  async close(graceMs: number): Promise<void> {
    const ended = [...this.#links.keys()].map((link) => {
      return new Promise<void>((resolve) => {
        this.#links.set(link, resolve);
        link.close();
      });
    });
    const timer = setTimeout(() => {
      for (const link of this.#links.keys()) link.destroy();
    }, graceMs);
    await Promise.all(ended);
    clearTimeout(timer);
  }

  /** Once for all that is written meanwhile: the clients may yet take it. */
  #shedSoon(): void {
    if (this.#isShedding) return;
    this.#isShedding = true;
    const timer = setTimeout(() => {
      this.#isShedding = false;
      if (this.unreadBytes > this.#limits.unreadBytesMax) this.#shed();
    }, SHED_MS);
    timer.unref();
  }

  /** Ends the connection with the most unread. */
  #shed(): void {
    let most: SocketLink | null = null;
    for (const link of this.#links.keys()) if (most === null || link.unread > most.unread) most = link;
    this.unreadEnded += 1;
    most?.destroy();
  }

  /** Calls of gRPC that are open. */
  get calls(): number {
    return this.#calls;
  }

  #count(address: string, change: 1 | -1): void {
    this.#calls += change;
    const there = (this.#callsOf.get(address) ?? 0) + change;
    if (there === 0) this.#callsOf.delete(address);
    else this.#callsOf.set(address, there);
  }

  #hasRoom(address: string): boolean {
    return this.#calls <= this.#limits.callsMax && this.#callsOf.get(address)! <= this.#callsPerAddressMax;
  }

  #open(call: GrpcCall, { head }: Http2Stream, address: string): StreamReceiver {
    const isGrpc = head.get("content-type")?.startsWith("application/grpc") === true;
    if (!isGrpc) call.refuse(UNSUPPORTED_MEDIA_TYPE);
    else if (head.get(":method") !== "POST") call.refuse(METHOD_NOT_ALLOWED);
    else if (this.#hasRoom(address)) this.#serve(call, head.get(":path")!);
    else {
      this.callsRefused += 1;
      call.end(refusal("tooManyRequests"));
    }
    return call;
  }

  #serve(call: GrpcCall, path: string): void {
    call.startDeadline();
    if (call.isOver) return;
    const unary = this.#handlers.unary.get(path);
    const stream = this.#handlers.streams.get(path);
    if (unary !== undefined) answer(unary, call);
    else if (stream !== undefined) stream(call);
    else call.end(new RpcError(Grpc.unimplemented, unknownMethod(path)));
  }
}

/** One message is asked for and given; what else a client sends is not looked at. */
function answer(handler: UnaryHandler, call: GrpcCall): void {
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
  call.awaitMessage();
  call.onHalfClose(() => {
    if (!isAsked) call.end(new RpcError(Grpc.internal, "grpc: the call has no message"));
  });
}

function hold(paused: PendingRequest, bytes: number): boolean {
  if (bytes < 0) {
    paused.free(-bytes);
    return true;
  }
  try {
    paused.hold(bytes);
    return true;
  } catch (error) {
    if (error instanceof RpcError) return false;
    throw error;
  }
}

function unknownMethod(path: string): string {
  const [, service = "", method = ""] = path.split("/");
  return `unknown method ${method} for service ${service}`;
}
