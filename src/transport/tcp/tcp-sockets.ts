import type { Socket } from "node:net";
import { clearTimeout, setTimeout } from "../../base/system-time.ts";

/** Every socket of a transport, whichever way it was opened, so that closing can leave none behind. */
export class TcpSockets {
  readonly #open = new Set<Socket>();
  #onEmpty: (() => void) | null = null;

  add(socket: Socket): void {
    this.#open.add(socket);
    socket.on("close", () => {
      this.#open.delete(socket);
      this.#settle();
    });
  }

  /** Calls back when all are closed. Those still open after the grace are cut off. */
  whenEmpty(graceMs: number, done: () => void): void {
    const timer = setTimeout(() => {
      for (const socket of this.#open) socket.destroy();
    }, graceMs);
    this.#onEmpty = () => {
      clearTimeout(timer);
      done();
    };
    this.#settle();
  }

  #settle(): void {
    if (this.#open.size > 0) return;
    const done = this.#onEmpty;
    this.#onEmpty = null;
    done?.();
  }
}
