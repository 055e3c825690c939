import type { Socket } from "node:net";
import { clearTimeout, monotonicNow, nextTick, setTimeout } from "../base/system-time.ts";
import { Http2Connection, type WaitLimits } from "./http2-connection.ts";
import type { Outlet } from "./sender.ts";
import type { StreamService } from "./stream-table.ts";

/** A client that leaves so much unread is not read from. */
const UNREAD_BYTES_MAX = 1024 * 1024;
/** How long a client may take to read why its connection ends. */
const FAREWELL_MS = 1_000;

/** A connection of HTTP/2 on its socket. What is written in one turn is sent together. */
export class SocketLink implements Outlet {
  readonly #socket: Socket;
  readonly #connection: Http2Connection;
  #isAwake = false;
  #isEnding = false;
  /** What the socket had taken when it was last looked at, and since when it is so. */
  #sentBytes = 0;
  #stalledSince: number | null = null;

  /** Takes over the socket. */
  constructor(socket: Socket, service: StreamService, onClose: () => void) {
    this.#socket = socket;
    this.#connection = new Http2Connection(this, service, () => monotonicNow());
    socket.on("data", (chunk: Buffer) => this.#connection.receive(chunk));
    socket.on("drain", () => this.#flush());
    // Connections break: whoever waits for an answer is told by what follows.
    socket.on("error", () => {});
    socket.once("close", () => {
      this.#connection.lose();
      onClose();
    });
    // What was paused on purpose does not begin to flow by itself.
    socket.resume();
  }

  get unsent(): number {
    return this.#socket.writableLength;
  }

  wake(): void {
    if (this.#isAwake) return;
    this.#isAwake = true;
    nextTick(this.#flush);
  }

  end(): void {
    this.#isEnding = true;
    this.wake();
  }

  /** Ends once the calls under way are over. */
  close(): void {
    this.#connection.close();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Whether the client has begun as HTTP/2 begins. */
  get hasBegun(): boolean {
    return this.#connection.hasBegun;
  }

  /** Since when there is no call; null while there is one. */
  get idleSince(): number | null {
    return this.#connection.idleSince;
  }

  /** Bytes of answers that wait here for the client. */
  get unread(): number {
    return this.#connection.unread + this.#socket.writableLength;
  }

  /** To be called now and then. True when the connection ends, since the client keeps it waiting. */
  expire(now: number, limits: WaitLimits): boolean {
    if (!this.#isEnding) this.#connection.expire(now, limits);
    return this.#isEnding;
  }

  /** Whether the client has taken nothing for so long, although something waits for it. To be called now and then. */
  isStalled(now: number, stalledMs: number): boolean {
    const { bytesWritten, writableLength } = this.#socket;
    const sent = bytesWritten - writableLength;
    if (writableLength === 0 || sent !== this.#sentBytes) this.#stalledSince = null;
    else this.#stalledSince ??= now;
    this.#sentBytes = sent;
    return this.#stalledSince !== null && now - this.#stalledSince >= stalledMs;
  }

  /** Ends at once; the client hears that it may go elsewhere. */
  leave(): void {
    this.#connection.close();
    this.#flush();
    this.#socket.destroySoon();
  }

  readonly #flush = (): void => {
    this.#isAwake = false;
    const socket = this.#socket;
    if (socket.destroyed || socket.writableEnded) return;
    for (let parts = this.#take(); parts.length > 0; parts = this.#take()) this.#write(parts);
    if (this.#isEnding) this.#sayFarewell();
    else if (socket.writableLength >= UNREAD_BYTES_MAX) socket.pause();
    else if (socket.isPaused()) socket.resume();
  };

  #take(): Uint8Array[] {
    return this.#connection.takeOutput();
  }

  #write(parts: readonly Uint8Array[]): void {
    const socket = this.#socket;
    if (parts.length === 1) socket.write(parts[0]!);
    else {
      socket.cork();
      for (const part of parts) socket.write(part);
      socket.uncork();
    }
  }

  /** A socket that is closed before everything was read from it takes back what it has sent. */
  #sayFarewell(): void {
    const socket = this.#socket;
    socket.resume();
    socket.end();
    const timer = setTimeout(() => socket.destroy(), FAREWELL_MS);
    socket.once("close", () => clearTimeout(timer));
  }
}
