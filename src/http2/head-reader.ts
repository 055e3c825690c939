import { latin1Text } from "../base/bytes.ts";
import { ByteAccumulator } from "./byte-accumulator.ts";
import { HpackDecoder } from "./hpack-decoder.ts";
import { Code, ConnectionError } from "./protocol.ts";
import { RequestHead } from "./request-head.ts";

/** Bytes of one block, whatever they stand for. */
const BLOCK_BYTES_MAX = 64 * 1024;
/** Pieces of one block: each may be empty. */
const PIECES_MAX = 32;

/** Longer blocks are decoded each time. */
const REMEMBERED_BLOCK_BYTES_MAX = 256;
const REMEMBERED_MAX = 64;

/** Puts the blocks of a connection together and reads them. Clients say the same over and over, in the same bytes. */
export class HeadReader {
  readonly #decoder = new HpackDecoder();
  readonly #remembered = new Map<string, RequestHead>();
  #rememberedAt = 0;
  readonly #gathered = new ByteAccumulator();
  #pieces = 0;

  /** Whether a block has begun and not ended. */
  get isWithinBlock(): boolean {
    return this.#pieces > 0;
  }

  /** A piece that is not the last. Throws ConnectionError where it gets too much, before it is looked at. */
  add(piece: Buffer): void {
    this.#pieces += 1;
    if (this.#pieces > PIECES_MAX || this.#gathered.length + piece.length > BLOCK_BYTES_MAX)
      throw new ConnectionError(Code.enhanceYourCalm, "too many headers");
    this.#gathered.add(piece);
  }

  /** Reads the block that this piece ends. What it returns is shared. Throws ConnectionError. */
  end(piece: Buffer): RequestHead {
    if (!this.isWithinBlock) return this.#read(piece);
    this.add(piece);
    this.#pieces = 0;
    return this.#read(this.#gathered.take());
  }

  #read(block: Buffer): RequestHead {
    if (block.length > REMEMBERED_BLOCK_BYTES_MAX) return this.#decode(block);
    if (this.#rememberedAt !== this.#decoder.changes) this.#remembered.clear();
    const key = latin1Text(block, 0, block.length);
    const known = this.#remembered.get(key);
    if (known !== undefined) return known;
    const before = this.#decoder.changes;
    const head = this.#decode(block);
    // What changed the table means something else the next time.
    if (this.#decoder.changes === before && this.#remembered.size < REMEMBERED_MAX)
      this.#remembered.set(key, head);
    this.#rememberedAt = before;
    return head;
  }

  #decode(block: Buffer): RequestHead {
    const head = new RequestHead();
    this.#decoder.decode(block, (field) => head.add(field));
    return head;
  }
}
