import { AssertionError, assert } from "./assert.ts";

const utf8Encoder = new TextEncoder();
const utf8Decoder = new TextDecoder("utf-8");

export const EMPTY_BYTES = new Uint8Array(0);

export function utf8Bytes(text: string): Uint8Array {
  return utf8Encoder.encode(text);
}

export function utf8Text(bytes: Uint8Array): string {
  return utf8Decoder.decode(bytes);
}

/** What Node's buffers can do for any Uint8Array; absent elsewhere. */
interface NativeLatin1 {
  readonly latin1Slice?: (this: Uint8Array, from: number, to: number) => string;
  readonly latin1Write?: (this: Uint8Array, text: string, offset: number, length: number) => number;
}

const { latin1Slice, latin1Write } = (typeof Buffer === "undefined" ? {} : Buffer.prototype) as NativeLatin1;

const utf8Length = typeof Buffer === "undefined" ? undefined : Buffer.byteLength;

const ASCII = /^[\0-\x7f]*$/;

/** Whether a text is the same in ASCII, in latin1 and in UTF-8: everything else takes more bytes there than it has units. */
export function isAscii(text: string): boolean {
  return utf8Length === undefined ? ASCII.test(text) : utf8Length(text) === text.length;
}

/** Below this length a loop is faster than a native call. */
const NATIVE_LENGTH_MIN = 24;

/** The bytes of a byte string: a string whose every unit is below 256, one for each byte. */
export function latin1Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  writeLatin1(bytes, text, 0);
  return bytes;
}

function writeLatin1(bytes: Uint8Array, text: string, offset: number): void {
  if (latin1Write !== undefined && text.length >= NATIVE_LENGTH_MIN) {
    latin1Write.call(bytes, text, offset, text.length);
    return;
  }
  for (let at = 0; at < text.length; at++) bytes[offset + at] = text.charCodeAt(at);
}

/** Bytes as a byte string. Byte strings compare with `<` in byte order. */
export function latin1Text(bytes: Uint8Array, from = 0, to = bytes.length): string {
  if (latin1Slice !== undefined) return latin1Slice.call(bytes, from, to);
  let text = "";
  for (let at = from; at < to; at += 8192) {
    text += String.fromCharCode(...bytes.subarray(at, Math.min(at + 8192, to)));
  }
  return text;
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  for (let at = 0; at < left.length; at++) if (left[at] !== right[at]) return false;
  return true;
}

/**
 * Writes little-endian numbers and bytes one after the other into a buffer that grows. Reuse one writer for many
 * messages: `take` gives a copy of what was written, `written` a view that the next write spoils.
 */
export class ByteWriter {
  #bytes: Uint8Array;
  #view: DataView;
  #length = 0;

  constructor(capacity = 1024) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get length(): number {
    return this.#length;
  }

  reset(): void {
    this.#length = 0;
  }

  u8(value: number): void {
    this.#grow(1);
    this.#bytes[this.#length++] = value;
  }

  u32(value: number): void {
    if (value >>> 0 !== value) unheld(value, "2^32");
    this.#grow(4);
    this.#view.setUint32(this.#length, value, true);
    this.#length += 4;
  }

  /** A safe whole number, in eight bytes as an unsigned 64-bit integer. */
  u64(value: number): void {
    if (!(value >= 0 && value <= Number.MAX_SAFE_INTEGER)) unheld(value, "2^53");
    this.#grow(8);
    this.#view.setUint32(this.#length, value >>> 0, true);
    this.#view.setUint32(this.#length + 4, Math.floor(value / 0x1_0000_0000), true);
    this.#length += 8;
  }

  f64(value: number): void {
    this.#grow(8);
    this.#view.setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  bytes(value: Uint8Array): void {
    this.#grow(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  /** Bytes led by their length in four bytes. */
  block(value: Uint8Array): void {
    this.u32(value.length);
    this.bytes(value);
  }

  /** Text in UTF-8, led by its length in bytes. */
  text(value: string): void {
    this.block(utf8Bytes(value));
  }

  /** A byte string, led by its length in four bytes. */
  latin1(value: string): void {
    this.u32(value.length);
    this.#grow(value.length);
    writeLatin1(this.#bytes, value, this.#length);
    this.#length += value.length;
  }

  /** Overwrites four bytes written earlier: lengths and checksums that are known only at the end. */
  patchU32(offset: number, value: number): void {
    assert(offset + 4 <= this.#length, "a patch lies within what was written");
    this.#view.setUint32(offset, value, true);
  }

  written(from = 0): Uint8Array {
    return this.#bytes.subarray(from, this.#length);
  }

  take(): Uint8Array {
    const taken = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    return taken;
  }

  #grow(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

/** Thrown by `ByteReader` when the bytes end early or a number is out of range; callers turn it into their own refusal. */
export class MalformedBytes extends Error {
  override readonly name = "MalformedBytes";
}

/** Reads what `ByteWriter` wrote. Never reads past the end, never allocates by a length it has not checked. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #offset: number;

  constructor(bytes: Uint8Array, offset = 0) {
    this.#bytes = bytes;
    this.#offset = offset;
  }

  get offset(): number {
    return this.#offset;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  u8(): number {
    const at = this.#advance(1);
    return this.#bytes[at]!;
  }

  u32(): number {
    return this.#u32At(this.#advance(4));
  }

  u64(): number {
    const at = this.#advance(8);
    const value = this.#u32At(at + 4) * 0x1_0000_0000 + this.#u32At(at);
    if (!Number.isSafeInteger(value)) throw new MalformedBytes("number above 2^53");
    return value;
  }

  f64(): number {
    const { buffer, byteOffset, length } = this.#bytes;
    return new DataView(buffer, byteOffset, length).getFloat64(this.#advance(8), true);
  }

  /** A view of the next bytes: it shares memory with the input. */
  bytes(length: number): Uint8Array {
    const at = this.#advance(length);
    return this.#bytes.subarray(at, at + length);
  }

  block(): Uint8Array {
    return this.bytes(this.u32());
  }

  text(): string {
    return utf8Text(this.block());
  }

  /** What `ByteWriter.latin1` wrote. */
  latin1(): string {
    const length = this.u32();
    const at = this.#advance(length);
    return latin1Text(this.#bytes, at, at + length);
  }

  /** Claims that nothing is left. */
  end(): void {
    if (this.remaining !== 0) throw new MalformedBytes(`${this.remaining} bytes left over`);
  }

  /** Byte by byte: a reader lives for one message, and a view for it costs more than all that it reads. */
  #u32At(at: number): number {
    const bytes = this.#bytes;
    return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
  }

  #advance(length: number): number {
    const at = this.#offset;
    if (length > this.#bytes.length - at)
      throw new MalformedBytes(`needs ${length} bytes, has ${this.remaining}`);
    this.#offset = at + length;
    return at;
  }
}

/** A number that was cut short would be read as another. */
function unheld(value: number, limit: string): never {
  throw new AssertionError(`${value} is no whole number below ${limit}`);
}
