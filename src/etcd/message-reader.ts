import { Grpc, RpcError } from "./status.ts";

/** In front of each message: whether it is compressed, and its length. */
export const PREFIX_BYTES = 5;

/** Bytes of unfinished messages on one connection. */
const UNFINISHED_BYTES_MAX = 64 * 1024 * 1024;

/** What the streams of one connection hold of messages that are not complete yet. */
export class Unfinished {
  #bytes = 0;

  /** Throws when a connection begins too much at once. */
  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes <= UNFINISHED_BYTES_MAX) return;
    throw new RpcError(Grpc.resourceExhausted, "too many unfinished messages on the connection");
  }

  remove(bytes: number): void {
    this.#bytes -= bytes;
  }
}

/** Puts the messages of one call together. A message is refused by its length, before the rest of it is taken in. */
export class MessageReader {
  readonly #lengthMax: number;
  readonly #unfinished: Unfinished;
  #chunks: Buffer[] = [];
  #held = 0;
  /** How many bytes make the next step possible: a prefix, or a whole message. */
  #needed = PREFIX_BYTES;

  constructor(lengthMax: number, unfinished: Unfinished) {
    this.#lengthMax = lengthMax;
    this.#unfinished = unfinished;
  }

  /** The messages that the chunk completes. Throws RpcError. */
  *take(chunk: Buffer): Generator<Uint8Array> {
    this.#chunks.push(chunk);
    this.#held += chunk.length;
    this.#unfinished.add(chunk.length);
    while (this.#held >= this.#needed) {
      const bytes = this.#gathered();
      const needed = PREFIX_BYTES + this.#lengthIn(bytes);
      this.#needed = needed;
      if (bytes.length < needed) return;
      this.#keep(bytes.subarray(needed));
      yield bytes.subarray(PREFIX_BYTES, needed);
    }
  }

  /** Whether the call may end here. */
  get isBetweenMessages(): boolean {
    return this.#held === 0;
  }

  drop(): void {
    this.#unfinished.remove(this.#held);
    this.#chunks = [];
    this.#held = 0;
  }

  #gathered(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0]!;
  }

  #keep(rest: Buffer): void {
    this.#unfinished.remove(this.#held - rest.length);
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#held = rest.length;
    this.#needed = PREFIX_BYTES;
  }

  #lengthIn(bytes: Buffer): number {
    const length = bytes.readUInt32BE(1);
    if (length > this.#lengthMax) {
      const message = `grpc: received message larger than max (${length} vs. ${this.#lengthMax})`;
      throw new RpcError(Grpc.resourceExhausted, message);
    }
    // A small message could grow without bound when it is unpacked.
    if (bytes[0] === 1) throw new RpcError(Grpc.unimplemented, "grpc: compressed messages are not taken");
    if (bytes[0] !== 0)
      throw new RpcError(Grpc.internal, `grpc: received unexpected payload format ${bytes[0]}`);
    return length;
  }
}
