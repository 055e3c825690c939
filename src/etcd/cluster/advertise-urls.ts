import type { Timer } from "../../base/clock.ts";
import type { Front } from "../call/front.ts";

const RETRY_MS = 1_000;

/** Tells the other members where this one's clients reach it, and goes on until it is agreed. */
export class AdvertiseUrls {
  readonly #front: Front;
  readonly #clients: readonly string[];
  #timer: Timer | null = null;
  #isStopped = false;

  constructor(front: Front, clients: readonly string[]) {
    this.#front = front;
    this.#clients = clients;
    this.#publish();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #publish(): void {
    const { store, name, clock } = this.#front;
    const known = store.cluster.members.find((member) => member.name === name);
    if (this.#isStopped || String(known?.clients) === String(this.#clients)) return;
    // Whether it worked shows in the list of members.
    const retry = (): void => {
      this.#timer = clock.after(RETRY_MS, () => this.#publish());
    };
    store.cluster.update(name, { clients: this.#clients }).then(retry, retry);
  }
}
