/** A buffer that has grown beyond this is not kept for the next message. */
const KEPT_BYTES_MAX = 1024 * 1024;
/** Large numbers of which the bytes are kept. */
const KEPT_DIGITS_MAX = 64;

/**
 * Writes protobuf from the end towards the front, fields and list elements last to first: so the length of a message is
 * known when it is due, and nothing is moved or measured twice.
 */
export class ProtoWriter {
  #bytes = Buffer.allocUnsafeSlow(4096);
  /** Where what has been written begins. */
  #start = this.#bytes.length;
  readonly #digits = new Map<bigint, Uint8Array>();

  /** Bytes written so far. */
  get length(): number {
    return this.#bytes.length - this.#start;
  }

  /** A copy of what was written; the writer is then as new. */
  take(): Uint8Array {
    const taken = Buffer.from(this.#bytes.subarray(this.#start));
    if (this.#bytes.length > KEPT_BYTES_MAX) this.#bytes = Buffer.allocUnsafeSlow(4096);
    this.#start = this.#bytes.length;
    return taken;
  }

  tag(number: number, wireType: number): void {
    this.uint(number * 8 + wireType);
  }

  /** A safe whole number that is not negative. */
  uint(value: number): void {
    this.#grow(8);
    let length = 1;
    for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) length += 1;
    this.#start -= length;
    let rest = value;
    for (let at = this.#start; at < this.#start + length - 1; at++) {
      this.#bytes[at] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#start + length - 1] = rest;
  }

  int64(value: number): void {
    if (value >= 0) this.uint(value);
    else this.uint64(BigInt.asUintN(64, BigInt(value)));
  }

  uint64(value: bigint): void {
    if (value <= Number.MAX_SAFE_INTEGER) {
      this.uint(Number(value));
      return;
    }
    this.bytes(this.#digitsOf(value));
  }

  bytes(value: Uint8Array): void {
    this.#grow(value.length);
    this.#start -= value.length;
    this.#bytes.set(value, this.#start);
  }

  byteString(value: string): void {
    this.#grow(value.length);
    this.#start -= value.length;
    this.#bytes.write(value, this.#start, "latin1");
  }

  text(value: string): void {
    const length = Buffer.byteLength(value);
    this.#grow(length);
    this.#start -= length;
    this.#bytes.write(value, this.#start, "utf8");
  }

  /** Large numbers are names of clusters and members: few, and in every answer. */
  #digitsOf(value: bigint): Uint8Array {
    const known = this.#digits.get(value);
    if (known !== undefined) return known;
    const digits: number[] = [];
    for (let rest = value; rest > 0n; rest >>= 7n) digits.push(Number(rest & 0x7fn) | 0x80);
    digits[digits.length - 1]! &= 0x7f;
    if (this.#digits.size === KEPT_DIGITS_MAX) this.#digits.clear();
    this.#digits.set(value, Uint8Array.from(digits));
    return this.#digits.get(value)!;
  }

  #grow(more: number): void {
    if (more <= this.#start) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.length + more));
    this.#bytes.copy(grown, grown.length - this.length, this.#start);
    this.#start += grown.length - this.#bytes.length;
    this.#bytes = grown;
  }
}
