import { concatBytes } from "../../base/bytes.ts";

/** Makes chunks of one length out of pieces of any. A chunk that lies within one piece is a view of it. */
export class ChunkCutter {
  readonly #chunkBytes: number;
  #pieces: Uint8Array[] = [];
  #length = 0;

  constructor(chunkBytes: number) {
    this.#chunkBytes = chunkBytes;
  }

  push(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#pieces.push(piece);
    this.#length += piece.length;
  }

  /** The next full chunk; with `isLast` also the short one at the end. Null when there is none. */
  cut(isLast: boolean): Uint8Array | null {
    if (this.#length === 0 || (this.#length < this.#chunkBytes && !isLast)) return null;
    const whole = this.#pieces.length === 1 ? this.#pieces[0]! : concatBytes(this.#pieces);
    const chunk = whole.subarray(0, this.#chunkBytes);
    const rest = whole.subarray(chunk.length);
    this.#pieces = rest.length === 0 ? [] : [rest];
    this.#length = rest.length;
    return chunk;
  }
}
