import type { Field } from "./static-table.ts";

/** What a field counts for beside its letters (RFC 7541, section 4.1). */
const FIELD_OVERHEAD_BYTES = 32;

export function fieldBytes({ name, value }: Field): number {
  return name.length + value.length + FIELD_OVERHEAD_BYTES;
}

/** The fields that were sent last, the newest first. The oldest make room for new ones (RFC 7541, section 4). */
export class DynamicTable {
  /** A ring: what is added moves nothing. */
  readonly #ring: (Field | undefined)[];
  #newest = 0;
  #count = 0;
  #bytes = 0;
  #bytesMax: number;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
    this.#ring = new Array<Field | undefined>(Math.floor(bytesMax / FIELD_OVERHEAD_BYTES)).fill(undefined);
  }

  /** The field with so many newer ones before it. */
  at(place: number): Field | undefined {
    if (place >= this.#count) return undefined;
    return this.#ring[(this.#newest - place + this.#ring.length) % this.#ring.length];
  }

  /** A field that is larger than the table empties it, and is not kept. */
  add(field: Field): void {
    const bytes = fieldBytes(field);
    this.#shrink(this.#bytesMax - bytes);
    if (bytes > this.#bytesMax) return;
    this.#newest = (this.#newest + 1) % this.#ring.length;
    this.#ring[this.#newest] = field;
    this.#count += 1;
    this.#bytes += bytes;
  }

  /** At most what it was made for. */
  resize(bytesMax: number): void {
    this.#bytesMax = bytesMax;
    this.#shrink(bytesMax);
  }

  #shrink(bytesMax: number): void {
    while (this.#count > 0 && this.#bytes > bytesMax) {
      const oldest = (this.#newest - this.#count + 1 + this.#ring.length) % this.#ring.length;
      this.#bytes -= fieldBytes(this.#ring[oldest]!);
      this.#ring[oldest] = undefined;
      this.#count -= 1;
    }
  }
}
