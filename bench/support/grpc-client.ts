import { connect, type Socket } from "node:net";
import { framed } from "./etcd-wire.ts";

const DATA = 0;
const HEADERS = 1;
const RST_STREAM = 3;
const SETTINGS = 4;
const PING = 6;
const GOAWAY = 7;
const WINDOW_UPDATE = 8;
const ACK = 0x1;
const END_STREAM = 0x1;
const END_HEADERS = 0x4;
const WINDOW_MAX = 0x7fff_ffff;
const FRAME_BYTES = 9;
/** What a server takes at first, in one frame and on one connection. */
const DATA_BYTES_MAX = 16_384;
const FIRST_WINDOW = 65_535;
/** The first place of the dynamic table of HPACK. */
const DYNAMIC = 62;

/** Told of each message of an answer; then of its end. */
interface Stream {
  onData(bytes: Uint8Array): void;
  onEnd(succeeded: boolean): void;
}

/**
 * A gRPC client for load, and for nothing else: one connection without TLS, header blocks prepared once, messages that fit
 * into a stream's first window of 64 kB, statuses not read. An answer without a message counts as a failure, since that is how gRPC fails.
 * It costs a small part of what a client for people costs, so that the server is what is measured.
 */
export class GrpcClient {
  readonly #socket: Socket;
  readonly #streams = new Map<number, Stream>();
  readonly #blocks = new Map<string, Buffer>();
  readonly #authority: string;
  #nextStream = 1;
  #rest: Buffer = Buffer.alloc(0);
  #outgoing: Buffer[] = [];
  /** How much more the server takes on this connection, and the messages that wait for it. */
  #window = FIRST_WINDOW;
  #waiting: { readonly stream: number; readonly bytes: Buffer; readonly isLast: boolean }[] = [];

  constructor(port: number) {
    this.#authority = `127.0.0.1:${port}`;
    this.#socket = connect(port, "127.0.0.1").setNoDelay();
    this.#socket.on("data", (bytes) => this.#take(bytes));
    this.#socket.on("error", () => {});
    this.#socket.on("close", () => this.#failAll());
    const settings = Buffer.alloc(6);
    settings.writeUInt16BE(4, 0); // SETTINGS_INITIAL_WINDOW_SIZE
    settings.writeUInt32BE(WINDOW_MAX, 2);
    this.#send(Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1"));
    this.#sendFrame(SETTINGS, 0, 0, settings);
    this.#openWindow(WINDOW_MAX - 65_535);
  }

  /** Resolves with the answer's message; rejects when there is none. */
  call(path: string, message: Uint8Array): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const parts: Uint8Array[] = [];
      const stream = this.#open(path, {
        onData: (bytes) => parts.push(bytes),
        onEnd: (succeeded) => {
          if (!succeeded || parts.length === 0) reject(new Error(`${path} failed`));
          else resolve((parts.length === 1 ? parts[0]! : Buffer.concat(parts)).subarray(5));
        },
      });
      this.#sendMessage(stream, message, true);
    });
  }

  /** A call that goes on: messages are sent together, and each one that comes is told. */
  stream(path: string, messages: readonly Uint8Array[], onMessage: (message: Uint8Array) => void): void {
    let rest: Uint8Array = Buffer.alloc(0);
    const stream = this.#open(path, {
      onData: (bytes) => {
        let left = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
        for (;;) {
          const length = left.length < 5 ? Number.POSITIVE_INFINITY : 5 + u32(left, 1);
          if (left.length < length) break;
          onMessage(left.subarray(5, length));
          left = left.subarray(length);
        }
        rest = left;
      },
      onEnd: () => {},
    });
    for (const message of messages) this.#sendMessage(stream, message, false);
  }

  close(): void {
    this.#socket.destroy();
  }

  #open(path: string, stream: Stream): number {
    const id = this.#nextStream;
    this.#nextStream += 2;
    this.#streams.set(id, stream);
    this.#sendFrame(HEADERS, END_HEADERS, id, this.#headerBlock(path));
    return id;
  }

  /** The first block puts what is the same in all into the table; later ones name that by a byte each. */
  #headerBlock(path: string): Buffer {
    const known = this.#blocks.get(path);
    if (known !== undefined) return known;

    const common = [
      [":authority", this.#authority],
      ["content-type", "application/grpc"],
      ["te", "trailers"],
    ] as const;
    const own = Buffer.concat([Buffer.from([METHOD_POST, SCHEME_HTTP, PATH_WITHOUT_INDEX]), text(path)]);
    const indexed = common.map((_, at) => 0x80 | (DYNAMIC + common.length - 1 - at));
    const isFirst = this.#blocks.size === 0;
    const block = Buffer.concat([own, Buffer.from(indexed)]);
    this.#blocks.set(path, block);
    if (!isFirst) return block;
    const literals = common.map(([name, value]) =>
      Buffer.concat([Buffer.from([LITERAL_TO_INDEX]), text(name), text(value)]),
    );
    return Buffer.concat([own, ...literals]);
  }

  #take(bytes: Buffer): void {
    let buffer = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    let dataBytes = 0;
    while (buffer.length >= FRAME_BYTES) {
      const length = buffer.readUIntBE(0, 3);
      if (buffer.length < FRAME_BYTES + length) break;
      const payload = buffer.subarray(FRAME_BYTES, FRAME_BYTES + length);
      if (buffer[3] === DATA) dataBytes += length;
      this.#takeFrame(buffer[3]!, buffer[4]!, buffer.readUInt32BE(5), payload);
      buffer = buffer.subarray(FRAME_BYTES + length);
    }
    this.#rest = buffer;
    if (dataBytes > 0) this.#openWindow(dataBytes);
  }

  #takeFrame(type: number, flags: number, id: number, payload: Buffer): void {
    switch (type) {
      case DATA:
        this.#streams.get(id)?.onData(payload);
        if ((flags & END_STREAM) !== 0) this.#end(id, true);
        break;
      case HEADERS:
        if ((flags & END_STREAM) !== 0) this.#end(id, true);
        break;
      case WINDOW_UPDATE:
        if (id === 0) this.#window += payload.readUInt32BE(0);
        this.#sendWaiting();
        break;
      case RST_STREAM:
        this.#end(id, false);
        break;
      case SETTINGS:
        if ((flags & ACK) === 0) this.#sendFrame(SETTINGS, ACK, 0, Buffer.alloc(0));
        break;
      case PING:
        if ((flags & ACK) === 0) this.#sendFrame(PING, ACK, 0, payload);
        break;
      case GOAWAY:
        this.#socket.destroy();
        break;
    }
  }

  #end(id: number, succeeded: boolean): void {
    const stream = this.#streams.get(id);
    this.#streams.delete(id);
    stream?.onEnd(succeeded);
  }

  #failAll(): void {
    for (const id of [...this.#streams.keys()]) this.#end(id, false);
  }

  #openWindow(bytes: number): void {
    const increment = Buffer.alloc(4);
    increment.writeUInt32BE(bytes);
    this.#sendFrame(WINDOW_UPDATE, 0, 0, increment);
  }

  #sendMessage(stream: number, message: Uint8Array, isLast: boolean): void {
    this.#waiting.push({ stream, bytes: framed(message), isLast });
    this.#sendWaiting();
  }

  #sendWaiting(): void {
    while (this.#waiting.length > 0 && this.#waiting[0]!.bytes.length <= this.#window) {
      const { stream, bytes, isLast } = this.#waiting.shift()!;
      this.#window -= bytes.length;
      for (let at = 0; at < bytes.length; at += DATA_BYTES_MAX) {
        const part = bytes.subarray(at, at + DATA_BYTES_MAX);
        this.#sendFrame(DATA, isLast && at + part.length === bytes.length ? END_STREAM : 0, stream, part);
      }
    }
  }

  #sendFrame(type: number, flags: number, stream: number, payload: Buffer): void {
    const head = Buffer.alloc(FRAME_BYTES);
    head.writeUIntBE(payload.length, 0, 3);
    head[3] = type;
    head[4] = flags;
    head.writeUInt32BE(stream, 5);
    this.#send(head);
    if (payload.length > 0) this.#send(payload);
  }

  /** Everything that is sent in one turn leaves with one write. */
  #send(bytes: Buffer): void {
    this.#outgoing.push(bytes);
    if (this.#outgoing.length > 1) return;
    setImmediate(() => {
      const outgoing = this.#outgoing;
      this.#outgoing = [];
      if (!this.#socket.destroyed) this.#socket.write(Buffer.concat(outgoing));
    });
  }
}

const METHOD_POST = 0x83;
const SCHEME_HTTP = 0x86;
const PATH_WITHOUT_INDEX = 0x04;
const LITERAL_TO_INDEX = 0x40;

/** A string of HPACK: its length, below 127, and its bytes as they are. */
function text(value: string): Buffer {
  return Buffer.concat([Buffer.from([value.length]), Buffer.from(value, "latin1")]);
}

function u32(bytes: Uint8Array, offset: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(offset);
}
