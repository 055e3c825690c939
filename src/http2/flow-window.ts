import { Code, ConnectionError, UINT31_MAX } from "./protocol.ts";

/** How much a client may send before it hears from us, on one stream or on the connection (RFC 9113, section 5.2). */
export class ReceiveWindow {
  readonly #size: number;
  /** What the client may send still. */
  #left: number;
  /** What was taken in and is not given back yet. */
  #used = 0;

  constructor(size: number) {
    this.#size = size;
    this.#left = size;
  }

  /** Throws ConnectionError when the client sends what it may not. */
  take(bytes: number): void {
    if (bytes > this.#left) throw new ConnectionError(Code.flowControlError, "more data than the window has");
    this.#left -= bytes;
  }

  /** To be called once the bytes take no more memory. Tells by how much the window is to be opened: mostly not at all. */
  free(bytes: number): number {
    this.#used += bytes;
    if (this.#used < this.#size / 2) return 0;
    const opened = this.#used;
    this.#used = 0;
    this.#left += opened;
    return opened;
  }
}

/** How much may be sent to a client. */
export class SendWindow {
  #left: number;

  constructor(size: number) {
    this.#left = size;
  }

  /** May be negative: a client may take back what it has allowed (section 6.9.2). */
  get left(): number {
    return this.#left;
  }

  take(bytes: number): void {
    this.#left -= bytes;
  }

  /** False where the window would get larger than any may be. */
  open(bytes: number): boolean {
    this.#left += bytes;
    return this.#left <= UINT31_MAX;
  }
}
