import { connect, type Socket } from "node:net";
import { Random } from "../../src/base/random.ts";

/** Joins connections to a port, and damages what it carries: bit by bit, as faulty hardware does. Seeded. */
export class BitFlipper {
  readonly #random: Random;
  #bytesBetween = Number.POSITIVE_INFINITY;
  #nextBit = -1;
  #allowed = Number.POSITIVE_INFINITY;
  #slow: { readonly bytes: number; readonly ms: number } | null = null;
  /** Bits flipped until now. */
  flipped = 0;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  /** One bit in about so many bytes, in both directions. */
  flipEvery(bytes: number): void {
    this.#bytesBetween = bytes;
  }

  /** This bit of what the dialler sends next. */
  flipNext(bit: number): void {
    this.#nextBit = bit;
  }

  /** So many more bytes of the dialler's, and no other. */
  carryOnly(bytes: number): void {
    this.#allowed = bytes;
  }

  /** So many bytes at a time, with a pause after each. */
  slowDown(bytes: number, ms: number): void {
    this.#slow = { bytes, ms };
  }

  join(near: Socket, port: number): void {
    const far = connect(port, "127.0.0.1");
    near.on("data", (piece: Buffer) => this.#forward(near, far, piece));
    far.on("data", (piece: Buffer) => far.destroyed || near.write(this.#damaged(piece)));
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on("error", () => {});
      from.on("close", () => to.destroy());
    }
  }

  #forward(near: Socket, far: Socket, piece: Buffer): void {
    const carried = this.#damaged(piece.subarray(0, this.#allowed));
    this.#allowed -= carried.length;
    if (this.#slow === null || carried.length <= this.#slow.bytes) {
      if (carried.length > 0) far.write(carried);
      return;
    }
    near.pause();
    const { bytes, ms } = this.#slow;
    const step = (at: number): void => {
      if (far.destroyed) return;
      far.write(carried.subarray(at, at + bytes));
      if (at + bytes < carried.length) setTimeout(step, ms, at + bytes);
      else near.resume();
    };
    step(0);
  }

  #damaged(piece: Buffer): Buffer {
    const damaged = Buffer.from(piece);
    if (this.#nextBit >= 0 && damaged.length > this.#nextBit >> 3) {
      this.#flip(damaged, this.#nextBit);
      this.#nextBit = -1;
    }
    for (let at = 0; at < damaged.length; at++) {
      if (this.#bytesBetween !== Number.POSITIVE_INFINITY && this.#random.fraction() * this.#bytesBetween < 1)
        this.#flip(damaged, at * 8 + this.#random.between(0, 7));
    }
    return damaged;
  }

  #flip(bytes: Buffer, bit: number): void {
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    this.flipped += 1;
  }
}
