import { FRAME_HEAD_BYTES, PREFACE } from "../../../src/http2/protocol.ts";

/** A frame as it is sent, or was received. */
export interface RawFrame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly payload: Buffer;
}

/** The bytes of a frame, whose length may be a lie. */
export function frame(
  type: number,
  flags: number,
  id: number,
  payload: Uint8Array = Buffer.alloc(0),
  length = payload.length,
): Buffer {
  const head = Buffer.alloc(FRAME_HEAD_BYTES);
  head.writeUIntBE(length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, payload]);
}

/** What is sent back, frame by frame; the last may not be there yet. */
export function framesOf(bytes: Buffer): RawFrame[] {
  const frames: RawFrame[] = [];
  for (let at = 0; bytes.length - at >= FRAME_HEAD_BYTES; ) {
    const end = at + FRAME_HEAD_BYTES + bytes.readUIntBE(at, 3);
    if (end > bytes.length) break;
    const id = bytes.readUInt32BE(at + 5);
    frames.push({ type: bytes[at + 3]!, flags: bytes[at + 4]!, id, payload: bytes.subarray(at + 9, end) });
    at = end;
  }
  return frames;
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function setting(id: number, value: number): Buffer {
  return Buffer.concat([Buffer.from([0, id]), uint32(value)]);
}

/** A field that nobody is to remember, in plain letters. */
export function field(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0]), text(name), text(value)]);
}

/** A text that HPACK does not compress. */
export function text(value: string): Buffer {
  const bytes = Buffer.from(value, "latin1");
  return Buffer.concat([integer(bytes.length, 7), bytes]);
}

/** A number as HPACK writes it, with so many bits in its first byte and others as they are in `rest`. */
export function integer(value: number, bits: number, rest = 0): Buffer {
  const mask = 2 ** bits - 1;
  if (value < mask) return Buffer.from([rest | value]);
  const bytes = [rest | mask];
  let left = value - mask;
  for (; left >= 0x80; left = Math.floor(left / 0x80)) bytes.push((left % 0x80) | 0x80);
  return Buffer.from([...bytes, left]);
}

/** What a well-behaved request begins with. */
export const REQUEST = Buffer.concat([
  field(":method", "POST"),
  field(":scheme", "http"),
  field(":path", "/a"),
  field(":authority", "http://somewhere:1"),
]);

/** How a client begins that changes nothing. */
export const BEGINNING = Buffer.concat([PREFACE, frame(4, 0, 0)]);
