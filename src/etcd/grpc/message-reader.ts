import { ByteAccumulator } from "../../http2/byte-accumulator.ts";
import { Grpc, RpcError } from "../../wire/status.ts";

/** In front of each message: whether it is compressed, and its length. */
export const PREFIX_BYTES = 5;

/** Accounts for what is held of messages that are not complete yet. */
export interface ReassemblyBudget {
  /** Throws RpcError when that is too much. */
  hold(bytes: number): void;
  free(bytes: number): void;
}

/** Puts the messages of one call together. A message is refused by its length, before the rest of it is taken in. */
export class MessageReader {
  readonly #lengthMax: number;
  readonly #unfinished: ReassemblyBudget;
  /** Made on demand: most messages come in one piece. */
  #held: ByteAccumulator | null = null;
  /** How many bytes make the next step possible: a prefix, or a whole message. */
  #needed = PREFIX_BYTES;

  constructor(lengthMax: number, unfinished: ReassemblyBudget) {
    this.#lengthMax = lengthMax;
    this.#unfinished = unfinished;
  }

  /** Tells the messages that the chunk completes. Throws RpcError. */
  take(chunk: Buffer, onMessage: (message: Uint8Array) => void): void {
    if (this.isBetweenMessages) this.#read(chunk, onMessage);
    else {
      this.#hold(chunk);
      if (this.#heldBytes >= this.#needed) this.#read(this.#release(), onMessage);
    }
  }

  /** Whether the call may end here. */
  get isBetweenMessages(): boolean {
    return this.#heldBytes === 0;
  }

  drop(): void {
    if (this.#heldBytes > 0) this.#release();
  }

  get #heldBytes(): number {
    return this.#held === null ? 0 : this.#held.length;
  }

  #read(bytes: Buffer, onMessage: (message: Uint8Array) => void): void {
    let at = 0;
    this.#needed = PREFIX_BYTES;
    while (bytes.length - at >= PREFIX_BYTES) {
      const size = PREFIX_BYTES + this.#lengthAt(bytes, at);
      if (bytes.length - at < size) {
        this.#needed = size;
        break;
      }
      const from = at + PREFIX_BYTES;
      at += size;
      onMessage(bytes.subarray(from, at));
    }
    if (at < bytes.length) this.#hold(at === 0 ? bytes : bytes.subarray(at));
  }

  #hold(bytes: Buffer): void {
    this.#held ??= new ByteAccumulator();
    this.#held.add(bytes);
    this.#unfinished.hold(bytes.length);
  }

  #release(): Buffer {
    const bytes = this.#held!.take();
    this.#unfinished.free(bytes.length);
    return bytes;
  }

  #lengthAt(bytes: Buffer, at: number): number {
    const length = bytes.readUInt32BE(at + 1);
    if (length > this.#lengthMax) {
      const message = `grpc: received message larger than max (${length} vs. ${this.#lengthMax})`;
      throw new RpcError(Grpc.resourceExhausted, message);
    }
    // A small message could grow without bound when it is unpacked.
    if (bytes[at] === 1) throw new RpcError(Grpc.unimplemented, "grpc: compressed messages are not taken");
    if (bytes[at] !== 0)
      throw new RpcError(Grpc.internal, `grpc: received unexpected payload format ${bytes[at]}`);
    return length;
  }
}
