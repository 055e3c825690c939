import { EMPTY_BYTES, MalformedBytes } from "../../base/bytes.ts";
import { crc32 } from "../../base/checksum.ts";

/**
 * How frames lie in a stream of bytes: `length u32 | payload checksum u32 | header checksum u32 | payload`,
 * little-endian. The checksums find damage that TCP's own lets through. The header has one of its own, so that a
 * damaged length is noticed as soon as the header is complete: nobody waits for bytes that were never sent.
 */
export const FRAME_HEADER_BYTES = 12;

/** What the header checksum covers: length and payload checksum. */
const SUMMED_BYTES = 8;

/** Frames ready to be written, side by side in one piece: one write is far cheaper than one for each frame. */
export function encodeFrames(payloads: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const payload of payloads) length += FRAME_HEADER_BYTES + payload.length;

  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  let offset = 0;
  for (const payload of payloads) {
    view.setUint32(offset, payload.length, true);
    view.setUint32(offset + 4, crc32(payload), true);
    view.setUint32(offset + SUMMED_BYTES, headerChecksum(bytes, offset), true);
    bytes.set(payload, offset + FRAME_HEADER_BYTES);
    offset += FRAME_HEADER_BYTES + payload.length;
  }
  return bytes;
}

function headerChecksum(bytes: Uint8Array, at: number): number {
  return crc32(bytes.subarray(at, at + SUMMED_BYTES));
}

/**
 * Finds the frames in what arrives. A frame that lies whole in one piece is given as a view of it; one that is spread
 * over several is gathered in memory that grows with what has arrived, never with what a length promises.
 */
export class FrameDecoder {
  /** Longer payloads are refused as soon as their length is known. */
  frameBytesMax: number;

  #input: Uint8Array = EMPTY_BYTES;
  /** The start of a frame whose end has not arrived. */
  #gathered: Uint8Array = EMPTY_BYTES;
  #gatheredLength = 0;

  constructor(frameBytesMax: number) {
    this.frameBytesMax = frameBytesMax;
  }

  /** Bytes of a frame that has begun and not ended. */
  get unfinishedBytes(): number {
    return this.#gatheredLength;
  }

  /** Takes the next piece. Call `next` until it gives null before the next `push`. */
  push(piece: Uint8Array): void {
    // Not a Buffer: what is cut from one would be a Buffer too, whose `slice` does not copy.
    this.#input = new Uint8Array(piece.buffer, piece.byteOffset, piece.length);
  }

  /** The next payload, or null when more has to arrive. Throws MalformedBytes; the stream is then of no more use. */
  next(): Uint8Array | null {
    const frame = this.#gatheredLength > 0 ? this.#gatherFrame() : this.#viewFrame();
    return frame === null ? null : openFrame(frame);
  }

  #viewFrame(): Uint8Array | null {
    const input = this.#input;
    if (input.length >= FRAME_HEADER_BYTES) {
      const length = this.#frameLength(input);
      if (input.length >= length) {
        this.#input = input.subarray(length);
        return input.subarray(0, length);
      }
    }
    this.#gather(input.length);
    return null;
  }

  #gatherFrame(): Uint8Array | null {
    if (!this.#gather(FRAME_HEADER_BYTES)) return null;
    if (!this.#gather(this.#frameLength(this.#gathered))) return null;

    const frame = this.#gathered.subarray(0, this.#gatheredLength);
    this.#gathered = EMPTY_BYTES;
    this.#gatheredLength = 0;
    return frame;
  }

  /** Moves input until `target` bytes are gathered; whether they are. */
  #gather(target: number): boolean {
    if (this.#gatheredLength >= target) return true;
    const moved = this.#input.subarray(0, target - this.#gatheredLength);
    const length = this.#gatheredLength + moved.length;
    if (length > this.#gathered.length) {
      const grown = new Uint8Array(Math.max(length, Math.min(target, this.#gathered.length * 2)));
      grown.set(this.#gathered.subarray(0, this.#gatheredLength));
      this.#gathered = grown;
    }
    this.#gathered.set(moved, this.#gatheredLength);
    this.#gatheredLength = length;
    this.#input = this.#input.subarray(moved.length);
    return length >= target;
  }

  /** Length of the frame whose header comes first, header included. Throws MalformedBytes on a damaged header. */
  #frameLength(bytes: Uint8Array): number {
    if (headerChecksum(bytes, 0) !== readU32(bytes, SUMMED_BYTES))
      throw new MalformedBytes("frame header with a wrong checksum");
    const length = readU32(bytes, 0);
    if (length > this.frameBytesMax)
      throw new MalformedBytes(`frame of ${length} bytes, above ${this.frameBytesMax}`);
    return FRAME_HEADER_BYTES + length;
  }
}

function openFrame(frame: Uint8Array): Uint8Array {
  const payload = frame.subarray(FRAME_HEADER_BYTES);
  if (crc32(payload) !== readU32(frame, 4)) throw new MalformedBytes("frame with a wrong checksum");
  return payload;
}

function readU32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}
