import type { SimEvent } from "./sim-event.ts";

/** One number for all that happened in a run, in order: equal for the same scenario, whenever and wherever it is run. */
export class TraceHash {
  #hash = 0x811c9dc5;
  readonly #kinds = new Map<string, number>();

  get value(): number {
    return this.#hash >>> 0;
  }

  add(event: SimEvent): void {
    this.#word(this.#ordinal(event.kind));
    this.#word(event.at);
    if ("member" in event && event.member !== undefined) this.#word(event.member);
    switch (event.kind) {
      case "sent":
      case "received":
      case "lost":
        this.#word(event.id);
        this.#word(event.message.term);
        this.#word(this.#ordinal(event.message.kind));
        return;
      case "committed":
        this.#word(event.to);
        return;
      case "role":
        this.#word(event.term);
        this.#word(event.leader ?? 0);
        return;
      case "applied":
        this.#word(event.entry.index);
        this.#word(event.entry.term);
        return;
      case "state":
        this.#word(event.hash);
        return;
      default:
        return;
    }
  }

  #ordinal(kind: string): number {
    let ordinal = this.#kinds.get(kind);
    if (ordinal === undefined) {
      ordinal = this.#kinds.size + 1;
      this.#kinds.set(kind, ordinal);
    }
    return ordinal;
  }

  #word(word: number): void {
    this.#hash = Math.imul(this.#hash ^ (word | 0) ^ Math.floor(word / 0x1_0000_0000), 0x01000193);
    this.#hash ^= this.#hash >>> 15;
  }
}
