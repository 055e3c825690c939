import { latin1Text } from "../base/bytes.ts";
import { DynamicTable } from "./dynamic-table.ts";
import { huffmanDecode } from "./huffman.ts";
import { Code, ConnectionError } from "./protocol.ts";
import { type Field, STATIC_TABLE } from "./static-table.ts";

/** How much of what a client sends is remembered for it, unless it is told otherwise (RFC 9113, section 6.5.2). */
const TABLE_BYTES = 4096;

/** No number in a block needs more: five bytes make 32 bits and some. */
const NUMBER_BYTES_MAX = 5;

/** Decodes the fields of one connection, block by block (RFC 7541). A block that is malformed ends the connection. */
export class HpackDecoder {
  readonly #table = new DynamicTable(TABLE_BYTES);
  #changes = 0;
  #bytes: Buffer = EMPTY;
  #at = 0;
  #end = 0;
  #scratch: Buffer = EMPTY;

  /** Grows with each change of the table: as long as it stays, equal blocks mean equal fields. */
  get changes(): number {
    return this.#changes;
  }

  /** Tells each field in turn. Throws ConnectionError. */
  decode(block: Buffer, onField: (field: Field) => void): void {
    this.#bytes = block;
    this.#at = 0;
    this.#end = block.length;
    this.#resizes();
    while (this.#at < this.#end) onField(this.#field());
    this.#bytes = EMPTY;
  }

  /** The table changes its size at the beginning of a block only (section 4.2). */
  #resizes(): void {
    while (this.#at < this.#end && (this.#bytes[this.#at]! & 0xe0) === 0x20) {
      const size = this.#number(5);
      if (size > TABLE_BYTES) throw malformed("a table that is too large");
      this.#table.resize(size);
      this.#changes += 1;
    }
  }

  /** The first bits say what follows (section 6). */
  #field(): Field {
    const byte = this.#bytes[this.#at]!;
    if (byte >= 0x80) return this.#known(this.#number(7));
    if (byte >= 0x40) {
      const field = this.#literal(6);
      this.#table.add(field);
      this.#changes += 1;
      return field;
    }
    if (byte >= 0x20) throw malformed("a table is resized within a block");
    return this.#literal(4);
  }

  #literal(prefixBits: number): Field {
    const number = this.#number(prefixBits);
    const name = number === 0 ? this.#text() : this.#known(number).name;
    return { name, value: this.#text() };
  }

  #known(number: number): Field {
    const field =
      number <= STATIC_TABLE.length
        ? STATIC_TABLE[number - 1]
        : this.#table.at(number - STATIC_TABLE.length - 1);
    if (field === undefined) throw malformed(`there is no field ${number}`);
    return field;
  }

  /** A number begins with the last bits of a byte; where they do not suffice, it goes on in the next ones (section 5.1). */
  #number(prefixBits: number): number {
    const mask = 2 ** prefixBits - 1;
    let value = this.#bytes[this.#at++]! & mask;
    if (value < mask) return value;
    for (let read = 0; read < NUMBER_BYTES_MAX; read++) {
      if (this.#at >= this.#end) throw malformed("a block ends within a number");
      const byte = this.#bytes[this.#at++]!;
      value += (byte & 0x7f) * 2 ** (7 * read);
      if (byte < 0x80) return value;
    }
    throw malformed("a number is too long");
  }

  #text(): string {
    if (this.#at >= this.#end) throw malformed("a block ends before a text");
    const isHuffman = this.#bytes[this.#at]! >= 0x80;
    const length = this.#number(7);
    if (length > this.#end - this.#at) throw malformed("a block ends within a text");
    const from = this.#at;
    this.#at += length;
    if (!isHuffman) return latin1Text(this.#bytes, from, this.#at);
    // The shortest codes have five bits.
    if (this.#scratch.length < length * 2) this.#scratch = Buffer.allocUnsafeSlow(length * 2);
    return latin1Text(this.#scratch, 0, huffmanDecode(this.#bytes, from, this.#at, this.#scratch));
  }
}

const EMPTY = Buffer.alloc(0);

function malformed(what: string): ConnectionError {
  return new ConnectionError(Code.compressionError, what);
}
