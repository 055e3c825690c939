import { Code, Flag, FRAME_HEAD_BYTES, Frame } from "./protocol.ts";

/** A slab is as long as some batches like the last one, within these bounds: few batches lie on two. */
const SLAB_BYTES_MIN = 2 * 1024;
const SLAB_BYTES_MAX = 64 * 1024;
const BATCHES_IN_SLAB = 8;
/** Longer pieces are sent from where they are. */
const COPIED_BYTES_MAX = 4 * 1024;

/** Gathers frames until they are taken to be sent together. */
export class FrameWriter {
  #slab: Buffer = Buffer.allocUnsafe(0);
  /** What is written of the slab and not among the parts yet. */
  #from = 0;
  #to = 0;
  #parts: Uint8Array[] = [];
  #length = 0;
  #lastBatchBytes = 0;

  /** Bytes that wait to be taken. */
  get length(): number {
    return this.#length;
  }

  /** What was written since the last time. */
  take(): Uint8Array[] {
    this.#cut();
    const parts = this.#parts;
    this.#parts = [];
    if (this.#length > 0) this.#lastBatchBytes = this.#length;
    this.#length = 0;
    return parts;
  }

  data(streamId: number, bytes: Uint8Array, from: number, to: number): void {
    this.#head(to - from, Frame.data, 0, streamId);
    if (from === 0 && to === bytes.length) this.#put(bytes);
    else this.#put(bytes.subarray(from, to));
  }

  /** The block must fit into one frame. */
  headers(streamId: number, block: Uint8Array, isEnd: boolean): void {
    this.#head(
      block.length,
      Frame.headers,
      isEnd ? Flag.endHeaders | Flag.endStream : Flag.endHeaders,
      streamId,
    );
    this.#put(block);
  }

  rstStream(streamId: number, code: number): void {
    this.#head(4, Frame.rstStream, 0, streamId);
    this.#uint32(code);
  }

  settings(values: readonly (readonly [id: number, value: number])[]): void {
    this.#head(values.length * 6, Frame.settings, 0, 0);
    for (const [id, value] of values) {
      this.#put(Uint8Array.of(id >>> 8, id));
      this.#uint32(value);
    }
  }

  settingsAck(): void {
    this.#head(0, Frame.settings, Flag.ack, 0);
  }

  pingAck(payload: Uint8Array): void {
    this.#head(payload.length, Frame.ping, Flag.ack, 0);
    this.#put(payload);
  }

  windowUpdate(streamId: number, bytes: number): void {
    this.#head(4, Frame.windowUpdate, 0, streamId);
    this.#uint32(bytes);
  }

  goaway(lastStreamId: number, code: number = Code.noError, text = ""): void {
    const said = Buffer.from(text);
    this.#head(8 + said.length, Frame.goaway, 0, 0);
    this.#uint32(lastStreamId);
    this.#uint32(code);
    this.#put(said);
  }

  #head(length: number, type: number, flags: number, streamId: number): void {
    this.#make(FRAME_HEAD_BYTES);
    const slab = this.#slab;
    let at = this.#to;
    slab[at++] = length >>> 16;
    slab[at++] = length >>> 8;
    slab[at++] = length;
    slab[at++] = type;
    slab[at++] = flags;
    slab[at++] = streamId >>> 24;
    slab[at++] = streamId >>> 16;
    slab[at++] = streamId >>> 8;
    slab[at++] = streamId;
    this.#advance(FRAME_HEAD_BYTES);
  }

  #uint32(value: number): void {
    this.#make(4);
    this.#slab.writeUInt32BE(value, this.#to);
    this.#advance(4);
  }

  #put(bytes: Uint8Array): void {
    if (bytes.length > COPIED_BYTES_MAX) {
      this.#cut();
      this.#parts.push(bytes);
      this.#length += bytes.length;
    } else {
      this.#make(bytes.length);
      this.#slab.set(bytes, this.#to);
      this.#advance(bytes.length);
    }
  }

  #advance(bytes: number): void {
    this.#to += bytes;
    this.#length += bytes;
  }

  #make(room: number): void {
    if (this.#slab.length - this.#to >= room) return;
    this.#cut();
    // Sent bytes belong to the socket until they are gone: a slab is not used twice.
    const bytes = Math.max(SLAB_BYTES_MIN, this.#lastBatchBytes * BATCHES_IN_SLAB, room);
    this.#slab = Buffer.allocUnsafeSlow(Math.min(SLAB_BYTES_MAX, bytes));
    this.#from = 0;
    this.#to = 0;
  }

  #cut(): void {
    if (this.#to > this.#from) this.#parts.push(this.#slab.subarray(this.#from, this.#to));
    this.#from = this.#to;
  }
}
