/**
 * Numbers what one member asks of the core, so that each answer finds its question. Numbers of one start never meet
 * those of another: an answer may come late, after a restart.
 */
export class Requests {
  #next: number;

  constructor(bootEpoch: number) {
    this.#next = bootEpoch * 0x1_0000_0000 + 1;
  }

  next(): number {
    return this.#next++;
  }
}
