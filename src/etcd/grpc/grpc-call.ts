import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { clearTimeout, nextTick, setTimeout } from "../../base/system-time.ts";
import type { Http2Stream, StreamReceiver } from "../../http2/http2-stream.ts";
import { Code } from "../../http2/protocol.ts";
import { formatAddress } from "../../transport/address.ts";
import { Grpc, RpcError, rpcErrorOf } from "../../wire/status.ts";
import type { RpcCall, RpcStream } from "../call/rpc-server.ts";
import { HEAD, timeoutOf, trailers, trailersOnly } from "./grpc-headers.ts";
import type { ConnectionIntake, PendingRequest } from "./intake.ts";
import { MessageReader, PREFIX_BYTES } from "./message-reader.ts";

/** How long a refused client may take to notice. */
const LINGER_MS = 1_000;

/** One call of gRPC: a stream of HTTP/2, on which messages follow each other. */
export class GrpcCall implements RpcStream, RpcCall, StreamReceiver {
  readonly #stream: Http2Stream;
  readonly #socket: Socket;
  readonly #reader: MessageReader;
  readonly #pending: PendingRequest;
  #onMessage: (message: Uint8Array) => void = nothing;
  #onHalfClose: () => void = nothing;
  readonly #onClose: (() => void)[] = [];
  #onDrained: (() => void)[] = [];
  #deadline: NodeJS.Timeout | null = null;
  #linger: NodeJS.Timeout | null = null;
  #controller: AbortController | null = null;
  #isOver = false;

  constructor(stream: Http2Stream, socket: Socket, messageBytesMax: number, intake: ConnectionIntake) {
    this.#stream = stream;
    this.#socket = socket;
    this.#pending = intake.request((reason) => this.end(reason));
    this.#reader = new MessageReader(messageBytesMax, this.#pending);
    // Nothing comes before somebody listens.
    stream.pause();
  }

  /** Whether the call has been answered, or nobody waits for it any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  get call(): RpcCall {
    return this;
  }

  metadata(name: string): string | undefined {
    return this.#stream.head.get(name);
  }

  get address(): string {
    const { remoteAddress: host = "", remotePort: port = 0 } = this.#socket;
    return formatAddress({ host, port });
  }

  get commonName(): string | null {
    const name = (this.#socket as Partial<TLSSocket>).getPeerCertificate?.()?.subject?.CN;
    return (Array.isArray(name) ? name[0] : name) ?? null;
  }

  /** Made on demand: most calls end before anybody asks. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#isOver) this.#controller.abort();
    return this.#controller.signal;
  }

  /** Has the call end when its client has waited as long as it wants to. */
  startDeadline(): void {
    const timeoutMs = timeoutOf(this.metadata("grpc-timeout"));
    if (timeoutMs === null) return;
    if (Number.isNaN(timeoutMs)) this.end(new RpcError(Grpc.internal, "malformed grpc-timeout"));
    else this.#deadline = setTimeout(() => this.#expire(), timeoutMs);
  }

  /** A message has to come now: its client may not take for ever. */
  awaitMessage(): void {
    if (!this.#isOver) this.#pending.await();
  }

  /** Answers what is no call of gRPC with a head that says all. */
  refuse(head: Uint8Array): void {
    this.#finish();
    this.#endStream(head);
  }

  onMessage(listener: (message: Uint8Array) => void): void {
    this.#onMessage = listener;
    this.#stream.resume();
  }

  onHalfClose(listener: () => void): void {
    this.#onHalfClose = listener;
  }

  onClose(listener: () => void): void {
    this.#onClose.push(listener);
  }

  send(message: Uint8Array): boolean {
    if (this.#isOver) return true;
    const stream = this.#stream;
    if (!stream.hasResponded) stream.respond(HEAD);
    const isFree = stream.write(framed(message));
    // A client that does not read is not listened to either: so its questions cannot pile up answers here.
    if (!isFree) stream.pause();
    return isFree;
  }

  onceDrained(listener: () => void): void {
    this.#onDrained.push(listener);
  }

  end(error?: RpcError): void {
    if (this.#isOver) return;
    this.#finish();
    this.#endStream(this.#stream.hasResponded ? trailers(error) : trailersOnly(error));
  }

  received(bytes: Buffer): void {
    if (this.#isOver) return;
    try {
      this.#reader.take(bytes, (message) => {
        this.#pending.arrive();
        if (!this.#isOver) this.#onMessage(message);
      });
    } catch (error) {
      this.end(rpcErrorOf(error));
    }
  }

  halfClosed(): void {
    if (this.#isOver) return;
    if (this.#reader.isBetweenMessages) this.#onHalfClose();
    else this.end(new RpcError(Grpc.internal, "grpc: the call ended within a message"));
  }

  drained(): void {
    // Before the others: what they send may be too much again.
    this.#stream.resume();
    if (this.#onDrained.length === 0) return;
    const listeners = this.#onDrained;
    this.#onDrained = [];
    for (const listener of listeners) listener();
  }

  closed(): void {
    if (this.#linger !== null) clearTimeout(this.#linger);
    if (!this.#isOver) this.#finish();
    // Whoever ends a call is not told of it before it has done so.
    if (this.#onClose.length > 0)
      nextTick(() => {
        for (const listener of this.#onClose) listener();
      });
  }

  #expire(): void {
    this.end(new RpcError(Grpc.deadlineExceeded, "context deadline exceeded"));
  }

  /** A client that goes on sending though it was answered is cut off, but not before it can have read the answer. */
  #endStream(block: Uint8Array): void {
    this.#stream.end(block);
    if (!this.#stream.isHalfClosed && !this.#stream.isClosed)
      this.#linger = setTimeout(() => this.#stream.reset(Code.noError), LINGER_MS);
  }

  #finish(): void {
    this.#isOver = true;
    if (this.#deadline !== null) clearTimeout(this.#deadline);
    this.#reader.drop();
    this.#pending.end();
    this.#controller?.abort();
  }
}

function nothing(): void {}

function framed(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, PREFIX_BYTES);
  return frame;
}
