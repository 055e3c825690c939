import { TokenBucket } from "../base/token-bucket.ts";
import { ClientSettings, Setting } from "./client-settings.ts";
import { FrameReader, type FrameSink } from "./frame-reader.ts";
import { HeadReader } from "./head-reader.ts";
import { STREAM_WINDOW_BYTES } from "./http2-stream.ts";
import { Code, ConnectionError, Flag, Frame, protocolError } from "./protocol.ts";
import { HEAD_BYTES_MAX } from "./request-head.ts";
import type { Outlet } from "./sender.ts";
import { type Span, STREAMS_MAX, type StreamService, StreamTable } from "./stream-table.ts";

/** Frames that mean nothing and cost a look (CVE-2019-9518). */
const IDLE_FRAMES_BURST = 10_000;
const IDLE_FRAMES_PER_SECOND = 1_000;

/** How long a client may keep a connection waiting. */
export interface WaitLimits {
  /** To begin, and from the beginning of a block of headers, or of a frame, to its end. */
  readonly beginMs: number;
  /** With an answer that it does not read. */
  readonly stalledMs: number;
}

/**
 * One connection of HTTP/2, on the side of the server: bytes in, bytes out, and no socket (RFC 9113).
 *
 * Whatever a client sends, nothing is thrown: what breaks the rules ends the stream or the connection with the code that
 * the RFC has for it. All that a client can make it hold is bounded: headers, windows, streams, answers.
 */
export class Http2Connection implements FrameSink {
  readonly #outlet: Outlet;
  readonly #now: () => number;
  readonly #reader = new FrameReader(this);
  readonly #heads = new HeadReader();
  readonly #settings = new ClientSettings();
  readonly #streams: StreamTable;
  readonly #idleFrames: TokenBucket;
  #hasSettings = false;
  /** What the block belongs to that is being read, and whether nothing follows it. */
  #blockId = 0;
  #blockEnds = false;
  /** Since when a client keeps us waiting for its settings or for the rest of a block. */
  #waitingSince: number;
  /** How many frames had come when it was last looked at, and since when a frame is unfinished. */
  #framesSeen = 0;
  #frames = 0;
  #unfinishedSince: number | null = null;
  #isClosing = false;
  #isOver = false;

  constructor(outlet: Outlet, service: StreamService, now: () => number) {
    this.#outlet = outlet;
    this.#now = now;
    this.#waitingSince = now();
    this.#idleFrames = new TokenBucket(IDLE_FRAMES_BURST, IDLE_FRAMES_PER_SECOND, now());
    this.#streams = new StreamTable(outlet, service, now, () => this.#endIfDone());
    this.#greet();
  }

  /** Takes what has come, cut anyhow. */
  receive(chunk: Buffer): void {
    if (this.#isOver) return;
    try {
      this.#reader.take(chunk);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** What is to be sent, in order. To be asked for when the outlet was woken, and until there is nothing. */
  takeOutput(): Uint8Array[] {
    const { sender } = this.#streams;
    sender.pump();
    return sender.frames.take();
  }

  /** Ends once the streams that have begun are over; the client is told to go elsewhere with others. */
  close(): void {
    if (this.#isOver || this.#isClosing) return;
    this.#isClosing = true;
    this.#streams.stopBeginning();
    this.#streams.sender.frames.goaway(this.#streams.lastId);
    this.#outlet.wake();
    this.#endIfDone();
  }

  /** The other side is not there any more. */
  lose(): void {
    this.#isOver = true;
    this.#streams.closeAll();
  }

  /** Whether the client has begun as HTTP/2 begins: it has sent its settings. */
  get hasBegun(): boolean {
    return this.#hasSettings;
  }

  /** Since when there is no stream; null while there is one. */
  get idleSince(): number | null {
    return this.#hasSettings ? this.#streams.emptySince : this.#waitingSince;
  }

  /** Bytes of answers that wait in streams. */
  get unread(): number {
    return this.#streams.sender.queued;
  }

  /** Ends a connection, or a stream, on which a client has kept us waiting too long. */
  expire(now: number, { beginMs, stalledMs }: WaitLimits): void {
    if (this.#isOver) return;
    const isWaiting = !this.#hasSettings || this.#heads.isWithinBlock;
    const isSlow = isWaiting && now - this.#waitingSince >= beginMs;
    if (isSlow || this.#isWithinFrame(now, beginMs))
      this.#fail(new ConnectionError(Code.enhanceYourCalm, "too slow"));
    else this.#streams.expire(now, stalledMs);
  }

  /** Whether a frame has begun so long ago and not ended. */
  #isWithinFrame(now: number, ms: number): boolean {
    const isNew = this.#framesSeen !== this.#frames;
    this.#framesSeen = this.#frames;
    if (!this.#reader.isWithinFrame) this.#unfinishedSince = null;
    else if (isNew || this.#unfinishedSince === null) this.#unfinishedSince = now;
    return this.#unfinishedSince !== null && now - this.#unfinishedSince >= ms;
  }

  onFrame(type: number, flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    if (this.#isOver) return;
    this.#frames += 1;
    if (!this.#hasSettings && type !== Frame.settings) throw protocolError("the first frame sets nothing");
    if (this.#heads.isWithinBlock && (type !== Frame.continuation || id !== this.#blockId))
      throw protocolError("a block of headers is interrupted");
    if (type === Frame.data) this.#onData(flags, id, bytes, from, to);
    else if (type === Frame.headers) this.#onHeaders(flags, id, bytes, from, to);
    else if (type === Frame.windowUpdate) this.#onWindowUpdate(id, bytes, from, to);
    else if (type === Frame.rstStream) this.#onRstStream(id, to - from);
    else if (type === Frame.ping) this.#onPing(flags, id, bytes, from, to);
    else if (type === Frame.settings) this.#onSettings(flags, id, bytes, from, to);
    else if (type === Frame.continuation) this.#onContinuation(flags, bytes, from, to);
    else if (type === Frame.goaway) onGoaway(id, to - from);
    else if (type === Frame.priority) this.#onPriority(id, to - from);
    else if (type === Frame.pushPromise) throw protocolError("clients promise nothing");
    else this.#spendIdleFrame();
  }

  #greet(): void {
    this.#streams.sender.frames.settings([
      [Setting.maxConcurrentStreams, STREAMS_MAX],
      [Setting.initialWindowSize, STREAM_WINDOW_BYTES],
      [Setting.maxHeaderListSize, HEAD_BYTES_MAX],
    ]);
    this.#streams.begin();
    this.#outlet.wake();
  }

  #onData(flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    const span: Span = [from, to];
    const isEnd = (flags & Flag.endStream) !== 0;
    if (from === to && !isEnd) this.#spendIdleFrame();
    this.#streams.onData(id, bytes, span, unpadded(flags, bytes, span), isEnd);
  }

  #onHeaders(flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    if (id === 0) throw protocolError("headers of no stream");
    const [begin, end] = unpadded(flags, bytes, [from, to]);
    const block = begin + ((flags & Flag.priority) === 0 ? 0 : PRIORITY_BYTES);
    if (block > end) throw frameSizeError("headers");
    this.#blockId = id;
    this.#blockEnds = (flags & Flag.endStream) !== 0;
    this.#waitingSince = this.#now();
    this.#onPiece(flags, bytes.subarray(block, end));
  }

  #onContinuation(flags: number, bytes: Buffer, from: number, to: number): void {
    if (!this.#heads.isWithinBlock) throw protocolError("nothing to be continued");
    this.#onPiece(flags, bytes.subarray(from, to));
  }

  #onPiece(flags: number, piece: Buffer): void {
    if ((flags & Flag.endHeaders) === 0) this.#heads.add(piece);
    else this.#streams.onHead(this.#blockId, this.#heads.end(piece), this.#blockEnds);
  }

  /** Who is to be served first is not for clients to say (section 5.3.2). */
  #onPriority(id: number, length: number): void {
    if (id === 0) throw protocolError("a priority of no stream");
    if (length !== PRIORITY_BYTES) throw frameSizeError("a priority");
    this.#spendIdleFrame();
  }

  #onRstStream(id: number, length: number): void {
    if (length !== 4) throw frameSizeError("a reset");
    this.#streams.onReset(id);
  }

  #onSettings(flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    if (id !== 0) throw protocolError("settings of a stream");
    if ((flags & Flag.ack) !== 0) {
      if (to > from) throw frameSizeError("an acknowledgement of settings");
      this.#spendIdleFrame();
      return;
    }
    if (this.#hasSettings) this.#spendIdleFrame();
    this.#hasSettings = true;
    const { sender } = this.#streams;
    const before = sender.streamWindowBytes;
    this.#settings.read(bytes, from, to);
    sender.streamWindowBytes = this.#settings.streamWindowBytes;
    sender.frames.settingsAck();
    this.#streams.changeWindows(sender.streamWindowBytes - before);
    this.#outlet.wake();
  }

  #onPing(flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    if (id !== 0) throw protocolError("a ping of a stream");
    if (to - from !== 8) throw frameSizeError("a ping");
    if ((flags & Flag.ack) === 0) {
      this.#streams.sender.frames.pingAck(bytes.subarray(from, to));
      this.#outlet.wake();
    } else this.#spendIdleFrame();
  }

  #onWindowUpdate(id: number, bytes: Buffer, from: number, to: number): void {
    if (to - from !== 4) throw frameSizeError("a window");
    const opened = bytes.readUInt32BE(from) & 0x7fff_ffff;
    if (id !== 0) this.#streams.onWindowUpdate(id, opened);
    else if (opened === 0) throw protocolError("a window that opens by nothing");
    else if (!this.#streams.sender.openWindow(opened))
      throw new ConnectionError(Code.flowControlError, "a window that is too large");
  }

  #spendIdleFrame(): void {
    if (!this.#idleFrames.spend(this.#now()))
      throw new ConnectionError(Code.enhanceYourCalm, "too many frames without a purpose");
  }

  #endIfDone(): void {
    if (this.#isOver || !this.#isClosing || !this.#streams.isEmpty) return;
    this.#isOver = true;
    this.#outlet.end();
  }

  #fail(error: unknown): void {
    const isTheirs = error instanceof ConnectionError;
    // A bug of ours ends this connection, and whoever runs the server learns of it.
    if (!isTheirs) process.emitWarning(error instanceof Error ? error : String(error));
    this.#isOver = true;
    const code = isTheirs ? error.code : Code.internalError;
    this.#streams.sender.frames.goaway(this.#streams.lastId, code, isTheirs ? error.message : "");
    this.#streams.closeAll();
    this.#outlet.end();
  }
}

const PRIORITY_BYTES = 5;

/** What is left of a payload without its padding (section 6.1). */
function unpadded(flags: number, bytes: Buffer, span: Span): Span {
  if ((flags & Flag.padded) === 0) return span;
  const [from, to] = span;
  const padding = from < to ? bytes[from]! : 0;
  if (from + 1 + padding > to) throw protocolError("more padding than there is payload");
  return [from + 1, to - padding];
}

/** The client begins nothing more. What it has begun goes on. */
function onGoaway(id: number, length: number): void {
  if (id !== 0) throw protocolError("a farewell of a stream");
  if (length < 8) throw frameSizeError("a farewell");
}

function frameSizeError(what: string): ConnectionError {
  return new ConnectionError(Code.frameSizeError, `${what} of a length that cannot be`);
}
