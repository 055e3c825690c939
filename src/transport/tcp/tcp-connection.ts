import type { Socket } from "node:net";
import { EMPTY_BYTES, MalformedBytes } from "../../base/bytes.ts";
import { QuorateError } from "../../base/errors.ts";
import { clearInterval, setInterval } from "../../base/system-time.ts";
import { encodeFrames, FrameDecoder } from "../codec/framing.ts";
import { HANDSHAKE_BYTES_MAX } from "../codec/handshake-codec.ts";
import type { TcpLimits } from "./tcp-limits.ts";

/** TCP's own probes, for what sits between the members and forgets idle connections. */
const KEEP_ALIVE_MS = 30_000;

/** How often a living connection speaks before its other end gives it up. */
const PULSES_UNHEARD_MAX = 4;

const PULSE = encodeFrames([EMPTY_BYTES]);

export interface ConnectionEvents {
  /** May throw MalformedBytes, which ends the connection as damage in the frame itself would. */
  frame(payload: Uint8Array): void;
  /** Told once, and not after `end` or `destroy`: with the reason, or with null when the other end let go. */
  lost(error: QuorateError<"ERR_PROTOCOL"> | null): void;
  /** Room again after `isFull`. */
  drained(): void;
}

/** What an open connection is held to. */
export type OpenLimits = Pick<TcpLimits, "frameBytesMax" | "silenceMs" | "frameBytesPerSecondMin">;

/**
 * A socket that carries frames. It begins in the handshake, when only short ones are taken; `open` lifts that limit
 * and starts the pulse: an empty frame now and then, by which a broken path is noticed that nobody closed.
 *
 * Two things are signs of life: a frame that arrived whole and undamaged, and a frame on its way, led by an undamaged
 * header, that grows fast enough. Bytes alone are none.
 */
export class TcpConnection {
  readonly #socket: Socket;
  readonly #events: ConnectionEvents;
  readonly #decoder = new FrameDecoder(HANDSHAKE_BYTES_MAX);
  #isOver = false;
  #pulse: NodeJS.Timeout | null = null;
  #pulsesUnheard = 0;
  /** What had arrived of an unfinished frame at the last beat, and how much more makes a sign of life at the next. */
  #unfinishedBefore = 0;
  #growthMin = 0;

  constructor(socket: Socket, events: ConnectionEvents) {
    this.#socket = socket;
    this.#events = events;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.on("data", (piece: Uint8Array) => this.#read(piece));
    socket.on("drain", () => this.#isOver || events.drained());
    socket.on("end", () => this.#lose(null));
    socket.on("close", () => this.#lose(null));
    // Without a listener an error would end the process; "close" always follows it.
    socket.on("error", () => {});
  }

  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress;
  }

  /** Bytes handed to the socket that the kernel has not taken. */
  get waitingBytes(): number {
    return this.#socket.writableLength;
  }

  get isFull(): boolean {
    return this.#socket.writableNeedDrain;
  }

  open({ frameBytesMax, silenceMs, frameBytesPerSecondMin }: OpenLimits): void {
    const beatMs = silenceMs / PULSES_UNHEARD_MAX;
    this.#decoder.frameBytesMax = frameBytesMax;
    this.#growthMin = Math.max(1, (frameBytesPerSecondMin * beatMs) / 1_000);
    this.#pulse = setInterval(() => this.#beat(), beatMs);
  }

  /** Writes frames as one piece. */
  write(payloads: readonly Uint8Array[]): void {
    if (!this.#isOver) this.#socket.write(encodeFrames(payloads));
  }

  /** Lets go once everything written has left. */
  end(): void {
    this.#finish();
    this.#socket.destroySoon();
  }

  destroy(): void {
    this.#finish();
    this.#socket.destroy();
  }

  #read(piece: Uint8Array): void {
    if (this.#isOver) return;
    this.#decoder.push(piece);
    try {
      // Whoever takes a frame may end the connection, so that the next is not read.
      for (let frame = this.#decoder.next(); frame !== null && !this.#isOver; frame = this.#decoder.next()) {
        this.#pulsesUnheard = 0;
        if (frame.length > 0) this.#events.frame(frame);
      }
    } catch (error) {
      if (!(error instanceof MalformedBytes)) throw error;
      this.fail(error.message);
    }
  }

  /** Gives the connection up because of what the other end did. */
  fail(reason: string): void {
    const peer = `${this.#socket.remoteAddress}:${this.#socket.remotePort}`;
    this.#lose(protocolError(peer, reason));
  }

  // Pulses are counted rather than the clock read: after our own process stood still, what arrived
  // meanwhile is read before the next pulse is missed.
  #beat(): void {
    const unfinished = this.#decoder.unfinishedBytes;
    const isGrowing = unfinished - this.#unfinishedBefore >= this.#growthMin;
    this.#unfinishedBefore = unfinished;
    this.#pulsesUnheard = isGrowing ? 0 : this.#pulsesUnheard + 1;
    if (this.#pulsesUnheard <= PULSES_UNHEARD_MAX) {
      if (!this.isFull) this.#socket.write(PULSE);
    } else if (unfinished > 0)
      this.fail(`${unfinished} bytes of a frame arrived, and the rest does not follow`);
    else this.#lose(null);
  }

  #lose(error: QuorateError<"ERR_PROTOCOL"> | null): void {
    if (this.#isOver) return;
    this.destroy();
    this.#events.lost(error);
  }

  #finish(): void {
    this.#isOver = true;
    if (this.#pulse !== null) clearInterval(this.#pulse);
    this.#pulse = null;
  }
}

export function protocolError(peer: string, reason: string): QuorateError<"ERR_PROTOCOL"> {
  return new QuorateError("ERR_PROTOCOL", `connection with ${peer} dropped: ${reason}`, { peer, reason });
}
