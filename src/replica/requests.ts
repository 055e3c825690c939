/** Numbers what one member asks of the core, so that each answer finds its question. */
export class Requests {
  #next = 1;

  next(): number {
    return this.#next++;
  }
}
