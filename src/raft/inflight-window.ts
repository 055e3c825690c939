import type { Index } from "../log/entry.ts";

/**
 * The appends that were sent to a follower and not acknowledged yet, oldest first: a ring that grows up to the
 * number allowed. Full when either the messages or their bytes reach the limit.
 */
export class InflightWindow {
  readonly #messagesMax: number;
  readonly #bytesMax: number;
  #lastIndexes: Index[] = [];
  #sizes: number[] = [];
  #start = 0;
  #count = 0;
  #bytes = 0;

  constructor(messagesMax: number, bytesMax: number) {
    this.#messagesMax = messagesMax;
    this.#bytesMax = bytesMax;
  }

  /** Appends that were sent and not acknowledged. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of the entries in these appends. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether either limit is reached, so that nothing more may be sent. */
  get isFull(): boolean {
    return this.#count >= this.#messagesMax || this.#bytes >= this.#bytesMax;
  }

  /** Remembers a message whose last entry is `lastIndex`. */
  add(lastIndex: Index, bytes: number): void {
    if (this.#count === this.#lastIndexes.length) this.#grow();
    const at = (this.#start + this.#count) % this.#lastIndexes.length;
    this.#lastIndexes[at] = lastIndex;
    this.#sizes[at] = bytes;
    this.#count += 1;
    this.#bytes += bytes;
  }

  /** Forgets the messages that end at `index` or before: the follower holds them. */
  freeTo(index: Index): void {
    while (this.#count > 0 && this.#lastIndexes[this.#start]! <= index) {
      this.#bytes -= this.#sizes[this.#start]!;
      this.#start = (this.#start + 1) % this.#lastIndexes.length;
      this.#count -= 1;
    }
  }

  clear(): void {
    this.#start = 0;
    this.#count = 0;
    this.#bytes = 0;
  }

  #grow(): void {
    const capacity = Math.max(8, this.#lastIndexes.length * 2);
    const lastIndexes = new Array<Index>(capacity).fill(0);
    const sizes = new Array<number>(capacity).fill(0);
    for (let at = 0; at < this.#count; at++) {
      const from = (this.#start + at) % this.#lastIndexes.length;
      lastIndexes[at] = this.#lastIndexes[from]!;
      sizes[at] = this.#sizes[from]!;
    }
    this.#lastIndexes = lastIndexes;
    this.#sizes = sizes;
    this.#start = 0;
  }
}
