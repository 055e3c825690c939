import { latin1Text, MalformedBytes } from "../base/bytes.ts";

/** How deep messages may be nested. etcd's own need four, and two more for each transaction within another. */
export const DEPTH_MAX = 32;

/** What may be read from one message that somebody else wrote. */
export interface ReadLimits {
  /** Messages and list elements within it, altogether: a byte of an empty one becomes an object of a hundred. */
  readonly elementsMax?: number;
}

export type WireType = 0 | 1 | 2 | 5;

/**
 * Reads protobuf. Nothing is allocated by a length that has not been checked against the bytes that are there. Throws
 * MalformedBytes.
 */
export class ProtoReader {
  readonly #bytes: Buffer;
  #position = 0;
  #end: number;
  #depth = 0;
  #elementsLeft: number;
  /** A number of 64 bits that was just read: 28 bits, 28 bits, and 8 bits. */
  #low = 0;
  #middle = 0;
  #high = 0;

  constructor(bytes: Uint8Array, { elementsMax = Number.POSITIVE_INFINITY }: ReadLimits = {}) {
    this.#bytes = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#end = bytes.length;
    this.#elementsLeft = elementsMax;
  }

  /** Whether the message that is being read has ended. */
  get isAtEnd(): boolean {
    return this.#position >= this.#end;
  }

  /** The number of the next field, shifted by three, and its wire type. */
  tag(): number {
    const tag = this.uint32();
    if (tag >>> 3 === 0) throw new MalformedBytes("a field without a number");
    return tag;
  }

  /** A number of 32 bits; of a longer one, as protobuf has it, the lowest. */
  uint32(): number {
    this.#readVarint();
    return ((this.#middle << 28) | this.#low) >>> 0;
  }

  bool(): boolean {
    this.#readVarint();
    return (this.#low | this.#middle | this.#high) !== 0;
  }

  /** A signed number of 64 bits; above 2^53 it is rounded, which no comparison with a number of ours can tell. */
  int64(): number {
    this.#readVarint();
    const high = this.#high < 0x80 ? this.#high : this.#high - 0x100;
    return high * 2 ** 56 + this.#middle * 2 ** 28 + this.#low;
  }

  uint64(): bigint {
    this.#readVarint();
    if (this.#high === 0 && this.#middle < 2 ** 24) return BigInt(this.#middle * 2 ** 28 + this.#low);
    return (BigInt(this.#high) << 56n) | (BigInt(this.#middle) << 28n) | BigInt(this.#low);
  }

  /** A view of the bytes of a field that is led by its length. */
  view(): Uint8Array {
    const from = this.#enterLength();
    return this.#bytes.subarray(from, this.#position);
  }

  byteString(): string {
    const from = this.#enterLength();
    return latin1Text(this.#bytes, from, this.#position);
  }

  text(): string {
    const from = this.#enterLength();
    return this.#bytes.toString("utf8", from, this.#position);
  }

  /** Reads a message, or a packed list, that is led by its length. */
  nested<Value>(read: () => Value): Value {
    const length = this.#length();
    if (this.#depth === DEPTH_MAX) throw new MalformedBytes(`nested more than ${DEPTH_MAX} times`);
    const end = this.#end;
    this.#depth += 1;
    this.#end = this.#position + length;
    const value = read();
    this.#end = end;
    this.#depth -= 1;
    return value;
  }

  /** To be called for each message and each element of a list. */
  element(): void {
    this.#elementsLeft -= 1;
    if (this.#elementsLeft < 0) throw new MalformedBytes("too many elements");
  }

  /** Passes over a field that is not known. */
  skip(wireType: number): void {
    if (wireType === 0) this.#readVarint();
    else if (wireType === 2) this.#enterLength();
    else if (wireType === 1) this.#advance(8);
    else if (wireType === 5) this.#advance(4);
    else throw new MalformedBytes(`wire type ${wireType} is not taken`);
  }

  /** Steps over a field that is led by its length, and tells where its bytes begin. */
  #enterLength(): number {
    return this.#advance(this.#length());
  }

  #length(): number {
    this.#readVarint();
    const length = this.#middle * 2 ** 28 + this.#low;
    if (this.#high !== 0 || length > this.#end - this.#position)
      throw new MalformedBytes("a length above what there is");
    return length;
  }

  #advance(length: number): number {
    if (length > this.#end - this.#position) throw new MalformedBytes("the message ends within a field");
    const from = this.#position;
    this.#position += length;
    return from;
  }

  #readVarint(): void {
    this.#low = 0;
    this.#middle = 0;
    this.#high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.#position >= this.#end) throw new MalformedBytes("the message ends within a number");
      const byte = this.#bytes[this.#position++]!;
      const bits = byte & 0x7f;
      if (shift < 28) this.#low |= bits << shift;
      else if (shift < 56) this.#middle |= bits << (shift - 28);
      else this.#high |= (bits << (shift - 56)) & 0xff;
      if (byte < 0x80) return;
    }
    throw new MalformedBytes("a number of more than ten bytes");
  }
}
