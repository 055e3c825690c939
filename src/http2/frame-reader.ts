import { Code, ConnectionError, FRAME_HEAD_BYTES, FRAME_PAYLOAD_BYTES_MAX, PREFACE } from "./protocol.ts";

export interface FrameSink {
  /** The payload is `bytes` between `from` and `to`. */
  onFrame(type: number, flags: number, streamId: number, bytes: Buffer, from: number, to: number): void;
}

/** Cuts what comes from a client into frames, however it was cut on its way. */
export class FrameReader {
  readonly #sink: FrameSink;
  #prefaceBytes = 0;
  /** The beginning of a frame, or nothing. */
  #held: Buffer = Buffer.allocUnsafe(0);
  #heldBytes = 0;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Whether the client has begun as HTTP/2 begins. */
  get hasPreface(): boolean {
    return this.#prefaceBytes === PREFACE.length;
  }

  /** Whether a frame has begun and not ended. */
  get isWithinFrame(): boolean {
    return this.#heldBytes > 0;
  }

  /** Throws ConnectionError, and what the sink throws. */
  take(chunk: Buffer): void {
    let at = this.hasPreface ? 0 : this.#takePreface(chunk);
    if (this.#heldBytes > 0) at = this.#complete(chunk, at);
    while (chunk.length - at >= FRAME_HEAD_BYTES) {
      const size = frameSize(chunk, at);
      if (chunk.length - at < size) break;
      this.#emit(chunk, at, size);
      at += size;
    }
    if (at < chunk.length) this.#hold(chunk, at);
  }

  #takePreface(chunk: Buffer): number {
    const length = Math.min(chunk.length, PREFACE.length - this.#prefaceBytes);
    const end = this.#prefaceBytes + length;
    if (PREFACE.compare(chunk, 0, length, this.#prefaceBytes, end) !== 0)
      throw new ConnectionError(Code.protocolError, "this is not how HTTP/2 begins");
    this.#prefaceBytes = end;
    return length;
  }

  /** Adds to the frame that has begun what belongs to it, and tells where the chunk goes on. */
  #complete(chunk: Buffer, from: number): number {
    const at = this.#fill(chunk, from, FRAME_HEAD_BYTES);
    if (this.#heldBytes < FRAME_HEAD_BYTES) return at;
    const size = frameSize(this.#held, 0);
    const end = this.#fill(chunk, at, size);
    if (this.#heldBytes === size) {
      const frame = this.#held;
      this.#heldBytes = 0;
      // What a sink keeps of it must not change when the next one is held.
      this.#held = Buffer.allocUnsafe(0);
      this.#emit(frame, 0, size);
    }
    return end;
  }

  #hold(chunk: Buffer, from: number): void {
    const size = chunk.length - from < FRAME_HEAD_BYTES ? FRAME_HEAD_BYTES : frameSize(chunk, from);
    this.#fill(chunk, from, size);
  }

  /** Takes bytes until `size` of them are held. */
  #fill(chunk: Buffer, from: number, size: number): number {
    if (this.#held.length < size) {
      const grown = Buffer.allocUnsafe(size);
      this.#held.copy(grown, 0, 0, this.#heldBytes);
      this.#held = grown;
    }
    const to = Math.min(chunk.length, from + Math.max(0, size - this.#heldBytes));
    this.#heldBytes += chunk.copy(this.#held, this.#heldBytes, from, to);
    return to;
  }

  #emit(bytes: Buffer, at: number, size: number): void {
    const streamId = bytes.readUInt32BE(at + 5) & 0x7fff_ffff;
    this.#sink.onFrame(bytes[at + 3]!, bytes[at + 4]!, streamId, bytes, at + FRAME_HEAD_BYTES, at + size);
  }
}

/** How long the frame that begins here is, with its head. */
function frameSize(bytes: Buffer, at: number): number {
  const length = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
  if (length > FRAME_PAYLOAD_BYTES_MAX)
    throw new ConnectionError(Code.frameSizeError, `a frame of ${length} bytes`);
  return FRAME_HEAD_BYTES + length;
}
