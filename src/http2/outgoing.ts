import { SendWindow } from "./flow-window.ts";

/** What one stream has to send and its client does not take yet. */
export class Outgoing {
  readonly streamId: number;
  readonly window: SendWindow;
  readonly #parts: Uint8Array[] = [];
  /** What of the first part is gone. */
  #offset = 0;
  #length = 0;
  /** The block that the stream ends with, once everything else is sent. */
  last: Uint8Array | null = null;

  constructor(streamId: number, windowBytes: number) {
    this.streamId = streamId;
    this.window = new SendWindow(windowBytes);
  }

  get length(): number {
    return this.#length;
  }

  push(bytes: Uint8Array): void {
    this.#parts.push(bytes);
    this.#length += bytes.length;
  }

  /** Whether anything was sent since `hasMoved` was last set to false; and since when nothing was. */
  hasMoved = true;
  stalledSince = 0;

  /** Whether the end was sent. */
  isOver = false;

  /** Hands out the next bytes, of one part and at most so many. */
  shift(bytesMax: number, take: (part: Uint8Array, from: number, to: number) => void): void {
    const part = this.#parts[0]!;
    const from = this.#offset;
    const to = Math.min(part.length, from + bytesMax);
    this.#length -= to - from;
    this.#offset = to;
    if (to === part.length) {
      this.#parts.shift();
      this.#offset = 0;
    }
    take(part, from, to);
  }
}
