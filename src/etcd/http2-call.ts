import {
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import type { TLSSocket } from "node:tls";
import { MessageReader, PREFIX_BYTES, type Unfinished } from "./message-reader.ts";
import type { RpcCall, RpcStream } from "./rpc-server.ts";
import { Grpc, RpcError } from "./status.ts";

/** A timer cannot wait longer. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** How long a refused client may take to notice. */
const LINGER_MS = 1_000;

const RESPONSE_HEADERS = { ":status": 200, "content-type": "application/grpc" } as const;

/** One call of gRPC: a stream of HTTP/2, on which messages follow each other. */
export class Http2Call implements RpcStream, RpcCall {
  readonly #stream: ServerHttp2Stream;
  readonly #headers: IncomingHttpHeaders;
  readonly #reader: MessageReader;
  #deadline: NodeJS.Timeout | null = null;
  #controller: AbortController | null = null;
  #isOver = false;

  constructor(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    lengthMax: number,
    unfinished: Unfinished,
  ) {
    this.#stream = stream;
    this.#headers = headers;
    this.#reader = new MessageReader(lengthMax, unfinished);
    // A client that does not read is not listened to either: so its questions cannot pile up answers here.
    stream.on("drain", () => stream.resume());
    stream.once("close", () => this.#close());
    const timeoutMs = timeoutOf(headers["grpc-timeout"]);
    if (Number.isNaN(timeoutMs)) this.end(new RpcError(Grpc.internal, "malformed grpc-timeout"));
    else if (timeoutMs !== null) this.#deadline = setTimeout(() => this.#expire(), timeoutMs);
  }

  /** Whether the call has been answered, or nobody waits for it any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  get call(): RpcCall {
    return this;
  }

  metadata(name: string): string | undefined {
    const value = this.#headers[name];
    return Array.isArray(value) ? value[0] : value;
  }

  get commonName(): string | null {
    const socket = this.#stream.session?.socket as Partial<TLSSocket> | undefined;
    const name = socket?.getPeerCertificate?.()?.subject?.CN;
    return (Array.isArray(name) ? name[0] : name) ?? null;
  }

  /** Made on demand: most calls end before anybody asks. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#isOver) this.#controller.abort();
    return this.#controller.signal;
  }

  onMessage(listener: (message: Uint8Array) => void): void {
    this.#stream.on("data", (chunk: Buffer) => {
      if (this.#isOver) return;
      try {
        for (const message of this.#reader.take(chunk)) if (!this.#isOver) listener(message);
      } catch (error) {
        if (!(error instanceof RpcError)) throw error;
        this.end(error);
      }
    });
  }

  onHalfClose(listener: () => void): void {
    this.#stream.once("end", () => {
      if (this.#isOver) return;
      if (this.#reader.isBetweenMessages) listener();
      else this.end(new RpcError(Grpc.internal, "grpc: the call ended within a message"));
    });
  }

  onClose(listener: () => void): void {
    this.#stream.once("close", listener);
  }

  send(message: Uint8Array): boolean {
    if (this.#isOver || this.#stream.destroyed) return true;
    if (!this.#stream.headersSent) this.#stream.respond(RESPONSE_HEADERS, { waitForTrailers: true });
    const isFree = this.#stream.write(framed(message));
    if (!isFree) this.#stream.pause();
    return isFree;
  }

  onceDrained(listener: () => void): void {
    this.#stream.once("drain", listener);
  }

  end(error?: RpcError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#finish();
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) return;
    const trailers = trailersOf(error);
    if (stream.headersSent) {
      stream.once("wantTrailers", () => stream.sendTrailers(trailers));
      stream.end();
    } else stream.respond({ ...RESPONSE_HEADERS, ...trailers }, { endStream: true });
    // What the client might still send is of no use to anybody.
    stream.resume();
    if (error !== undefined) this.#hangUpLater();
  }

  /** A client that goes on sending though it was refused is cut off, but not before it can have read why. */
  #hangUpLater(): void {
    const timer = setTimeout(() => this.#stream.close(constants.NGHTTP2_NO_ERROR), LINGER_MS);
    this.#stream.once("close", () => clearTimeout(timer));
  }

  #expire(): void {
    this.end(new RpcError(Grpc.deadlineExceeded, "context deadline exceeded"));
  }

  #close(): void {
    this.#isOver = true;
    this.#finish();
  }

  #finish(): void {
    if (this.#deadline !== null) clearTimeout(this.#deadline);
    this.#reader.drop();
    this.#controller?.abort();
  }
}

function framed(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, PREFIX_BYTES);
  return frame;
}

function trailersOf(error: RpcError | undefined): OutgoingHttpHeaders {
  if (error === undefined) return { "grpc-status": "0" };
  return { "grpc-status": String(error.code), "grpc-message": percentEncoded(error.message) };
}

/** Only plain characters may stand in a header. */
function percentEncoded(text: string): string {
  if (/^[ -$&-~]*$/.test(text)) return text;
  return [...Buffer.from(text)]
    .map((byte) =>
      byte >= 0x20 && byte < 0x7f && byte !== 0x25 ? String.fromCharCode(byte) : hexEscape(byte),
    )
    .join("");
}

function hexEscape(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}

const UNIT_MS: Readonly<Record<string, number>> = {
  n: 1e-6,
  u: 1e-3,
  m: 1,
  S: 1_000,
  M: 60_000,
  H: 3_600_000,
};

/** In milliseconds: null without a limit, and not a number where it cannot be read. */
function timeoutOf(header: string | string[] | undefined): number | null {
  if (header === undefined) return null;
  const [, count, unit] = /^(\d{1,8})([numSMH])$/.exec(String(header)) ?? [];
  if (unit === undefined) return Number.NaN;
  return Math.min(Math.ceil(Number(count) * UNIT_MS[unit]!), TIMER_MS_MAX);
}
