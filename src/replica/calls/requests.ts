/** Starts that differ by fewer than this have different numbers, and so have as many requests of one start. */
const STARTS = 2 ** 21;
const REQUESTS_PER_START = 2 ** 32;

/**
 * Numbers what one member asks of the core, so that each answer finds its question. An answer may come late, after a
 * restart: so the numbers of a start are used again only two million starts, or four billion requests, later.
 */
export class Requests {
  readonly #first: number;
  #count = 0;

  constructor(bootEpoch: number) {
    this.#first = (bootEpoch % STARTS) * REQUESTS_PER_START;
  }

  /** Never 0. */
  next(): number {
    this.#count = (this.#count % (REQUESTS_PER_START - 1)) + 1;
    return this.#first + this.#count;
  }
}
