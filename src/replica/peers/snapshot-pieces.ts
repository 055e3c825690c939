import { ByteWriter } from "../../base/bytes.ts";
import type { Clock } from "../../base/clock.ts";

/**
 * What is written at once: as many chunks as fit in here and in a slice of time. Under load each write waits for a whole
 * turn of the event loop; a snapshot that took one chunk in each would fall behind the log for good.
 */
const PIECE_BYTES = 1024 * 1024;
const SLICE_MS = 4;

/** The chunks of a snapshot, gathered into pieces. */
export class SnapshotPieces {
  readonly #chunks: Iterator<Uint8Array>;
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #gathered = new ByteWriter();
  /** A chunk that the last piece had no room for. */
  #ahead: Uint8Array | null = null;

  constructor(chunks: Iterable<Uint8Array>, clock: Pick<Clock, "monotonic">) {
    this.#chunks = chunks[Symbol.iterator]();
    this.#clock = clock;
  }

  /** The next piece, which may be empty and is good until the one after it; null at the end. */
  next(): Uint8Array | null {
    this.#gathered.reset();
    const begin = this.#clock.monotonic();
    let spent = 0;
    do {
      const chunk = this.#takeChunk();
      if (chunk === null) return this.#gathered.length === 0 ? null : this.#gathered.written();
      if (this.#gathered.length === 0 && chunk.length >= PIECE_BYTES) return chunk;
      if (this.#gathered.length + chunk.length > PIECE_BYTES) {
        this.#ahead = chunk;
        break;
      }
      this.#gathered.bytes(chunk);
      spent = this.#clock.monotonic() - begin;
      // Where time stands still within a turn, as in a simulation, each chunk has a turn of its own.
    } while (spent > 0 && spent < SLICE_MS);
    return this.#gathered.written();
  }

  /** Nothing more is wanted. */
  stop(): void {
    this.#chunks.return?.();
  }

  #takeChunk(): Uint8Array | null {
    if (this.#ahead !== null) {
      const chunk = this.#ahead;
      this.#ahead = null;
      return chunk;
    }
    const { done, value } = this.#chunks.next();
    return done === true ? null : value;
  }
}
