import type { Timer } from "../../base/clock.ts";
import { refusal } from "../../wire/status.ts";
import type { Front } from "./front.ts";
import type { RpcStream } from "./rpc-server.ts";

/** How many election timeouts a stream that requires a leader bears without one. */
const PATIENCE = 3;

/** Ends the streams whose clients would rather ask another member than wait here for a leader. */
export class LeaderWatch {
  readonly #front: Front;
  readonly #streams = new Set<RpcStream>();
  #timer: Timer | null = null;
  readonly #onLeader = (leader: string | undefined): void => {
    this.#timer?.cancel();
    this.#timer = leader === undefined ? this.#schedule() : null;
  };

  constructor(front: Front) {
    this.#front = front;
    front.store.on("leader", this.#onLeader);
    this.#onLeader(front.standing.leader);
  }

  add(stream: RpcStream): void {
    this.#streams.add(stream);
    stream.onClose(() => this.#streams.delete(stream));
  }

  close(): void {
    this.#timer?.cancel();
    this.#front.store.off("leader", this.#onLeader);
  }

  #schedule(): Timer {
    const { clock } = this.#front;
    return clock.after(PATIENCE * this.#front.settings.electionMs, () => {
      for (const stream of [...this.#streams]) stream.end(refusal("noLeader"));
    });
  }
}
