import { nextTick } from "../base/system-time.ts";
import { ByteAccumulator } from "./byte-accumulator.ts";
import { ReceiveWindow } from "./flow-window.ts";
import { Outgoing } from "./outgoing.ts";
import { Code } from "./protocol.ts";
import type { RequestHead } from "./request-head.ts";

/** What a client may send on one stream before it is taken in. */
export const STREAM_WINDOW_BYTES = 1024 * 1024;

/** Listens to one stream. */
export interface StreamReceiver {
  received(bytes: Buffer): void;
  /** The client sends nothing more. */
  halfClosed(): void;
  /** What `write` could not send at once is on its way. */
  drained(): void;
  /** Nothing comes and nothing goes any more. */
  closed(): void;
}

/** The connection of a stream. */
export interface StreamHost {
  respond(stream: Http2Stream, block: Uint8Array): void;
  write(stream: Http2Stream, bytes: Uint8Array): boolean;
  end(stream: Http2Stream, block: Uint8Array): void;
  reset(stream: Http2Stream, code: number): void;
  /** So many bytes more, or fewer, are kept for a stream that is paused. False where that is too much. */
  hold(bytes: number): boolean;
  /** So many bytes of the stream take no more memory. */
  free(stream: Http2Stream, bytes: number): void;
}

/** A request and its answer (RFC 9113, section 5.1). */
export class Http2Stream {
  readonly id: number;
  readonly head: RequestHead;
  readonly outgoing: Outgoing;
  readonly receiveWindow = new ReceiveWindow(STREAM_WINDOW_BYTES);
  readonly #host: StreamHost;
  #receiver: StreamReceiver = NOBODY;
  /** How much the client has said that it sends; not a number if it has not. */
  readonly #announced: number;
  #received = 0;
  /** What came while nobody wanted to hear. */
  readonly #held = new ByteAccumulator();
  #isPaused = false;
  #isToldOfEnd = false;
  #hasResponded = false;
  #hasEnded = false;
  #isHalfClosed = false;
  #isClosed = false;

  constructor(id: number, head: RequestHead, windowBytes: number, host: StreamHost) {
    this.id = id;
    this.head = head;
    this.outgoing = new Outgoing(id, windowBytes);
    this.#host = host;
    this.#announced = contentLength(head.get("content-length"));
  }

  /** Whether the client sends nothing more. */
  get isHalfClosed(): boolean {
    return this.#isHalfClosed;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Whether the answer has begun. */
  get hasResponded(): boolean {
    return this.#hasResponded;
  }

  /** Sends the head of the answer. */
  respond(block: Uint8Array): void {
    this.#hasResponded = true;
    if (!this.#isClosed) this.#host.respond(this, block);
  }

  /** False asks to wait with more until it is drained. The bytes may not change any more. */
  write(bytes: Uint8Array): boolean {
    return this.#isClosed || this.#hasEnded || this.#host.write(this, bytes);
  }

  /** Sends the last block behind everything else: the trailers, or a head that says all. */
  end(block: Uint8Array): void {
    if (this.#isClosed || this.#hasEnded) return;
    this.#hasEnded = true;
    this.#drop();
    this.#host.end(this, block);
  }

  reset(code: number): void {
    if (!this.#isClosed) this.#host.reset(this, code);
  }

  /** The client is not told that it may send more, and what comes nevertheless is kept. */
  pause(): void {
    this.#isPaused = true;
  }

  /** What was kept follows, but not before whoever asks for it has finished what it does. */
  resume(): void {
    this.#isPaused = false;
    if (this.#held.length > 0 || this.#isHalfClosed) nextTick(() => this.#release());
  }

  /** For the connection. */
  begin(receiver: StreamReceiver): void {
    this.#receiver = receiver;
  }

  /** For the connection. Why the stream has to end, a code, or null: the client sends more than it has announced, or too much. */
  receive(bytes: Buffer): number | null {
    this.#received += bytes.length;
    if (this.#received > this.#announced) return Code.protocolError;
    if (this.#hasEnded) this.#host.free(this, bytes.length);
    else if (this.#isPaused || this.#held.length > 0) {
      this.#held.add(bytes);
      return this.#host.hold(bytes.length) ? null : Code.enhanceYourCalm;
    } else this.#deliver(bytes);
    return null;
  }

  /** For the connection: the client has ended. False when it has sent less than it has announced. */
  halfClose(): boolean {
    this.#isHalfClosed = true;
    if (this.#received < this.#announced) return false;
    this.#tellEnd();
    return true;
  }

  /** For the connection. */
  drained(): void {
    this.#receiver.drained();
  }

  /** For the connection. */
  close(): void {
    this.#isClosed = true;
    this.#drop();
    this.#receiver.closed();
  }

  #deliver(bytes: Buffer): void {
    this.#receiver.received(bytes);
    this.#host.free(this, bytes.length);
  }

  #release(): void {
    if (this.#held.length > 0 && !this.#isPaused) this.#deliver(this.#takeHeld());
    this.#tellEnd();
  }

  #tellEnd(): void {
    const isHeld = this.#isPaused || this.#held.length > 0;
    if (!this.#isHalfClosed || isHeld || this.#isToldOfEnd || this.#hasEnded || this.#isClosed) return;
    this.#isToldOfEnd = true;
    this.#receiver.halfClosed();
  }

  #drop(): void {
    if (this.#held.length > 0) this.#host.free(this, this.#takeHeld().length);
  }

  #takeHeld(): Buffer {
    const held = this.#held.take();
    this.#host.hold(-held.length);
    return held;
  }
}

/** Not a number where nothing was announced; a length that cannot be read is less than anything that is sent. */
function contentLength(text: string | undefined): number {
  if (text === undefined) return Number.NaN;
  return /^\d{1,15}$/.test(text) ? Number(text) : -1;
}

const NOBODY: StreamReceiver = { received() {}, halfClosed() {}, drained() {}, closed() {} };
