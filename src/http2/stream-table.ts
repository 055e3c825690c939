import { TokenBucket } from "../base/token-bucket.ts";
import { ReceiveWindow } from "./flow-window.ts";
import { headerBlock } from "./header-block.ts";
import { Http2Stream, type StreamHost, type StreamReceiver } from "./http2-stream.ts";
import { Code, ConnectionError, protocolError, WINDOW_BYTES_DEFAULT } from "./protocol.ts";
import type { RequestHead } from "./request-head.ts";
import { type Outlet, Sender } from "./sender.ts";

/** Calls at a time on one connection. An API server of Kubernetes has some hundred watches on a few connections. */
export const STREAMS_MAX = 4096;
/** What a client may send on all streams together before it is taken in: what calls that are paused may hold. */
const WINDOW_BYTES = 16 * 1024 * 1024;
/** No new calls are taken while so much of the answers to others waits in memory. */
const QUEUED_BYTES_MAX = 256 * 1024 * 1024;

/** Streams that a client may take back, or have taken back by its errors, before they are answered (CVE-2023-44487). */
const RESETS_BURST = 1_000;
const RESETS_PER_SECOND = 100;

const TOO_LARGE = headerBlock(431, {});

/** What is served on a connection. */
export interface StreamService {
  /** A request has begun: its head is known. Whoever is returned hears of the rest. */
  open(stream: Http2Stream): StreamReceiver;
  /** A stream that was opened is over. */
  closed?(): void;
  /** So many bytes more, or fewer, are kept for a stream that is paused. False where that is too much. */
  hold?(bytes: number): boolean;
  /** Some of an answer has to wait for its client. */
  queued?(): void;
  /** The client has not taken anything of an answer for too long: the stream ends. */
  stalled?(): void;
}

/** The streams of one connection: which there are, what they may send, and how they end. */
export class StreamTable implements StreamHost {
  readonly sender: Sender;
  readonly #outlet: Outlet;
  readonly #service: StreamService;
  readonly #now: () => number;
  readonly #onEmpty: () => void;
  readonly #streams = new Map<number, Http2Stream>();
  readonly #window = new ReceiveWindow(WINDOW_BYTES);
  readonly #resets: TokenBucket;
  /** The last stream that the client has begun. */
  #lastId = 0;
  /** The last one that was cut off here: of those before it, frames may still be on their way. */
  #lastResetId = 0;
  #isClosing = false;
  #emptySince: number | null;

  constructor(outlet: Outlet, service: StreamService, now: () => number, onEmpty: () => void) {
    this.#outlet = outlet;
    this.#service = service;
    this.#now = now;
    this.#onEmpty = onEmpty;
    this.#emptySince = now();
    this.#resets = new TokenBucket(RESETS_BURST, RESETS_PER_SECOND, now());
    this.sender = new Sender(outlet, {
      onQueued: () => service.queued?.(),
      onDrained: (id) => this.#streams.get(id)?.drained(),
      onEnded: (id) => this.#onEnded(this.#streams.get(id)),
    });
  }

  get lastId(): number {
    return this.#lastId;
  }

  get isEmpty(): boolean {
    return this.#streams.size === 0;
  }

  /** Since when there is no stream; null while there is one. */
  get emptySince(): number | null {
    return this.#emptySince;
  }

  /** Ends the streams whose clients have not read for so long. */
  expire(now: number, stalledMs: number): void {
    for (const { streamId } of this.sender.stalled(now, stalledMs)) {
      const stream = this.#streams.get(streamId);
      if (stream === undefined) continue;
      this.#service.stalled?.();
      this.reset(stream, Code.cancel);
    }
  }

  /** Opens the window of the connection to what we take; at first it is what it is for everybody. */
  begin(): void {
    this.sender.frames.windowUpdate(0, WINDOW_BYTES - WINDOW_BYTES_DEFAULT);
  }

  /** Begins no more streams. */
  stopBeginning(): void {
    this.#isClosing = true;
  }

  /** The stream of this number, or undefined if it was cut off here. Throws for one that never was, or is over. */
  begun(id: number): Http2Stream | undefined {
    if (id === 0 || id > this.#lastId) throw protocolError("a frame of a stream that has not begun");
    const stream = this.#streams.get(id);
    if (stream === undefined && id > this.#lastResetId)
      throw new ConnectionError(Code.streamClosed, "a frame of a stream that is over");
    return stream;
  }

  /** A head has come: of a new request, or behind one. */
  onHead(id: number, head: RequestHead, isEnd: boolean): void {
    if (id > this.#lastId) this.#open(id, head, isEnd);
    else {
      const stream = this.begun(id);
      if (stream === undefined) return;
      if (stream.isHalfClosed) this.#refuse(stream, Code.streamClosed);
      else if (!isEnd || !head.isTrailer) this.#refuse(stream, Code.protocolError);
      else this.#halfClose(stream);
    }
  }

  /** The payload is `bytes` between `from` and `to`, and what it says lies between `begin` and `end`. */
  onData(id: number, bytes: Buffer, [from, to]: Span, [begin, end]: Span, isEnd: boolean): void {
    this.#window.take(to - from);
    const stream = this.begun(id);
    if (stream === undefined || stream.isHalfClosed) {
      this.#free(to - from);
      if (stream !== undefined) this.#refuse(stream, Code.streamClosed);
      return;
    }
    stream.receiveWindow.take(to - from);
    const padding = to - from - (end - begin);
    if (padding > 0) this.free(stream, padding);
    if (end > begin) {
      const error = stream.receive(bytes.subarray(begin, end));
      if (error !== null) this.#refuse(stream, error);
    }
    if (isEnd && !stream.isClosed) this.#halfClose(stream);
  }

  /** The client has taken a stream back. */
  onReset(id: number): void {
    if (id === 0 || id > this.#lastId) throw protocolError("a reset of no stream");
    this.#spendReset();
    const stream = this.#streams.get(id);
    if (stream !== undefined) this.#drop(stream);
  }

  /** A client may open the window of a stream that is over: it reads the end of an answer behind us. */
  onWindowUpdate(id: number, bytes: number): void {
    if (id > this.#lastId) throw protocolError("a window of a stream that has not begun");
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    if (bytes === 0) this.#refuse(stream, Code.protocolError);
    else this.#openWindow(stream, bytes);
  }

  /** The windows of all streams change. */
  changeWindows(bytes: number): void {
    if (bytes !== 0) for (const stream of this.#streams.values()) this.#openWindow(stream, bytes);
  }

  closeAll(): void {
    for (const stream of this.#streams.values()) this.#drop(stream);
  }

  hold(bytes: number): boolean {
    return this.#service.hold?.(bytes) ?? true;
  }

  respond({ outgoing }: Http2Stream, block: Uint8Array): void {
    this.sender.headers(outgoing, block);
  }

  write({ outgoing }: Http2Stream, bytes: Uint8Array): boolean {
    return this.sender.data(outgoing, bytes);
  }

  end({ outgoing }: Http2Stream, block: Uint8Array): void {
    this.sender.end(outgoing, block);
  }

  reset(stream: Http2Stream, code: number): void {
    this.#sendReset(stream.id, code);
    this.#drop(stream);
  }

  free(stream: Http2Stream, bytes: number): void {
    this.#free(bytes);
    if (!stream.isHalfClosed && !stream.isClosed)
      this.#sendWindow(stream.id, stream.receiveWindow.free(bytes));
  }

  #open(id: number, head: RequestHead, isEnd: boolean): void {
    if (id % 2 === 0) throw protocolError("a stream with an even number");
    this.#lastId = id;
    // The client was told which one is the last, and takes others elsewhere.
    if (this.#isClosing) this.#lastResetId = id;
    else if (this.#streams.size >= STREAMS_MAX || this.sender.queued > QUEUED_BYTES_MAX)
      this.#refuseNew(id, Code.refusedStream);
    else if (head.isTooLarge) this.#answerTooLarge(id, isEnd);
    else if (!head.isRequest) this.#refuseNew(id, Code.protocolError);
    else this.#serve(new Http2Stream(id, head, this.sender.streamWindowBytes, this), isEnd);
  }

  #serve(stream: Http2Stream, isEnd: boolean): void {
    this.#streams.set(stream.id, stream);
    this.#emptySince = null;
    stream.begin(this.#service.open(stream));
    if (isEnd && !stream.isClosed) this.#halfClose(stream);
  }

  #answerTooLarge(id: number, isEnd: boolean): void {
    this.#spendReset();
    this.sender.frames.headers(id, TOO_LARGE, true);
    if (isEnd) this.#outlet.wake();
    else this.#sendReset(id, Code.noError);
  }

  #halfClose(stream: Http2Stream): void {
    if (!stream.halfClose()) this.#refuse(stream, Code.protocolError);
    else if (stream.outgoing.isOver) this.#drop(stream);
  }

  #onEnded(stream: Http2Stream | undefined): void {
    if (stream?.isHalfClosed === true) this.#drop(stream);
  }

  #openWindow(stream: Http2Stream, bytes: number): void {
    if (!this.sender.openStream(stream.outgoing, bytes) && !stream.isClosed)
      this.#refuse(stream, Code.flowControlError);
  }

  /** Ends a stream because of what its client has done. */
  #refuse(stream: Http2Stream, code: number): void {
    this.#spendReset();
    this.reset(stream, code);
  }

  #refuseNew(id: number, code: number): void {
    this.#spendReset();
    this.#sendReset(id, code);
  }

  #sendReset(id: number, code: number): void {
    this.#lastResetId = Math.max(this.#lastResetId, id);
    this.sender.frames.rstStream(id, code);
    this.#outlet.wake();
  }

  #spendReset(): void {
    if (!this.#resets.spend(this.#now()))
      throw new ConnectionError(Code.enhanceYourCalm, "too many streams are taken back");
  }

  #free(bytes: number): void {
    this.#sendWindow(0, this.#window.free(bytes));
  }

  #sendWindow(id: number, opened: number): void {
    if (opened === 0) return;
    this.sender.frames.windowUpdate(id, opened);
    this.#outlet.wake();
  }

  #drop(stream: Http2Stream): void {
    if (!this.#streams.delete(stream.id)) return;
    this.sender.forget(stream.outgoing);
    stream.close();
    this.#service.closed?.();
    if (!this.isEmpty) return;
    this.#emptySince = this.#now();
    this.#onEmpty();
  }
}

/** Where something begins and ends. */
export type Span = readonly [begin: number, end: number];
